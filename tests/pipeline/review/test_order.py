"""Who is asked for first: the solutions that tell most, and some by chance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.review.order import BY_CHANCE, Drawn, chances, in_order, ranked
from tests.benchmarks.consensus.world import draw, tinymath_judge


@pytest.fixture(scope="module")
def order() -> list[Drawn]:
    return in_order(draw(80, {"judge": tinymath_judge}, seed=2).items, ("rollouts", "judge"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_chances_have_a_mean_of_one_and_leave_nobody_out(gain: list[float]) -> None:
    found = chances(np.array(gain))
    assert found.mean() == pytest.approx(1.0)
    assert (found >= BY_CHANCE - 1e-12).all()
    assert all(found[a] <= found[b] + 1e-9 for a, b in pairwise(np.argsort(gain)))


def test_the_order_is_of_all(order: list[Drawn]) -> None:
    assert len({one.solution_id for one in order}) == 80
    assert np.mean([one.times for one in order]) == pytest.approx(1.0, abs=1e-3)


def test_what_tells_more_comes_earlier(order: list[Drawn]) -> None:
    assert np.mean([one.times for one in order[:30]]) > 1.2


@given(st.permutations(range(12)), st.text(max_size=3))
def test_the_order_is_not_that_of_the_rows(rows: list[int], salt: str) -> None:
    ids, times = [f"s{n}" for n in range(12)], np.arange(1.0, 13.0)
    plain = [ids[place] for place in ranked(ids, times, salt)]
    mixed = [ids[row] for row in rows]
    assert [mixed[place] for place in ranked(mixed, times[rows], salt)] == plain


def test_one_that_is_twice_as_likely_comes_first_two_times_in_three() -> None:
    first = [ranked(["a", "b"], np.array([2.0, 1.0]), str(n))[0] for n in range(3000)]
    assert np.mean(np.array(first) == 0) == pytest.approx(2 / 3, abs=0.03)


def test_of_nothing_there_is_no_order() -> None:
    assert in_order([], ("judge",)) == []
