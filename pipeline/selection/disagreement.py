"""ActPRM's selection (Duan et al. 2025, arXiv 2504.10559): solutions that an ensemble is sure of teach
little.

There the ensemble is of a PRM's heads; here it is of the run's annotators. Each says for each step the
chance that no step up to it is wrong: by its likelihood under a flat prior, by its votes, or by its
verdict alone. As in the paper's code, a solution goes when up to the first step that the mean calls
wrong every mean is sure and every standard deviation is small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Any

from pipeline.columns import Reads
from pipeline.config import DisagreementConfig
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Verdict

SURE = "the witnesses agree and are sure (ActPRM)"
WRONG_BELOW = 0.5


class Disagreement:
    """In memory: an entry for each solution that the witnesses are sure of. One of which no annotator says
    anything is none of them."""

    reads = Reads(verdict=frozenset({"first_error", "log_likelihood", "votes"}))

    def __init__(self, config: DisagreementConfig) -> None:
        self._config = config
        self._sure: set[int] = set()

    def see(self, item: Annotated, number: int | None) -> None:
        if number is None:
            return
        n_steps = len(item.solution.steps)
        told = [chances(verdict, n_steps) for _, verdict in sorted(item.verdicts.items())]
        ensemble = [one for one in told if one is not None]
        if ensemble and all(self._is_sure(step) for step in _until_wrong(ensemble)):
            self._sure.add(number)

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        return ((number, SURE) for number in left if number in self._sure)

    def _is_sure(self, step: Sequence[float]) -> bool:
        mean = fmean(step)
        steady = len(step) < 2 or stdev(step) <= self._config.deviation
        return steady and (mean >= self._config.confidence or mean <= 1 - self._config.confidence)


def chances(verdict: Verdict, n_steps: int) -> list[float] | None:
    """For each step the chance that the first error is behind it; None where the annotator can't tell."""
    weights = _weights(verdict, n_steps)
    if weights is None:
        return None
    total = math.fsum(weights)
    right, found = total, []
    for step in range(n_steps):
        right -= weights[step + 1]
        found.append(min(1.0, max(0.0, right / total)))
    return found


def _weights(verdict: Verdict, n_steps: int) -> list[float] | None:
    """Of each first error from -1 to T-1."""
    likelihood = verdict.log_likelihood
    if likelihood is not None and len(likelihood) == n_steps + 1:
        top = max(likelihood)
        if math.isfinite(top):
            return [math.exp(value - top) for value in likelihood]
    named = [vote.first_error for vote in verdict.votes if vote.first_error is not None]
    if not named and verdict.first_error is not None:
        named = [verdict.first_error]
    named = [one for one in named if NO_ERROR <= one < n_steps]
    if not named:
        return None
    weights = [0.0] * (n_steps + 1)
    for one in named:
        weights[one + 1] += 1
    return weights


def _until_wrong(ensemble: Sequence[Sequence[float]]) -> Iterator[Sequence[float]]:
    """What the ensemble says of each step, up to and with the first that its mean calls wrong."""
    for step in zip(*ensemble, strict=True):
        yield step
        if fmean(step) < WRONG_BELOW:
            return
