"""Figures with 95% intervals, by bootstrap over problems.

Solutions of one problem are alike, so whole problems are drawn (Efron and Tibshirani 1993). Each figure
is a function of sums over the solutions, its moments: a replicate then needs the sums of each problem
only, and all figures of a report see the same draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.metrics import BOOTSTRAPS
from pipeline.evaluate.panel import Bools, Floats, Ints

_AT_ONCE = 200
"""Replicates in memory as floats at a time."""

Of = Callable[[Floats], Floats]
"""Sums of moments [k, m] -> the figure [k]; NaN where there is nothing to divide by."""


class Figure(NamedTuple):
    """A share or another figure with its 95% interval, over `n` solutions.

    None where there is nothing to divide by; the interval is None where fewer than two problems are
    there to draw from.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


class Bootstrap:
    """Replicates of a sample, drawn once: how often each problem is in each, shape [draws, problems]."""

    def __init__(self, problems: Ints, draws: int = BOOTSTRAPS, seed: int = 0) -> None:
        known, self._of = np.unique(problems, return_inverse=True)
        self._problems = len(known)
        random = np.random.default_rng(seed)
        self._drawn: npt.NDArray[np.uint8] = np.empty((draws, self._problems), dtype=np.uint8)
        for number in range(draws if self._problems > 1 else 0):
            chosen = random.integers(self._problems, size=self._problems)
            counts = np.bincount(chosen, minlength=self._problems)
            self._drawn[number] = np.minimum(counts, 255)

    def figure(self, moments: Floats, of: Of, n: int | None = None) -> Figure:
        """`moments` has shape [solutions, m]; `n`: how many solutions the figure is over."""
        size = len(moments) if n is None else n
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(of(moments.sum(0, keepdims=True))[0]) if len(moments) else np.nan
        if not np.isfinite(value):
            return Figure(None, None, None, size)
        if self._problems < 2:
            return Figure(value, None, None, size)
        drawn = self._replicates(moments, of)
        if not len(drawn):
            return Figure(value, None, None, size)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Figure(value, float(low), float(high), size)

    def _replicates(self, moments: Floats, of: Of) -> Floats:
        columns = [np.bincount(self._of, column, self._problems) for column in moments.T]
        sums = np.stack(columns, 1)
        parts = []
        with np.errstate(divide="ignore", invalid="ignore"):
            for start in range(0, len(self._drawn), _AT_ONCE):
                weights = self._drawn[start : start + _AT_ONCE].astype(np.float64)
                parts.append(of(weights @ sums))
        drawn: Floats = np.concatenate(parts)
        finite: Floats = drawn[np.isfinite(drawn)]
        return finite

    def share(self, hits: Bools, among: Bools) -> Figure:
        """Share of `among` that are `hits`."""
        return self.ratio((hits & among).astype(np.float64), among.astype(np.float64))

    def ratio(self, above: Floats, below: Floats) -> Figure:
        """Sum over sum, such as tokens a kept label; `n` counts where `below` is not 0."""
        moments = np.stack([above, below], 1)
        return self.figure(moments, ratio, int(np.count_nonzero(below)))


def ratio(sums: Floats) -> Floats:
    """First column over the second; NaN where that is 0."""
    found: Floats = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)
    return found
