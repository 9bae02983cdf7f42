"""Exhaustive search looks at every prefix once and takes the first without a success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome
from pipeline.search.exhaustive import Exhaustive, ExhaustiveOptions


def drive(search: Exhaustive, answer) -> None:
    while probes := search.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                search.observe(probe.prefix, answer(probe.prefix))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_perfect_policy_gives_the_exact_first_error(case: tuple[int, int]) -> None:
    n_steps, error = case
    search = Exhaustive(ExhaustiveOptions(), n_steps, Outcome.INCORRECT)
    drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    assert search.finding().first_error == error
    assert all(count.decided == 8 for count in search.counts)


def test_every_inner_prefix_gets_k_rollouts() -> None:
    search = Exhaustive(ExhaustiveOptions(rollouts=3), 5, Outcome.CORRECT)
    drive(search, lambda t: Outcome.CORRECT)
    assert [(c.prefix, c.right, c.decided) for c in search.counts] == [
        (t, 3, 3) for t in range(1, 5)
    ]
    assert search.finding().first_error == -1


def test_faults_at_a_prefix_leave_it_undecided() -> None:
    search = Exhaustive(ExhaustiveOptions(rollouts=2), 4, Outcome.INCORRECT)
    drive(search, lambda t: Outcome.UNDECIDED if t == 2 else Outcome.CORRECT)
    assert search.finding().first_error is None
