"""Stated confidence made true by gold: a logistic curve over its log odds (Platt, 1999).

How sure a model of the witnesses is depends on all that it assumes of them. Rows whose first error is
known say how often it was right when it was so sure, whatever it assumed; drawn at random from the run,
a few hundred do; drawn with chances that are known, they count the more the less likely they were to be
drawn. The curve rises, so that which labels are surer than others stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.search.priors import Array

DIGITS = 6
"""Of a confidence: what is computed in another batch may differ in the last bits, and a label must not."""
ENOUGH = 100
"""Gold rows from which a curve is fitted."""
MOST_SURE = 1 - 1e-6
SPREAD = (1.0, 0.5)
"""Standard deviations of the prior of offset and slope, around what changes nothing."""
ROUNDS = 50


@dataclass(frozen=True)
class Calibration:
    """P(right) = 1 / (1 + exp(-(offset + slope * log odds))). As it begins it changes nothing."""

    offset: float = 0.0
    slope: float = 1.0

    def __call__(self, sure: float) -> float:
        if self == UNCHANGED:
            return round(sure, DIGITS)
        return round(
            float(_chance(_log_odds(np.array([sure])), self.offset, self.slope)[0]), DIGITS
        )


UNCHANGED = Calibration()


def calibrated(sure: Array, right: NDArray[np.bool_], weights: Array | None = None) -> Calibration:
    """The likeliest curve, by Newton's method; of fewer rows than `ENOUGH` the one that changes nothing.
    `sure` (n,): confidences; `right` (n,): whether what they stood for was so; `weights` (n,): how many
    rows of the run each stands for, up to a factor."""
    if len(sure) < ENOUGH:
        return UNCHANGED
    weight = np.ones(len(sure)) if weights is None else weights
    weight = weight * (
        weight.sum() / np.square(weight).sum()
    )  # to the effective number (Kish, 1965)
    features = np.stack([np.ones(len(sure)), _log_odds(sure)], axis=1)
    start = np.array([0.0, 1.0])
    pull = 1 / np.square(SPREAD)

    def loss(curve: Array) -> float:
        said = features @ curve
        unlikely = weight @ np.logaddexp(0, np.where(right, -said, said))
        return float(unlikely + pull @ np.square(curve - start) / 2)

    found = start
    for _ in range(ROUNDS):
        chance = _chance(features[:, 1], *found)
        slope = features.T @ (weight * (right - chance)) - pull * (found - start)
        bend = (features * (weight * chance * (1 - chance))[:, None]).T @ features + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        while loss(found + step) > loss(found) and np.abs(step).max() > 1e-9:
            step = step / 2
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(float(found[0]), max(0.05, float(found[1])))


def _log_odds(sure: Array) -> Array:
    held = np.clip(sure, 1 - MOST_SURE, MOST_SURE)
    return np.asarray(np.log(held) - np.log1p(-held))


def _chance(log_odds: Array, offset: float, slope: float) -> Array:
    return np.asarray(1 / (1 + np.exp(np.clip(-(offset + slope * log_odds), -500, 500))))
