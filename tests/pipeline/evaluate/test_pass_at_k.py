"""pass@k is the mean over all ways to draw k of the samples."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.pass_at_k import mean_pass_at, pass_at_k


@given(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_it_is_the_share_of_draws_with_a_right_one(drawn: tuple[int, int, int]) -> None:
    n, right, k = drawn
    draws = list(combinations([True] * right + [False] * (n - right), k))
    assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_more_draws_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="pass@3"):
        pass_at_k(2, 1, 3)


def test_the_mean_is_over_problems_as_far_as_each_has_samples() -> None:
    samples, right = {"easy": 20, "hard": 10}, {"easy": 20, "hard": 1}
    assert mean_pass_at(samples, right) == pytest.approx({1: (1 + 0.1) / 2, 10: 1.0})
    assert mean_pass_at({}, {}) == {}
