"""k rollouts at every prefix (Math-Shepherd, Wang et al. 2023, arXiv 2312.08935, hard estimation).

A step is right if any of k rollouts after it reaches the gold answer; the first error is the first
step after which none does. The last step's rollout is the solution itself. Right solutions are
searched too, since soft values of their steps are wanted.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.counts import CountedSearch
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, Probe


class ExhaustiveOptions(Options):
    rollouts: int = Field(8, ge=1, description="k: rollouts at every prefix")
    spare: int = Field(2, ge=0, description="extra rollouts a prefix may spend on undecided ones")


class Exhaustive(CountedSearch):
    """One search: the prefixes 1..T-1 in one round, then what undecided rollouts left missing."""

    def __init__(
        self,
        options: ExhaustiveOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options

    def next(self) -> list[Probe]:
        if self._outcome is Outcome.UNDECIDED:
            return []
        probes = []
        for prefix in range(1, self._n_steps):
            if missing := self._counts.missing(prefix, self._options.rollouts, self._options.spare):
                probes.append(Probe(prefix, missing))
        return probes

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        for prefix in range(1, self._n_steps):
            if self._counts.right(prefix):
                continue
            if self._counts.decided(prefix) < self._options.rollouts:
                return Finding(None, f"too many undecided rollouts from prefix {prefix}")
            return Finding(prefix - 1)
        return Finding(NO_ERROR if self._outcome is Outcome.CORRECT else self._n_steps - 1)


class ExhaustiveStrategy:
    OPTIONS: ClassVar[type[Options]] = ExhaustiveOptions

    def __init__(self, options: ExhaustiveOptions) -> None:
        self._options = options

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> Exhaustive:
        return Exhaustive(self._options, n_steps, outcome, known)
