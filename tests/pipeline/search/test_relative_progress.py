"""The first step that loses more than a fifth of the chance before it is named."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import NO_ERROR, Outcome, ProbeCount
from pipeline.search.protocol import NO_SIBLINGS, Finding, Known
from pipeline.search.relative_progress import RelativeProgress, RelativeProgressOptions
from tests.pipeline.search.test_bisection import drive


def start(
    n_steps: int,
    outcome: Outcome = Outcome.INCORRECT,
    siblings: ProbeCount = NO_SIBLINGS,
    rollouts: int = 8,
) -> RelativeProgress:
    options = RelativeProgressOptions(rollouts=rollouts)
    return RelativeProgress(options, n_steps, outcome, Known(siblings))


def shares(*right: int, rollouts: int = 10) -> list[Outcome]:
    """Ten outcomes a prefix, so many of them right."""
    return [Outcome.CORRECT if i < n else Outcome.INCORRECT for n in right for i in range(rollouts)]


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_perfect_policy_gives_the_exact_first_error(case: tuple[int, int]) -> None:
    n_steps, error = case
    search = start(n_steps)
    drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    assert search.finding().first_error == error
    assert all(count.prefix <= error + 1 for count in search.counts)


@pytest.mark.parametrize(
    ("right", "outcome", "named"),
    [
        ((5, 5, 4, 4), Outcome.CORRECT, NO_ERROR),
        ((10, 8, 7, 6), Outcome.CORRECT, NO_ERROR),
        ((10, 7, 7, 7), Outcome.CORRECT, 0),
        ((5, 6, 4, 4), Outcome.INCORRECT, 1),
        ((5, 6, 6, 6), Outcome.INCORRECT, 3),
    ],
)
def test_each_step_is_held_against_the_one_before_it(
    right: tuple[int, ...], outcome: Outcome, named: int
) -> None:
    search = start(4, outcome, rollouts=10)
    given_out = iter(shares(*right))
    drive(search, lambda t: next(given_out))
    assert search.finding().first_error == named


def test_the_problem_s_other_solutions_stand_for_rollouts_of_the_bare_problem() -> None:
    search = start(3, siblings=ProbeCount(0, 6, 8))
    assert [probe.prefix for probe in search.next()] == [1]
    assert start(3, siblings=ProbeCount(0, 3, 6)).next()[0].rollouts == 2


def test_what_is_undecided_or_never_solved_decides_nothing() -> None:
    faults = start(5)
    drive(faults, lambda t: Outcome.UNDECIDED)
    assert faults.finding().first_error is None
    never = start(5)
    drive(never, lambda t: Outcome.INCORRECT)
    assert never.finding() == Finding(None, "no rollout from the bare problem is right")
    assert start(5, Outcome.UNDECIDED).finding().first_error is None


def test_with_many_rollouts_luck_is_seldom_taken_for_an_error() -> None:
    rng = random.Random(5)
    named = []
    for _ in range(50):
        search = start(6, rollouts=128)
        chance = {t: 0.7 if t <= 3 else 0.1 for t in range(6)}
        drive(
            search,
            lambda t, chance=chance: (
                Outcome.CORRECT if rng.random() < chance[t] else Outcome.INCORRECT
            ),
        )
        named.append(search.finding().first_error)
    assert named.count(3) >= 45
