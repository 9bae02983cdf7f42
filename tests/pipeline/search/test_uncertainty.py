"""The least certain step is asked of first, and the first bad prefix that is met ends the search."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome, ProbeCount
from pipeline.search.protocol import Known
from pipeline.search.uncertainty import ByUncertainty, UncertaintyOptions, entropy, order_of
from tests.pipeline.search.test_bisection import drive

BARE = ProbeCount(0, 18, 20)
logprobs = st.lists(st.floats(-50, 0), min_size=1, max_size=60)


def search_of(*uncertainty: float) -> ByUncertainty:
    known = Known(BARE, uncertainty=uncertainty)
    return ByUncertainty(UncertaintyOptions(), len(uncertainty), Outcome.INCORRECT, known)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=30), st.data())
def test_with_a_perfect_policy_the_step_named_is_wrong_or_comes_after_the_wrong_one(
    uncertainty: list[float], data: st.DataObject
) -> None:
    error = data.draw(st.integers(0, len(uncertainty) - 1))
    search = search_of(*uncertainty)
    drive(search, lambda t: Outcome.CORRECT if t <= error else Outcome.INCORRECT)
    named = search.finding().first_error
    assert named is not None
    assert named >= error
    asked = order_of(uncertainty[:-1], "level")
    last = len(uncertainty) - 1
    assert named == next((step for step in asked if step >= error), last)


def test_the_first_error_is_missed_where_a_later_step_was_less_certain() -> None:
    """As published: the first bad prefix that is visited, not the earliest."""
    search = search_of(1, 2, 9, 1, 5)
    drive(search, lambda t: Outcome.CORRECT if t <= 1 else Outcome.INCORRECT)
    assert search.finding().first_error == 2
    assert [c.prefix for c in search.counts] == [3]


@pytest.mark.parametrize(("by", "order"), [("level", [2, 3, 1, 0]), ("rise", [2, 0, 1, 3])])
def test_order(by: str, order: list[int]) -> None:
    assert order_of([1.0, 1.5, 4.0, 3.0], by) == order  # type: ignore[arg-type]


def test_faults_alone_decide_nothing() -> None:
    search = search_of(3, 2, 1)
    assert drive(search, lambda t: Outcome.UNDECIDED) <= 72 + 4
    assert search.finding().first_error is None


def test_a_right_solution_costs_nothing() -> None:
    search = ByUncertainty(UncertaintyOptions(), 4, Outcome.CORRECT)
    assert search.next() == []
    assert search.finding().first_error == -1


@given(logprobs)
def test_a_step_s_entropy_is_at_most_that_of_its_length(values: list[float]) -> None:
    assert 0 <= entropy(values) <= log(len(values)) + 1e-9


def test_among_steps_of_one_length_the_one_with_the_evener_tokens_is_the_less_certain() -> None:
    assert entropy([-1, -1, -1]) > entropy([-9, -0.1, -0.1])
