"""Every strategy begins with the rollouts that it is told are known, and asks for them no more."""

from __future__ import annotations

import pytest

from pipeline.records import Outcome, ProbeCount
from pipeline.search import STRATEGIES, Known, Search, make_strategy

STEPS, ERROR = 12, 6


def drive(search: Search) -> int:
    """A policy that never errs from a good prefix, and never recovers. Returns the rollouts taken."""
    taken = 0
    while probes := search.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                taken += 1
                good = probe.prefix <= ERROR
                search.observe(probe.prefix, Outcome.CORRECT if good else Outcome.INCORRECT)
    return taken


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_known_is_counted_and_not_asked_again(name: str) -> None:
    strategy, _ = make_strategy(name, {}, "test")
    known = (ProbeCount(ERROR, 8, 8), ProbeCount(ERROR + 1, 0, 8))
    search = strategy.start(STEPS, Outcome.INCORRECT, Known(rollouts=known))
    assert search.counts == known
    unaware = strategy.start(STEPS, Outcome.INCORRECT)
    assert drive(search) < drive(unaware)
    assert search.finding().first_error == unaware.finding().first_error == ERROR


def test_bisection_trusts_the_first_prefix_known_to_be_bad() -> None:
    strategy, _ = make_strategy("bisection", {"rollouts": 4}, "test")
    known = (ProbeCount(2, 1, 4), ProbeCount(5, 0, 4), ProbeCount(9, 1, 8))
    probes = strategy.start(STEPS, Outcome.INCORRECT, Known(rollouts=known)).next()
    assert [probe.prefix for probe in probes] == [3]


def test_what_is_known_spends_nothing_of_a_budget() -> None:
    strategy, _ = make_strategy("bayesian", {"budget": 1, "confidence": 0.99}, "test")
    known = Known(rollouts=(ProbeCount(3, 4, 16), ProbeCount(6, 1, 16)))
    assert strategy.start(STEPS, Outcome.INCORRECT, known).next()
