"""Is a stated confidence true? Expected calibration error, less what chance alone would show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.benchmarks.search.world import Array

BINS = 10
REDRAWS = 200


def ece(sure: Array, right: Array) -> float:
    """Mean distance of stated confidence from the share that is right, in ten bins of equal mass."""
    order = np.argsort(sure, kind="stable")
    total = 0.0
    for rows in np.array_split(order, BINS):
        if len(rows):
            total += len(rows) / len(sure) * abs(sure[rows].mean() - right[rows].mean())
    return float(total)


def excess_ece(posteriors: Sequence[Array], truths: Sequence[int], seed: int = 0) -> float:
    """ECE of the likeliest e, less its mean over labels redrawn from the posteriors themselves: what
    is left is not the noise of a finite sample. `truths`: first errors, -1 none."""
    best = np.array([int(p.argmax()) for p in posteriors])
    sure = np.array([float(p.max()) for p in posteriors])
    seen = ece(sure, best == np.array(truths) + 1)
    rng = np.random.default_rng(seed)
    redrawn = [ece(sure, rng.random(len(sure)) < sure) for _ in range(REDRAWS)]
    return seen - float(np.mean(redrawn))


def log_score(posteriors: Sequence[Array], truths: Sequence[int]) -> float:
    """Mean log posterior of the truth, in bits; nearer to 0 is better."""
    chances = [max(float(p[t + 1]), 1e-12) for p, t in zip(posteriors, truths, strict=True)]
    return float(np.log2(chances).mean())


def reliability(posteriors: Sequence[Array], truths: Sequence[int]) -> list[tuple[float, float]]:
    """(stated, right) of ten bins of equal mass."""
    best = np.array([int(p.argmax()) for p in posteriors])
    sure = np.array([float(p.max()) for p in posteriors])
    right = best == np.array(truths) + 1
    order = np.argsort(sure, kind="stable")
    return [
        (float(sure[rows].mean()), float(right[rows].mean()))
        for rows in np.array_split(order, BINS)
        if len(rows)
    ]
