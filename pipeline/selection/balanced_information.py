"""The Balanced-Information Score (Li et al. 2026, arXiv 2602.04145): which solutions teach a PRM most,
by the rollouts that they have.

BIS = (p (1 - p) + alpha) R, with p the share of its steps that some rollout brought to the known answer,
and R the mean value of those steps (1 where there are none). The best `share` of the solutions stay. It
is meant for searches that measure every step; one whose steps have no rollouts can't be scored and goes,
as in the paper's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from pipeline.columns import Reads
from pipeline.config import BalancedInformationConfig
from pipeline.join import Annotated

LOW = "not among the highest balanced-information scores (BIS)"
UNMEASURED = "no rollouts after its steps to score it by (BIS)"


class BalancedInformation:
    """In memory: a number a candidate."""

    reads = Reads(label=frozenset({"values"}))

    def __init__(self, config: BalancedInformationConfig) -> None:
        self._config = config
        self._scores: dict[int, float] = {}

    def see(self, item: Annotated, number: int | None) -> None:
        if number is None or item.label is None:
            return
        values = [value for value in item.label.values if value is not None]
        if values:
            self._scores[number] = score(values, self._config.alpha)

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        measured = [number for number in left if number in self._scores]
        measured.sort(key=lambda number: (-self._scores[number], keys[number]))
        kept = max(1, int(self._config.share * len(measured)))
        yield from ((number, LOW) for number in measured[kept:])
        yield from ((number, UNMEASURED) for number in left if number not in self._scores)


def score(values: Sequence[float], alpha: float) -> float:
    """Of the measured values of a solution's steps, one at least."""
    positive = [value for value in values if value > 0]
    share = len(positive) / len(values)
    return (share * (1 - share) + alpha) * (fmean(positive) if positive else 1.0)
