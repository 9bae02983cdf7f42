"""The tokenizer decodes without loss, and its boundaries are the steps'."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.testbed.grammar import LEVELS, make_problem
from pipeline.testbed.inject import flawed_solution
from pipeline.testbed.judge_format import check_text, render_prompt
from pipeline.testbed.tokenizer import (
    EOS,
    UNKNOWN,
    build_tokenizer,
    decode,
    encode,
    save_tokenizer,
    vocabulary,
)

TOKENIZER = build_tokenizer()


@settings(max_examples=200)
@given(st.integers(min_value=0), st.sampled_from(sorted(LEVELS)))
def test_text_goes_to_ids_and_back_without_loss(seed: int, level: int) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    flawed = flawed_solution(rng, problem)
    shown = render_prompt(problem.text, flawed.steps)
    text = shown + check_text(problem, flawed.steps, flawed.first_error)
    ids = TOKENIZER(text)["input_ids"]
    assert ids == encode(text)
    assert TOKENIZER.decode(ids) == text == decode(ids)


@settings(max_examples=50)
@given(st.integers(min_value=0))
def test_every_step_boundary_is_a_token_boundary(seed: int) -> None:
    problem = make_problem(random.Random(seed), 3)
    prompt = f"{problem.text}\n"
    apart = [TOKENIZER(part)["input_ids"] for part in (prompt, *problem.reference)]
    whole = TOKENIZER(prompt + "".join(problem.reference))["input_ids"]
    assert whole == [i for ids in apart for i in ids]


def test_a_name_and_its_equals_sign_are_one_token() -> None:
    assert TOKENIZER.tokenize("#2 Cal has 36 : Eve= 9") == [
        *("#2", " Cal", " has", " 3", "6", " :", " Eve=", " 9"),
    ]


def test_no_special_token_is_added() -> None:
    ids = TOKENIZER("#1 Eve has 9 .")["input_ids"]
    assert not {vocabulary()[EOS], vocabulary()[UNKNOWN]} & set(ids)
    assert TOKENIZER.bos_token is None


def test_the_saved_folder_loads_by_itself(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tmp_path)
    loaded = AutoTokenizer.from_pretrained(str(tmp_path))
    text = "#2 Cal tops Eve by 36 : Eve= 9 , 9 + 36 = 45 , Cal= 45 .\n"
    assert loaded.decode(loaded(text)["input_ids"]) == text
    assert loaded.eos_token_id == vocabulary()[EOS]


def test_words_out_of_vocabulary_are_unknown() -> None:
    assert TOKENIZER.tokenize("Cal runs") == ["Cal", UNKNOWN]
    assert encode("Cal runs thanLeo") == TOKENIZER("Cal runs thanLeo")["input_ids"]
