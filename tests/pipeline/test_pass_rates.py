"""Pass rates decide which problems are annotated, and speak for a problem's other solutions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import FilterConfig
from pipeline.pass_rates import PassRates
from pipeline.records import Outcome, ProbeCount, Solution
from pipeline.shards import Store
from pipeline.stages import problem_key

RIGHT, WRONG, OPEN = Outcome.CORRECT, Outcome.INCORRECT, Outcome.UNDECIDED
OUTCOMES = {
    "never": [WRONG, WRONG, OPEN],
    "half": [RIGHT, WRONG],
    "always": [RIGHT],
    "none": [OPEN],
}


def solution(problem: str, number: int, outcome: Outcome) -> Solution:
    return Solution(f"{problem}-{number}", problem, "q", "1", ("a",), "policy", outcome=outcome)


@pytest.fixture
def rates(tmp_path: Path) -> PassRates:
    rows = [solution(p, i, o) for p, all_of in OUTCOMES.items() for i, o in enumerate(all_of)]
    store = Store(tmp_path)
    store.open("v1")
    store.write(rows, Solution)
    return PassRates.of(store)


@pytest.mark.parametrize(
    ("wanted", "out"),
    [
        ({}, set()),
        ({"drop_never_right": True}, {"never"}),
        ({"drop_always_right": True}, {"always"}),
        ({"min_pass_rate": 0.5}, {"never"}),
        ({"max_pass_rate": 0.5}, {"always"}),
        ({"min_pass_rate": 0.1, "max_pass_rate": 0.4}, {"never", "half", "always"}),
    ],
)
def test_bounds_leave_problems_out_and_one_with_nothing_decided_stays(
    rates: PassRates, wanted: dict[str, float], out: set[str]
) -> None:
    keys = {problem: problem_key(problem, "q", "1") for problem in OUTCOMES}
    left_out = rates.left_out(FilterConfig(**wanted), set(keys.values()))
    assert left_out == {keys[problem] for problem in out}


def test_a_problem_that_is_no_longer_an_input_is_left_out(rates: PassRates) -> None:
    keys = {problem_key(problem, "q", "1") for problem in ("half", "always")}
    left_out = rates.left_out(FilterConfig(), keys)
    assert left_out == {problem_key(problem, "q", "1") for problem in ("never", "none")}


def test_siblings_are_the_other_decided_solutions(rates: PassRates) -> None:
    assert rates.siblings(solution("never", 0, WRONG)) == ProbeCount(0, 0, 1)
    assert rates.siblings(solution("never", 2, OPEN)) == ProbeCount(0, 0, 2)
    assert rates.siblings(solution("half", 1, WRONG)) == ProbeCount(0, 1, 1)
    assert rates.siblings(solution("always", 0, RIGHT)) == ProbeCount(0, 0, 0)
