"""Bisection for the first error (OmegaPRM, Luo et al. 2024, arXiv 2406.06592).

A wrong solution's empty prefix is taken as good and its full text is known to be bad. The prefix in
the middle is good if any of k rollouts from it reaches the gold answer; then the error lies later,
else earlier. A probe ends at its first success, so a good prefix costs few rollouts.

A right solution is taken to hold no error, without a rollout. Where rollouts are known beforehand,
the search begins between the first prefix that they show to be bad and the last good one before it.
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from pydantic import Field

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.counts import CountedSearch
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, Probe


class BisectionOptions(Options):
    rollouts: int = Field(4, ge=1, description="k: a prefix with no success in k is called bad")
    wave: int = Field(
        2, ge=1, description="rollouts asked for at once; a probe ends after a wave with a success"
    )
    check_start: bool = Field(
        True,
        description="when no rollout at all was right, probe the bare problem: a policy that can't "
        "solve it can't tell where the error is (not in the paper)",
    )
    spare: int = Field(2, ge=0, description="extra rollouts a probe may spend on undecided ones")
    half_width: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="go on sampling a prefix of which some rollouts are right and some wrong until "
        "the 95% interval of its value is as narrow as this on either side (AMCS); for soft values",
    )
    most: int = Field(100, ge=1, description="rollouts of a prefix at most, with half_width")


class Bisection(CountedSearch):
    """One search over a solution of `n_steps` steps. Invariant: prefix `good` is good (prefix 0 by
    assumption), prefix `bad` is bad; the first error is step `good` when bad == good + 1."""

    def __init__(
        self,
        options: BisectionOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options
        bad = [c.prefix for c in known.rollouts if not c.right and c.decided >= options.rollouts]
        self._bad = min(bad, default=n_steps)
        good = [c.prefix for c in known.rollouts if c.right and c.prefix < self._bad]
        self._good = max(good, default=0)
        self._stuck: str | None = None

    def next(self) -> list[Probe]:
        if self._outcome is not Outcome.INCORRECT or self._stuck:
            return []
        while self._bad - self._good > 1:
            middle = (self._good + self._bad) // 2
            verdict = self._judge(middle)
            if verdict is None:
                return [] if self._stuck else [self._wave(middle)]
            self._good, self._bad = (middle, self._bad) if verdict else (self._good, middle)
        if self._options.check_start and self._good == 0 and not self._counts.any_right():
            verdict = self._judge(0)
            if verdict is None:
                return [] if self._stuck else [self._wave(0)]
            if not verdict:
                self._stuck = "the policy never solved the problem"
        return []

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        if self._outcome is Outcome.CORRECT:
            return Finding(NO_ERROR)
        if self._stuck or self._bad - self._good > 1:
            return Finding(None, self._stuck or "the search was not finished")
        return Finding(self._good)

    def _judge(self, prefix: int) -> bool | None:
        """True: good. False: bad. None: more rollouts are needed, or, if stuck, can't be had."""
        if self._counts.right(prefix) and not self._too_wide(prefix):
            return True
        if (
            not self._counts.right(prefix)
            and self._counts.decided(prefix) >= self._options.rollouts
        ):
            return False
        if self._counts.tried(prefix) >= self._wanted(prefix) + self._options.spare:
            if self._counts.right(prefix):
                return True
            self._stuck = f"too many undecided rollouts from prefix {prefix}"
        return None

    def _too_wide(self, prefix: int) -> bool:
        """Whether the value of a prefix with a success is wanted more exactly than it is known."""
        right, decided = self._counts.right(prefix), self._counts.decided(prefix)
        if self._options.half_width is None or not right or decided >= self._options.most:
            return False
        if decided < self._options.rollouts:
            return True
        return right < decided and half_width(right, decided) > self._options.half_width

    def _wanted(self, prefix: int) -> int:
        return self._options.most if self._too_wide(prefix) else self._options.rollouts

    def _wave(self, prefix: int) -> Probe:
        missing = self._counts.missing(prefix, self._wanted(prefix), self._options.spare)
        return Probe(prefix, min(self._options.wave, missing))


def half_width(right: int, decided: int, z: float = 1.96) -> float:
    """Of Wilson's interval for a share."""
    share, square = right / decided, z * z
    spread = sqrt(share * (1 - share) / decided + square / (4 * decided * decided))
    return z * spread / (1 + square / decided)


class BisectionStrategy:
    OPTIONS: ClassVar[type[Options]] = BisectionOptions

    def __init__(self, options: BisectionOptions) -> None:
        self._options = options

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> Bisection:
        return Bisection(self._options, n_steps, outcome, known)
