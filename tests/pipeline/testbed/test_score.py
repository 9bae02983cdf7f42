"""Scores against the oracle: what they count, and how sure they are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

from pipeline.errors import InputError
from pipeline.testbed.evaluate import dev_rows
from pipeline.testbed.facts import parse_problem
from pipeline.testbed.inject import flawed_solution
from pipeline.testbed.oracle import judge_solution
from pipeline.testbed.score import (
    Judged,
    Share,
    majority,
    read_rows,
    score_judge,
    score_policy,
)

DATA = Path(__file__).parents[3] / "data" / "tinymath"


def cases() -> list[Judged]:
    """40 solutions, every other one with an error."""
    rng = random.Random(0)
    found: list[Judged] = []
    for i, row in enumerate(dev_rows(4)):
        problem = parse_problem(row.question)
        steps = flawed_solution(rng, problem).steps if i % 2 else problem.reference
        found.append(Judged(row, steps, judge_solution(row.question, steps)))
    return found


def test_an_interval_is_wilson_s() -> None:
    low, high = Share(8, 10).interval()
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Share(0, 0).interval() == (0.0, 1.0)


def test_a_perfect_judge_and_one_that_never_objects() -> None:
    judged = cases()
    perfect = score_judge(judged, [j.oracle.first_error for j in judged])
    assert (perfect.f1, perfect.exact.value, perfect.unparsed) == (1.0, 1.0, 0)
    silent = score_judge(judged, [-1] * 40)
    assert (silent.f1, silent.exact) == (0.0, Share(20, 40))
    mute = score_judge(judged, [None] * 40)
    assert (mute.f1, mute.unparsed) == (0.0, 40)


def test_a_policy_s_score_counts_first_errors_once() -> None:
    score = score_policy(cases())
    assert score.step_error.hits == 20 == score.kinds.total()
    assert score.solved.hits >= 20
    assert score.hidden.hits == score.solved.hits - 20


@pytest.mark.parametrize(
    ("votes", "named"),
    [([1, 1, 2], 1), ([-1, -1, None], -1), ([1, 2, None], None), ([None], None), ([], None)],
)
def test_a_majority_is_more_than_half_of_the_parsed_votes(
    votes: list[int | None], named: int | None
) -> None:
    assert majority(votes) == named


def test_the_shipped_splits_are_read_and_a_missing_one_is_refused() -> None:
    assert len(read_rows(DATA / "test.jsonl")) == 250
    with pytest.raises(InputError, match="no such split"):
        read_rows(DATA / "none.jsonl")
