"""Differences over paired seeds, and how much of a gap is closed."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy.stats import t as student

from pipeline.evaluate.panel import Floats


@dataclass(frozen=True)
class Paired:
    """The mean of a difference over paired seeds, its standard error, and a 95% interval (Student's t)."""

    mean: float
    error: float
    low: float
    high: float

    @classmethod
    def of(cls, first: Floats, second: Floats) -> Paired:
        """Raises ValueError of fewer than two seeds."""
        return cls.mean_of(first - second)

    @classmethod
    def mean_of(cls, values: Floats) -> Paired:
        if len(values) < 2:
            raise ValueError("one seed has no spread; give --seeds 2 or more")
        mean, error = float(values.mean()), float(values.std(ddof=1) / sqrt(len(values)))
        half = float(student.ppf(0.975, len(values) - 1)) * error
        return cls(mean, error, mean - half, mean + half)

    @property
    def errors_away(self) -> float:
        """The mean in its own standard errors."""
        return self.mean / self.error if self.error else inf if self.mean else 0.0


@dataclass(frozen=True)
class Closed:
    """Share of a gap that is closed, with Fieller's 95% interval; it has no end where the gap may be none."""

    share: float
    low: float
    high: float


def closed(part: Floats, whole: Floats) -> Closed:
    """Mean of `part` over the mean of `whole`, of paired seeds (Fieller 1954): every ratio r for which the
    mean of part - r whole isn't told from 0."""
    n = len(part)
    quantile = float(student.ppf(0.975, n - 1))
    above, below = float(part.mean()), float(whole.mean())
    ((v_above, both), (_, v_below)) = np.cov(part, whole) * quantile**2 / n
    a, b, c = below**2 - v_below, above * below - both, above**2 - v_above
    share = above / below if below else inf
    if a <= 0:
        return Closed(share, -inf, inf)
    root = sqrt(max(0.0, b * b - a * c))
    return Closed(share, float((b - root) / a), float((b + root) / a))
