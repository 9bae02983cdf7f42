"""A step is right if it keeps most of the chance that there was before it (GenPRM's relative progress
estimation, Zhao et al. 2025, arXiv 2504.00891).

After one step after another, the share of right rollouts is held against the share before it: step t is the
first wrong one where MC(t + 1) / MC(t) falls below the threshold, .8 as published. The last step's share is
the solution's own outcome. The bare problem's share is that of its other solutions, and of rollouts where
those are too few. Right solutions are searched too: one of their steps may have thrown chances away.

The paper estimates every step; a label ends at the first wrong one, and so does this search. A ratio of
two small samples is mostly noise: with 8 rollouts a prefix and a chance of a half, one right step in three
falls below .8.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.counts import CountedSearch
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, Probe


class RelativeProgressOptions(Options):
    rollouts: int = Field(128, ge=1, description="K: rollouts at a prefix")
    threshold: float = Field(
        0.8,
        gt=0,
        le=1,
        description="epsilon: share of the chance before it that a right step keeps",
    )
    spare: int = Field(8, ge=0, description="extra rollouts a prefix may spend on undecided ones")


class RelativeProgress(CountedSearch):
    """One search: prefix 0, then 1, and so on, to the first step below the threshold."""

    def __init__(
        self,
        options: RelativeProgressOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options
        self._siblings = known.siblings

    def next(self) -> list[Probe]:
        if self._outcome is Outcome.UNDECIDED or self._n_steps == 0:
            return []
        prefix, _ = self._reached()
        if prefix is None:
            return []
        known = self._siblings.decided if prefix == 0 else 0
        wanted = max(0, self._options.rollouts - known)
        missing = self._counts.missing(prefix, wanted, self._options.spare)
        return [Probe(prefix, missing)] if missing else []

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        prefix, first_error = self._reached()
        if prefix is not None:
            return Finding(None, f"too many undecided rollouts from prefix {prefix}")
        if first_error is None:
            return Finding(None, "no rollout from the bare problem is right")
        return Finding(first_error)

    def _reached(self) -> tuple[int | None, int | None]:
        """The prefix whose share is not known yet, or None and the first error; None, None where the bare
        problem is never solved, so that there is no chance to keep."""
        before = self._share(0)
        if before is None:
            return 0, None
        if before == 0:
            return None, None
        for prefix in range(1, self._n_steps + 1):
            share = self._share(prefix)
            if share is None:
                return prefix, None
            if share < self._options.threshold * before:
                return None, prefix - 1
            before = share
        return None, NO_ERROR

    def _share(self, prefix: int) -> float | None:
        """Of right rollouts from a prefix, None where too few are decided."""
        if prefix == self._n_steps:
            return float(self._outcome is Outcome.CORRECT)
        right, decided = self._counts.right(prefix), self._counts.decided(prefix)
        if prefix == 0:
            right, decided = right + self._siblings.right, decided + self._siblings.decided
        return right / decided if decided >= self._options.rollouts else None


class RelativeProgressStrategy:
    OPTIONS: ClassVar[type[Options]] = RelativeProgressOptions

    def __init__(self, options: RelativeProgressOptions) -> None:
        self._options = options

    def start(
        self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN
    ) -> RelativeProgress:
        return RelativeProgress(self._options, n_steps, outcome, known)
