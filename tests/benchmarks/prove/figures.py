"""What a PRM's scores are worth: the first error they name, and the solution they would pick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluate.panel import Bools, Floats, Ints
from pipeline.records import NO_ERROR
from tests.benchmarks.prove.material import HeldOut

THRESHOLDS = 400
Scores = Sequence[NDArray[np.float64]]
"""P(good) of each step, a solution each."""


def named(scores: Scores, threshold: float) -> Ints:
    """The first step below the threshold; -1 where there is none."""
    below = [np.flatnonzero(of_one < threshold) for of_one in scores]
    return np.array([int(at[0]) if len(at) else NO_ERROR for at in below], dtype=np.int64)


def f1(truth: Ints, said: Ints) -> float:
    """ProcessBench's (arXiv 2412.06559): the harmonic mean of exactness on solutions with an error and on
    those without one. 0 where either is missing."""
    flawed = truth != NO_ERROR
    if flawed.all() or not flawed.any():
        return 0.0
    a, b = float(np.mean(said[flawed] == truth[flawed])), float(np.mean(said[~flawed] == NO_ERROR))
    return 2 * a * b / (a + b) if a + b else 0.0


def best_threshold(truth: Ints, scores: Scores) -> tuple[float, float]:
    """(threshold, F1): of quantiles of the scores that which names first errors best."""
    values = np.concatenate(list(scores))
    tried = np.unique(np.quantile(values, np.linspace(0, 1, THRESHOLDS)))
    lowest = [np.minimum.accumulate(of_one) for of_one in scores]
    return max(((float(t), f1(truth, _first_below(lowest, float(t)))) for t in tried), key=_f1_of)


def _f1_of(pair: tuple[float, float]) -> float:
    return pair[1]


def _first_below(lowest: Scores, threshold: float) -> Ints:
    """As `named`, of running minima."""
    at = [int(np.searchsorted(-of_one, -threshold, side="right")) for of_one in lowest]
    return np.array(
        [one if one < len(of_one) else NO_ERROR for one, of_one in zip(at, lowest, strict=True)]
    )


def picked(solutions: Sequence[HeldOut], scores: Scores) -> Bools:
    """Whether the solution of each problem whose steps are likeliest to be good together is right: the
    product of the scores, as in Zhang et al. 2025. The first of equals."""
    best: dict[int, tuple[float, bool]] = {}
    for one, of_one in zip(solutions, scores, strict=True):
        score = float(np.log(np.maximum(of_one, 1e-12)).sum())
        if one.problem not in best or score > best[one.problem][0]:
            best[one.problem] = score, one.correct
    return np.array([best[problem][1] for problem in sorted(best)])


def voted(solutions: Sequence[HeldOut]) -> Bools:
    """Whether the commonest answer of each problem is right; the first of equals."""
    answers: dict[int, Counter[str]] = {}
    right = {(one.problem, one.answer): one.correct for one in solutions}
    for one in solutions:
        answers.setdefault(one.problem, Counter()).update(
            [] if one.answer is None else [one.answer]
        )
    found = []
    for problem in sorted(answers):
        top = answers[problem].most_common(1)
        found.append(bool(top) and right[problem, top[0][0]])
    return np.array(found)


def solved(solutions: Sequence[HeldOut]) -> tuple[Floats, Bools]:
    """(share of each problem's solutions that are right, whether any is)."""
    problems = np.array([one.problem for one in solutions])
    right = np.array([one.correct for one in solutions], dtype=np.float64)
    shares = np.bincount(problems, right) / np.bincount(problems)
    return shares, shares > 0
