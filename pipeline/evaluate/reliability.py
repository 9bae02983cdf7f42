"""Is a stated confidence true, and what does asking for more of it cost?

Expected calibration error: Naeini et al. 2015 (AAAI); bins of equal mass, as in Nixon et al. 2019 (arXiv
1904.01685).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.evaluate.panel import Bools, Floats, Ints, Said
from pipeline.evaluate.resample import Bootstrap, Figure

BINS = 10
POINTS = 40
LEAST = 20
"""A threshold that keeps fewer solutions says nothing of how exact they are."""
_REDRAWS = 200


class Bin(NamedTuple):
    """Solutions of like confidence: the mean stated, and the share that is right."""

    stated: float
    right: Figure


class Threshold(NamedTuple):
    """Keeping what is stated at least `confidence`: share of all solutions kept, and how exact."""

    confidence: float
    kept: Figure
    exact: Figure


class Calibration(NamedTuple):
    """Over the solutions that are decided with a stated confidence.

    `ece`: mean distance of stated confidence from the share that is right, over bins.
    `ece_by_chance`: what it would be on average in a sample of this size if every confidence were
    true; an `ece` near it is no sign against them, and its interval leans upward by as much.
    `gap`: mean stated less share right; above 0 is too sure.
    """

    stated: Figure
    gap: Figure
    ece: Figure
    ece_by_chance: float
    bins: tuple[Bin, ...]
    thresholds: tuple[Threshold, ...]


def calibration(said: Said, gold: Ints, bootstrap: Bootstrap, seed: int = 0) -> Calibration | None:
    """None where no confidence is stated."""
    among = said.decided & np.isfinite(said.confidence)
    if not among.any():
        return None
    right = said.named == gold
    sure = np.where(among, said.confidence, 0.0)
    rows = among.astype(np.float64)
    bins = _bins(sure, among)
    difference = np.where(among, sure - right, 0.0)
    moments = np.concatenate([bins * difference[:, None], rows[:, None]], 1)
    inside = [column > 0 for column in bins.T]
    stated = [float(sure[one].mean()) for one in inside]
    return Calibration(
        stated=bootstrap.ratio(sure, rows),
        gap=bootstrap.ratio(difference, rows),
        ece=bootstrap.figure(moments, _ece, int(among.sum())),
        ece_by_chance=_ece_by_chance(sure[among], bins[among], seed),
        bins=tuple(map(Bin, stated, bootstrap.shares([(right, one) for one in inside]))),
        thresholds=thresholds(said, gold, bootstrap),
    )


def thresholds(said: Said, gold: Ints, bootstrap: Bootstrap) -> tuple[Threshold, ...]:
    """From all that is stated to the surest LEAST, at most POINTS of them; equal confidences stay
    together. Empty where none is stated."""
    among = said.decided & np.isfinite(said.confidence)
    if not among.any():
        return ()
    sorted_down = np.sort(said.confidence[among])[::-1]
    surest = sorted_down[min(LEAST, len(sorted_down)) - 1]
    known = np.unique(sorted_down[sorted_down <= surest])
    if len(known) > POINTS:
        places = np.linspace(0, len(known) - 1, POINTS).round().astype(int)
        known = known[places]
    everyone = np.ones(len(gold), dtype=bool)
    right, sure = said.named == gold, np.where(among, said.confidence, -1.0)
    kept = [sure >= confidence for confidence in known]
    shares = bootstrap.shares([(rows, everyone) for rows in kept])
    exact = bootstrap.shares([(right, rows) for rows in kept])
    return tuple(map(Threshold, known.tolist(), shares, exact))


def _bins(sure: Floats, among: Bools) -> Floats:
    """[n, bins]: 1 in the bin of a solution; equal confidences are in one bin."""
    edges = np.unique(np.quantile(sure[among], np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, sure, side="left")
    used = np.unique(place[among])
    bins: Floats = ((place[:, None] == used[None, :]) & among[:, None]).astype(np.float64)
    return bins


def _ece(sums: Floats) -> Floats:
    """[k, (stated less right, summed over each bin ..., n)] -> [k]."""
    found: Floats = np.abs(sums[:, :-1]).sum(1) / sums[:, -1]
    return found


def _ece_by_chance(sure: Floats, bins: Floats, seed: int) -> float:
    """Mean over redraws in which each solution is right with its stated chance."""
    random, place = np.random.default_rng(seed), bins.argmax(1)
    total = 0.0
    for _ in range(_REDRAWS):
        difference = sure - (random.random(len(sure)) < sure)
        total += float(np.abs(np.bincount(place, difference)).sum()) / len(sure)
    return total / _REDRAWS
