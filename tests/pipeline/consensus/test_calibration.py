"""Gold makes a stated confidence true, and leaves the order of labels as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consensus.calibration import ENOUGH, UNCHANGED, Calibration, calibrated


def test_a_model_that_is_too_sure_is_told_so() -> None:
    rng = np.random.default_rng(1)
    truly = rng.uniform(0.4, 0.99, 9000)
    too_sure = 1 / (1 + ((1 - truly) / truly) ** 2)
    right = rng.random(9000) < truly
    curve = calibrated(too_sure[:5000], right[:5000])
    stated = np.array([curve(one) for one in too_sure[5000:]])
    assert stated.mean() == pytest.approx(right[5000:].mean(), abs=0.02)
    assert np.abs(stated - truly[5000:]).mean() < 0.03


def test_too_few_rows_change_nothing() -> None:
    few = ENOUGH - 1
    assert calibrated(np.full(few, 0.9), np.zeros(few, dtype=bool)) == UNCHANGED
    assert UNCHANGED(0.1234567) == 0.123457


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=ENOUGH, max_size=2 * ENOUGH),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_whatever_gold_says_the_curve_rises(
    rows: list[tuple[float, bool]], one: float, other: float
) -> None:
    curve = calibrated(np.array([sure for sure, _ in rows]), np.array([r for _, r in rows]))
    low, high = sorted((one, other))
    assert 0 <= curve(low) <= curve(high) <= 1


def test_what_is_right_whenever_it_is_sure_stays_below_one() -> None:
    curve = calibrated(np.full(200, 1.0), np.ones(200, dtype=bool))
    assert isinstance(curve, Calibration)
    assert 0.97 < curve(1.0) < 1.0


def test_one_that_is_nearly_certain_and_often_wrong_is_not_believed() -> None:
    """Newton's first step, taken whole, leads far off where all confidences are near one."""
    rng = np.random.default_rng(2)
    sure = 1 - 10 ** rng.uniform(-9, -2, 500)
    right = rng.random(500) < 0.88
    curve = calibrated(sure, right)
    stated = np.mean([curve(one) for one in sure])
    assert stated == pytest.approx(right.mean(), abs=0.02)


def test_rows_drawn_with_known_chances_say_what_all_rows_would() -> None:
    """Of those that are sure without cause nine in ten are drawn, of the others one in ten."""
    rng = np.random.default_rng(5)
    sure = rng.uniform(0.6, 0.99, 40_000)
    careless = rng.random(len(sure)) < 0.2
    right = rng.random(len(sure)) < np.where(careless, 0.5, sure)
    chance = np.where(careless, 0.9, 0.1)
    drawn = rng.random(len(sure)) < chance
    of_all = calibrated(sure, right)
    weighed = calibrated(sure[drawn], right[drawn], 1 / chance[drawn])
    plain = calibrated(sure[drawn], right[drawn])
    for one in (0.7, 0.9, 0.97):
        assert weighed(one) == pytest.approx(of_all(one), abs=0.015)
    assert plain(0.97) < of_all(0.97) - 0.05
