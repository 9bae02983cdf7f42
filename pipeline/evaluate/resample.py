"""Figures with 95% intervals, by bootstrap over problems.

Solutions of one problem are alike, so whole problems are drawn (Efron and Tibshirani 1993). Each figure
is a function of sums over the solutions, its moments: a replicate then needs the sums of each problem
only, and all figures of a report see the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.metrics import BOOTSTRAPS, wilson
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

    def figure(self, moments: Floats, of: Of, n: int) -> Figure:
        """`moments` has shape [solutions, m]; `n`: how many solutions the figure is over."""
        return _figure(moments.sum(0, keepdims=True), self._sums(moments), of, n)

    def share(self, hits: Bools, among: Bools) -> Figure:
        """Share of `among` that are `hits`."""
        return self.shares([(hits, among)])[0]

    def shares(self, pairs: Sequence[tuple[Bools, Bools]]) -> list[Figure]:
        """Several such shares in one go, which is faster."""
        both = [((hits & among).astype(float), among.astype(float)) for hits, among in pairs]
        return [_with_spread(one) for one in self.ratios(both)]

    def ratio(self, above: Floats, below: Floats) -> Figure:
        """Sum over sum, such as tokens a kept label; `n` counts where `below` is not 0."""
        return self.ratios([(above, below)])[0]

    def ratios(self, pairs: Sequence[tuple[Floats, Floats]]) -> list[Figure]:
        """Several such ratios in one go."""
        if not pairs:
            return []
        moments = np.stack([column for pair in pairs for column in pair], 1)
        whole, drawn = moments.sum(0, keepdims=True), self._sums(moments)
        counts = np.count_nonzero(moments[:, 1::2], axis=0)
        return [
            _figure(whole[:, at : at + 2], drawn[:, at : at + 2], ratio, int(counts[at // 2]))
            for at in range(0, moments.shape[1], 2)
        ]

    def _sums(self, moments: Floats) -> Floats:
        """Sums of each replicate, shape [draws, m]; of none where one problem is all there is."""
        if self._problems < 2:
            return np.empty((0, moments.shape[1]))
        columns = [np.bincount(self._of, column, self._problems) for column in moments.T]
        by_problem = np.stack(columns, 1)
        starts = range(0, len(self._drawn), _AT_ONCE)
        parts = [self._drawn[at : at + _AT_ONCE].astype(np.float64) @ by_problem for at in starts]
        found: Floats = np.concatenate(parts)
        return found


def _figure(whole: Floats, drawn: Floats, of: Of, n: int) -> Figure:
    """`whole` [1, m] and `drawn` [draws, m] are sums of moments."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value, values = float(of(whole)[0]), of(drawn)
    values = values[np.isfinite(values)]
    if not np.isfinite(value):
        return Figure(None, None, None, n)
    if not len(values):
        return Figure(value, None, None, n)
    low, high = np.quantile(values, [0.025, 0.975])
    return Figure(value, float(low), float(high), n)


def _with_spread(share: Figure) -> Figure:
    """Where all are hits, or none, every replicate is like the sample: the interval is Wilson's then."""
    if share.low is None or share.low != share.high:
        return share
    low, high = wilson(round((share.value or 0.0) * share.n), share.n)
    return share._replace(low=low, high=high)


def ratio(sums: Floats) -> Floats:
    """First column over the second; NaN where that is 0."""
    found: Floats = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)
    return found
