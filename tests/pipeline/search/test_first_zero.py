"""The first prefix without a success ends the search, and nothing behind it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome
from pipeline.search.first_zero import FirstZero, FirstZeroOptions
from tests.pipeline.search.test_bisection import drive


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_perfect_policy_gives_the_exact_first_error(case: tuple[int, int]) -> None:
    n_steps, error = case
    search = FirstZero(FirstZeroOptions(rollouts=4), n_steps, Outcome.INCORRECT)
    taken = drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    assert search.finding().first_error == error
    assert taken == 4 * min(error + 1, n_steps - 1)


def test_a_right_solution_costs_nothing() -> None:
    search = FirstZero(FirstZeroOptions(), 6, Outcome.CORRECT)
    assert search.next() == []
    assert search.finding().first_error == -1


@given(st.integers(2, 40))
def test_faults_alone_decide_nothing(n_steps: int) -> None:
    search = FirstZero(FirstZeroOptions(), n_steps, Outcome.INCORRECT)
    assert drive(search, lambda t: Outcome.UNDECIDED) <= 8 + 2
    assert search.finding().first_error is None
