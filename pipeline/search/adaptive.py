"""Bisection that begins where the problem's difficulty says (EpicPRM, Sun et al. 2025, arXiv
2503.02382).

The bare problem is solved until ten rollouts are right: how many that took is how many each prefix
gets, and the share that is right is what a prefix is held against: it is good where its own share is
at least half of that. The first probe lies a quarter earlier on hard problems and a quarter later on
easy ones. The paper weighs rollouts by their perplexity; here each counts one.

A right solution is taken to hold no error, without a rollout.
"""

from __future__ import annotations

from math import ceil
from typing import ClassVar

from pydantic import Field

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.counts import CountedSearch
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, Probe

HARD, EASY = 0.3, 0.9
"""Shares of the bare problem's rollouts below and above which the first probe is moved."""
ROUND = 8


class AdaptiveOptions(Options):
    least: int = Field(16, ge=1, description="rollouts of each prefix of an easy problem")
    most: int = Field(72, ge=1, description="rollouts of each prefix of a hard one")
    successes: int = Field(10, ge=1, description="of the bare problem, to have seen enough")
    threshold: float = Field(
        0.5, gt=0, le=1, description="share of the bare problem's rate at which a prefix is good"
    )
    spare: int = Field(4, ge=0, description="extra rollouts a prefix may spend on undecided ones")


class Adaptive(CountedSearch):
    """One search over a solution of `n_steps` steps. Invariant as in `Bisection`: the first error
    is step `good` when bad == good + 1."""

    def __init__(
        self,
        options: AdaptiveOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options
        self._siblings = known.siblings
        self._good, self._bad = 0, n_steps
        self._first = True
        self._stuck: str | None = None

    def next(self) -> list[Probe]:
        if self._outcome is not Outcome.INCORRECT or self._stuck or self._n_steps < 2:
            return []
        if not self._bare_is_known():
            room = self._options.most - self._counts.tried(0)
            if room > 0:
                return [Probe(0, min(ROUND, room))]
            undecided = self._counts.tried(0) - self._counts.decided(0)
            self._stuck = (
                "too many undecided rollouts from prefix 0"
                if undecided > self._counts.decided(0)
                else "the policy solves the problem too rarely"
            )
            return []
        while (prefix := self._to_ask()) is not None:
            if self._counts.decided(prefix) < self._rollouts():
                missing = self._counts.missing(prefix, self._rollouts(), self._options.spare)
                if not missing:
                    self._stuck = f"too many undecided rollouts from prefix {prefix}"
                    return []
                return [Probe(prefix, missing)]
            share = self._counts.right(prefix) / self._counts.decided(prefix)
            self._learned(prefix, share >= self._options.threshold * self._bare_rate())
        return []

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        if self._outcome is Outcome.CORRECT:
            return Finding(NO_ERROR)
        if self._stuck or (self._n_steps > 1 and self._to_ask() is not None):
            return Finding(None, self._stuck or "the search was not finished")
        return Finding(self._named())

    def _to_ask(self) -> int | None:
        """The next prefix to tell good or bad; None where the first error is known."""
        return self._middle() if self._bad - self._good > 1 else None

    def _learned(self, prefix: int, good: bool) -> None:
        if good:
            self._good = prefix
        else:
            self._bad = prefix
        self._first = False

    def _named(self) -> int:
        return self._good

    def _bare(self) -> tuple[int, int]:
        """(right, decided) rollouts of the bare problem, its other solutions among them."""
        return (
            self._siblings.right + self._counts.right(0),
            self._siblings.decided + self._counts.decided(0),
        )

    def _bare_is_known(self) -> bool:
        return self._bare()[0] >= self._options.successes

    def _bare_rate(self) -> float:
        right, decided = self._bare()
        return right / decided

    def _rollouts(self) -> int:
        """As many as it takes the bare problem to be solved often enough, in whole rounds."""
        taken = self._options.successes / self._bare_rate()
        rounds = ROUND * ceil(taken / ROUND)
        return min(self._options.most, max(self._options.least, rounds))

    def _middle(self) -> int:
        middle = (self._good + self._bad) // 2
        if self._first and self._n_steps > 5:
            quarter = (self._n_steps - 2) // 4
            rate = self._bare_rate()
            middle += quarter * ((rate >= EASY) - (rate < HARD))
        return min(max(middle, self._good + 1), self._bad - 1)


class AdaptiveStrategy:
    OPTIONS: ClassVar[type[Options]] = AdaptiveOptions

    def __init__(self, options: AdaptiveOptions) -> None:
        self._options = options

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> Adaptive:
        return Adaptive(self._options, n_steps, outcome, known)
