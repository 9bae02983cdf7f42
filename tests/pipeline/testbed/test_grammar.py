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
    Split.DEV: "3d099a270d73a6365c7be215282bf0c3cfc64a75b09c8d9660d4919df5cf489c",
    Split.TEST: "872048af744c02044f847b6e5e658716fa16e0e6b0f7384b15dfee3f7571195d",
    Split.HARD: "5c38d8fec9b78f2634bee65d34a76677ac5bb9003062aad9c21b922627c15f42",
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


def test_about_a_third_can_come_right_by_luck_and_few_persons_are_beside_the_point() -> None:
    rows = split_rows(Split.HARD)
    assert 0.25 <= sum(row["kind"] != "value" for row in rows) / len(rows) <= 0.45
    for row in rows:
        problem = parse_problem(str(row["question"]))
        assert 1 <= len(problem.values) - len(problem.needed) <= 3


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
