"""The grammar and its frozen splits."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.testbed.facts import parse_problem
from pipeline.testbed.grammar import (
    LEVELS,
    SPLIT_LEVELS,
    SPLIT_SIZES,
    Split,
    make_problem,
    split_of,
    split_rows,
    training_problem,
)

DATA = Path(__file__).parents[3] / "data" / "tinymath"
FROZEN = {
    Split.DEV: "dceccca1a0ba043936336317d80bc2083bf24d59ad4590dacc9b6643a890fc46",
    Split.TEST: "7d2f9bbb81b4236851ace1700e1f5b614ebd9eb016d5ab3b7825084d7c96f227",
    Split.HARD: "a92b7d8b0d386b8501b78a967f1e8bb28d72e148e0b4c809378a9c8013dbb99c",
}


@given(st.integers(), st.sampled_from(sorted(LEVELS)))
def test_a_question_says_all_there_is_to_know_of_its_problem(seed: int, level: int) -> None:
    problem = make_problem(random.Random(seed), level)
    assert parse_problem(problem.text) == problem


@given(st.integers(), st.sampled_from(sorted(LEVELS)))
def test_a_seed_gives_one_problem_with_values_in_range(seed: int, level: int) -> None:
    problem = make_problem(random.Random(seed), level)
    assert problem == make_problem(random.Random(seed), level)
    assert all(0 <= value <= 999 for value in problem.values.values())
    assert 4 <= len(problem.reference) <= 12
    assert problem.reference[-1] == f"Answer : {problem.answer}\n"


@given(st.integers())
def test_training_never_draws_a_text_of_another_split(seed: int) -> None:
    assert split_of(training_problem(random.Random(seed), 1).text) is Split.TRAIN


@pytest.mark.parametrize("split", list(FROZEN))
def test_the_splits_are_frozen(split: Split) -> None:
    shipped = (DATA / f"{split.value}.jsonl").read_bytes()
    assert hashlib.sha256(shipped).hexdigest() == FROZEN[split]
    rows = [json.loads(line) for line in shipped.splitlines()]
    assert rows == split_rows(split)
    assert len({row["id"] for row in rows}) == SPLIT_SIZES[split]
    assert {row["level"] for row in rows} == set(SPLIT_LEVELS[split])
    assert all(split_of(row["question"]) is split for row in rows)


def test_about_a_third_can_come_right_by_luck_and_at_most_one_person_is_beside_the_point() -> None:
    rows = split_rows(Split.HARD)
    assert 0.25 <= sum(row["kind"] != "value" for row in rows) / len(rows) <= 0.45
    for row in rows:
        problem = parse_problem(str(row["question"]))
        assert len(problem.values) - len(problem.needed) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "What is 2 + 2 ?",
        "#1 Cal tops Eve by 3 .\nHow many has Cal ?",
        "#1 Cal has 3 .\nHow many has Eve ?",
        "#2 Cal has 3 .\nHow many has Cal ?",
        "Cal has 3 .\nHow many has Cal ?",
        "#1 Cal halves Eve .\n#2 Eve has 3 .\nHow many has Cal ?",
        "",
    ],
)
def test_what_is_no_tinymath_question_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_problem(text)
