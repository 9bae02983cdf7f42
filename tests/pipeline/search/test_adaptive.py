"""Adaptive bisection is exact with a perfect policy, asks more of a weak one, and gives up on none."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome, ProbeCount
from pipeline.search.adaptive import Adaptive, AdaptiveOptions
from pipeline.search.protocol import NO_SIBLINGS, Known
from tests.pipeline.search.test_bisection import drive


def start(n_steps: int, siblings: ProbeCount = NO_SIBLINGS) -> Adaptive:
    return Adaptive(AdaptiveOptions(), n_steps, Outcome.INCORRECT, Known(siblings))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_perfect_policy_gives_the_exact_first_error(case: tuple[int, int]) -> None:
    n_steps, error = case
    search = start(n_steps)
    drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    assert search.finding().first_error == error


@pytest.mark.parametrize(("chance", "asked"), [(0.9, 16), (0.2, 48)])
def test_a_weaker_policy_is_asked_more_often(chance: float, asked: int) -> None:
    rng = random.Random(3)
    search = start(9)
    drive(search, lambda t: Outcome.CORRECT if rng.random() < chance else Outcome.INCORRECT)
    assert all(abs(c.decided - asked) <= 24 for c in search.counts if c.prefix)
    assert all(16 <= c.decided <= 72 for c in search.counts if c.prefix)


def test_the_first_probe_is_early_on_hard_problems_and_late_on_easy_ones() -> None:
    def first(right: int, decided: int) -> int:
        return start(12, ProbeCount(0, right, decided)).next()[0].prefix

    assert first(10, 50) < first(10, 20) < first(30, 30)


def test_a_prefix_is_held_against_half_of_the_bare_problem_s_rate() -> None:
    """Luck of one in eight after the error is not taken for goodness, as plain bisection would."""
    rng = random.Random(1)
    chance = {t: 0.9 if t <= 3 else 0.1 for t in range(8)}
    found = []
    for _ in range(20):
        search = start(8, ProbeCount(0, 27, 30))
        drive(search, lambda t: _outcome(rng, chance[t]))
        found.append(search.finding().first_error)
    assert found.count(3) >= 18


def _outcome(rng: random.Random, chance: float) -> Outcome:
    return Outcome.CORRECT if rng.random() < chance else Outcome.INCORRECT


def test_a_policy_that_never_solves_the_problem_decides_nothing() -> None:
    search = start(8)
    assert drive(search, lambda t: Outcome.INCORRECT) == 72
    assert search.finding().first_error is None


def test_faults_alone_decide_nothing() -> None:
    search = start(8, ProbeCount(0, 12, 15))
    assert drive(search, lambda t: Outcome.UNDECIDED) <= 16 + 4
    assert search.finding().first_error is None


def test_a_bare_problem_whose_rollouts_are_undecided_is_not_called_hard() -> None:
    search = start(8)
    assert drive(search, lambda t: Outcome.UNDECIDED) == 72
    assert search.finding().reason == "too many undecided rollouts from prefix 0"
