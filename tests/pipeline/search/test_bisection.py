"""Bisection finds the first error wherever it is, stops early, and never calls a fault an error."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome, ProbeCount
from pipeline.search.bisection import Bisection, BisectionOptions


def drive(search: Bisection, answer) -> int:
    """Run a search to its end; returns the rollouts it took."""
    taken = 0
    while probes := search.next():
        for probe in probes:
            assert probe.rollouts > 0
            for _ in range(probe.rollouts):
                taken += 1
                search.observe(probe.prefix, answer(probe.prefix))
    return taken


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_perfect_policy_gives_the_exact_first_error(case: tuple[int, int]) -> None:
    n_steps, error = case
    search = Bisection(BisectionOptions(), n_steps, Outcome.INCORRECT)
    drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    assert search.finding().first_error == error


@given(st.integers(1, 60))
def test_a_right_solution_costs_nothing(n_steps: int) -> None:
    search = Bisection(BisectionOptions(), n_steps, Outcome.CORRECT)
    assert search.next() == []
    assert search.finding().first_error == -1


@given(st.integers(2, 40))
def test_faults_alone_decide_nothing(n_steps: int) -> None:
    search = Bisection(BisectionOptions(), n_steps, Outcome.INCORRECT)
    taken = drive(search, lambda t: Outcome.UNDECIDED)
    assert search.finding().first_error is None
    assert taken <= 4 + 2


def test_a_policy_that_never_solves_the_problem_decides_nothing() -> None:
    search = Bisection(BisectionOptions(), 8, Outcome.INCORRECT)
    drive(search, lambda t: Outcome.INCORRECT)
    assert search.finding().first_error is None
    published = Bisection(BisectionOptions(check_start=False), 8, Outcome.INCORRECT)
    drive(published, lambda t: Outcome.INCORRECT)
    assert published.finding().first_error == 0


def test_a_probe_ends_at_its_first_success() -> None:
    search = Bisection(BisectionOptions(rollouts=8, wave=1), 2, Outcome.INCORRECT)
    assert drive(search, lambda t: Outcome.CORRECT) == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_outcomes_within_a_round_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    outcomes = {t: [rng.choice(list(Outcome)) for _ in range(6)] for t in range(20)}

    def run(shuffle: bool) -> tuple:
        search = Bisection(BisectionOptions(wave=3), 20, Outcome.INCORRECT)
        taken = dict.fromkeys(range(20), 0)
        while probes := search.next():
            for probe in probes:
                start = taken[probe.prefix]
                taken[probe.prefix] += probe.rollouts
                wave = outcomes[probe.prefix][start : start + probe.rollouts]
                for outcome in reversed(wave) if shuffle else wave:
                    search.observe(probe.prefix, outcome)
        return search.finding(), search.counts

    assert run(False) == run(True)


def test_an_uncertain_prefix_is_sampled_on_until_its_value_is_known() -> None:
    """AMCS: eight of one kind are enough; mixed ones go on, and the first error is the same."""
    options = BisectionOptions(rollouts=8, wave=8, half_width=0.1, most=60, check_start=False)
    rng = random.Random(0)
    search = Bisection(options, 8, Outcome.INCORRECT)
    certain = {1: 1.0, 2: 1.0, 3: 0.5, 4: 0.5}
    drive(
        search, lambda t: Outcome.CORRECT if rng.random() < certain.get(t, 0) else Outcome.INCORRECT
    )
    counts = {c.prefix: c for c in search.counts}
    assert search.finding().first_error == 4
    assert counts[4].decided == 60
    assert counts[6].decided == counts[5].decided == 8


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_with_a_perfect_policy_certainty_costs_nothing_more(case: tuple[int, int]) -> None:
    n_steps, error = case
    taken = []
    for width in (None, 0.1):
        options = BisectionOptions(rollouts=4, wave=4, half_width=width)
        search = Bisection(options, n_steps, Outcome.INCORRECT)
        taken.append(drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT))
        assert search.finding().first_error == error
    assert taken[0] == taken[1]


def test_without_a_success_a_value_is_wanted_no_more_exactly() -> None:
    options = BisectionOptions(rollouts=8, wave=8, spare=2, half_width=0.1, most=60)
    search = Bisection(options, 8, Outcome.INCORRECT)
    drive(search, lambda t: Outcome.UNDECIDED)
    assert search.counts == (ProbeCount(4, 0, 0, 10),)
    assert search.finding().reason == "too many undecided rollouts from prefix 4"


def test_a_success_proves_a_prefix_good_however_many_are_undecided() -> None:
    options = BisectionOptions(rollouts=8, wave=8, half_width=0.05, most=40, check_start=False)
    rng = random.Random(2)
    search = Bisection(options, 2, Outcome.INCORRECT)
    drive(search, lambda t: rng.choice(list(Outcome)))
    assert search.finding().first_error == 1
