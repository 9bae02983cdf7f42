"""Scores against true first errors: ProcessBench's F1, intervals, and what silence costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate import (
    always_no_error,
    bootstrap_f1,
    processbench_f1,
    score,
    wilson,
)

named = st.one_of(st.none(), st.integers(-1, 5))
pairs = st.lists(st.tuples(named, st.integers(-1, 5)), max_size=40)


def test_f1_is_the_harmonic_mean_of_the_two_accuracies() -> None:
    said = [(2, 2), (1, 2), (-1, -1), (-1, -1), (-1, -1), (0, -1)]
    a, b = 1 / 2, 3 / 4
    assert processbench_f1(said) == pytest.approx(2 * a * b / (a + b))


def test_a_judge_that_finds_nothing_has_no_f1_at_all() -> None:
    assert processbench_f1(always_no_error([(2, 2), (0, -1)])) == 0.0


@settings(deadline=None)
@given(pairs)
def test_silence_never_raises_f1(said: list[tuple[int | None, int]]) -> None:
    silent = [(None, gold) for _, gold in said[:1]] + said[1:]
    before, after = processbench_f1(said), processbench_f1(silent)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after <= before


@settings(deadline=None)
@given(pairs)
def test_shares_lie_inside_their_intervals(said: list[tuple[int | None, int]]) -> None:
    found = score(said)
    for share, interval in (
        (found.exact, found.exact_interval),
        (found.on_errors, found.on_errors_interval),
        (found.on_clean, found.on_clean_interval),
    ):
        if share is not None:
            assert interval.low <= share <= interval.high
    assert found.decided <= found.n


@settings(deadline=None)
@given(pairs)
def test_within_one_is_never_below_exact(said: list[tuple[int | None, int]]) -> None:
    found = score(said)
    if found.exact is not None and found.within_one is not None:
        assert found.within_one >= found.exact


def test_no_error_is_not_near_to_an_error_in_the_first_step() -> None:
    assert score([(-1, 0), (0, -1)]).within_one == 0.0
    assert score([(1, 0), (1, 2)]).within_one == 1.0


def test_wilson_gives_the_textbook_figures() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_bootstrap_repeats_and_covers_the_figure() -> None:
    said = [(2, 2)] * 30 + [(1, 2)] * 20 + [(-1, -1)] * 40 + [(0, -1)] * 10
    interval = bootstrap_f1(said, seed=3)
    f1 = processbench_f1(said)
    assert interval == bootstrap_f1(said, seed=3)
    assert f1 is not None
    assert interval.low < f1 < interval.high


def test_shares_of_like_solutions_vary_as_their_problems_do() -> None:
    random, covered = np.random.default_rng(1), 0
    groups = [index // 8 for index in range(60 * 8)]
    for _ in range(200):
        right = random.random(60) < 0.8
        said = [(0, 0) if right[group] else (1, 0) for group in groups]
        low, high = score(said, groups).exact_interval
        covered += low <= 0.8 <= high
    assert 184 <= covered <= 198  # 95% of 200
    alone = score([(0, 0)] * 8 + [(1, 0)] * 2, list(range(10)))
    assert alone.exact_interval == pytest.approx(wilson(8, 10), abs=0.02)


def test_grouped_solutions_widen_the_interval() -> None:
    said = ([(2, 2)] * 4 + [(-1, -1)] * 4) * 5 + ([(1, 2)] * 4 + [(0, -1)] * 4) * 5
    groups = [index // 8 for index in range(len(said))]
    alone, together = bootstrap_f1(said), bootstrap_f1(said, groups)
    assert together.high - together.low > alone.high - alone.low
    with pytest.raises(ValueError, match="shorter"):
        bootstrap_f1(said, groups[:3])
