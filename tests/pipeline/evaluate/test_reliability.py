"""Calibration error and the threshold's price, against figures computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.panel import Said
from pipeline.evaluate.reliability import LEAST, Calibration, calibration, thresholds
from pipeline.evaluate.resample import Bootstrap

rows = st.lists(
    st.tuples(st.booleans(), st.one_of(st.none(), st.floats(0, 1))), min_size=1, max_size=60
)


def measured(right: list[bool], sure: list[float | None]) -> Calibration | None:
    gold = np.zeros(len(right), dtype=np.int64)
    said = Said.of([0 if one else 1 for one in right], sure)
    return calibration(said, gold, Bootstrap(np.arange(len(right)), draws=100))


def test_the_error_is_the_mean_distance_of_stated_from_right() -> None:
    """Ten stated .9 with 6 right (.3 off), thirty stated .5 with 18 right (.1 off)."""
    right = [True] * 6 + [False] * 4 + [True] * 18 + [False] * 12
    found = measured(right, [0.9] * 10 + [0.5] * 30)
    assert found is not None
    assert found.ece.value == pytest.approx((10 * 0.3 + 30 * 0.1) / 40)
    assert found.stated.value == pytest.approx(0.6)
    assert found.gap.value == pytest.approx(0.0)
    assert [(b.stated, b.right.value, b.right.n) for b in found.bins] == [
        (pytest.approx(0.5), pytest.approx(0.6), 30),
        (pytest.approx(0.9), pytest.approx(0.6), 10),
    ]


def test_true_confidences_show_no_more_error_than_chance() -> None:
    random = np.random.default_rng(4)
    sure = random.uniform(0.3, 1.0, 20_000)
    found = measured(list(random.random(20_000) < sure), list(sure))
    assert found is not None
    assert found.ece.value == pytest.approx(found.ece_by_chance, abs=0.006)
    assert found.gap.value == pytest.approx(0.0, abs=0.01)


def test_nothing_stated_is_nothing_measured() -> None:
    assert measured([True, False], [None, None]) is None


@settings(deadline=None)
@given(rows)
def test_the_bins_hold_every_solution_once(said: list[tuple[bool, float | None]]) -> None:
    found = measured([right for right, _ in said], [sure for _, sure in said])
    stated = [sure for _, sure in said if sure is not None]
    assert (found is None) == (not stated)
    if found is not None:
        assert sum(b.right.n for b in found.bins) == len(stated) == found.ece.n
        assert found.ece.value is not None
        assert found.gap.value is not None
        assert abs(found.gap.value) <= found.ece.value + 1e-9 <= 1 + 2e-9
        assert sorted(b.stated for b in found.bins) == [b.stated for b in found.bins]


@settings(deadline=None)
@given(rows)
def test_a_higher_threshold_never_keeps_more(said: list[tuple[bool, float | None]]) -> None:
    found = measured([right for right, _ in said], [sure for _, sure in said])
    if found is not None:
        kept = [t.kept.value for t in found.thresholds]
        assert kept == sorted(kept, reverse=True)
        assert kept[0] == pytest.approx(found.ece.n / len(said))


def test_thresholds_end_where_too_few_are_left() -> None:
    sure = [k / 100 for k in range(100)]
    said = Said.of([0] * 100, sure)
    gold = np.zeros(100, dtype=np.int64)
    found = thresholds(said, gold, Bootstrap(np.arange(100), draws=100))
    assert found[0].confidence == 0.0
    assert found[-1].exact.n == LEAST
