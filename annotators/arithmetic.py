"""Evidence by calculation: the arithmetic that the steps claim, checked exactly.

It can only contradict: that all its sums are right doesn't make a solution right, so where nothing
is contradicted it names no first error. The step it names holds a wrong claim; an earlier step may
be wrong for a reason that no calculation sees.
"""

from __future__ import annotations

from typing import ClassVar

from annotators.claims import find_claims
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.records import Check, Solution, Status, Verdict, content_hash

VERSION = 4
MAX_CHECKS = 1000
"""Of a solution; further claims are not kept."""


class ArithmeticOptions(Options):
    """It has none."""


class ArithmeticAnnotator:
    OPTIONS: ClassVar[type[Options]] = ArithmeticOptions
    uses_outcome = False

    def __init__(self, name: str, options: ArithmeticOptions) -> None:
        self.name = name
        self.role: str | None = None
        self.fingerprint = content_hash(VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        checks = check_steps(solution.steps)
        wrong = [check.step for check in checks if check.status is Status.CONTRADICTED]
        return Verdict(
            solution.id,
            self.name,
            first_error=min(wrong) if wrong else None,
            reason=None if wrong else "nothing contradicted",
            checks=checks,
        )


def check_steps(steps: tuple[str, ...]) -> tuple[Check, ...]:
    """Every claim of every step with what calculation says, in order."""
    checks = [
        Check(index, c.start, c.end, step[c.start : c.end], c.status, c.expected)
        for index, step in enumerate(steps)
        for c in find_claims(step)
    ]
    return tuple(checks[:MAX_CHECKS])
