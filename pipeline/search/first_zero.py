"""k rollouts at one prefix after another, up to the first without a success (SCAN, Ding et al. 2025,
arXiv 2509.16548).

As exact as Math-Shepherd's search of every prefix, and never dearer: what lies behind the first error
is not asked. Right solutions are taken to hold no error, without a rollout.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.counts import CountedSearch
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, Probe


class FirstZeroOptions(Options):
    rollouts: int = Field(8, ge=1, description="k: a prefix with no success in k is called bad")
    spare: int = Field(2, ge=0, description="extra rollouts a prefix may spend on undecided ones")


class FirstZero(CountedSearch):
    """One search over a wrong solution of `n_steps` steps: prefix 1, then 2, and so on."""

    def __init__(
        self,
        options: FirstZeroOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options

    def next(self) -> list[Probe]:
        if self._outcome is not Outcome.INCORRECT:
            return []
        prefix = self._first_without_success()
        missing = self._counts.missing(prefix, self._options.rollouts, self._options.spare)
        return [Probe(prefix, missing)] if prefix < self._n_steps and missing else []

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        if self._outcome is Outcome.CORRECT:
            return Finding(NO_ERROR)
        prefix = self._first_without_success()
        if prefix < self._n_steps and self._counts.decided(prefix) < self._options.rollouts:
            return Finding(None, f"too many undecided rollouts from prefix {prefix}")
        return Finding(prefix - 1)

    def _first_without_success(self) -> int:
        """T where every prefix 1..T-1 has one: the last step is the wrong one."""
        return next(
            (t for t in range(1, self._n_steps) if not self._counts.right(t)), self._n_steps
        )


class FirstZeroStrategy:
    OPTIONS: ClassVar[type[Options]] = FirstZeroOptions

    def __init__(self, options: FirstZeroOptions) -> None:
        self._options = options

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> FirstZero:
        return FirstZero(self._options, n_steps, outcome, known)
