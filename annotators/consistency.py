"""Evidence by comparison: values that a step takes from the problem or from an earlier step are those
that stand there.

Weaker than `arithmetic`: a number may have come from elsewhere. So it names the first such step, and
counts only where `consensus` names it. It never finds a solution right.
"""

from __future__ import annotations

from typing import ClassVar

from annotators.references import References
from annotators.substitution import Names
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.records import Check, Solution, Status, Verdict, content_hash

VERSION = 1
MAX_CHECKS = 1000
"""Of a solution; further ones are not kept."""


class ConsistencyOptions(Options):
    """It has none."""


class ConsistencyAnnotator:
    OPTIONS: ClassVar[type[Options]] = ConsistencyOptions
    uses_outcome = False

    def __init__(self, name: str, options: ConsistencyOptions) -> None:
        self.name = name
        self.role: str | None = None
        self.fingerprint = content_hash(VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        checks = compare_steps(solution.question, solution.steps)
        wrong = [check.step for check in checks if check.status is Status.CONTRADICTED]
        return Verdict(
            solution.id,
            self.name,
            first_error=min(wrong) if wrong else None,
            reason=None if wrong else "nothing is copied wrongly for sure",
            checks=checks,
        )


def compare_steps(problem: str, steps: tuple[str, ...]) -> tuple[Check, ...]:
    """Every copied value that could be looked up, in order."""
    names, references = Names(), References(problem)
    checks = [
        Check(
            at,
            copy.start,
            copy.end,
            step[copy.start : copy.end],
            Status.EXACT if copy.agrees else Status.CONTRADICTED,
            copy.expected,
        )
        for at, step in enumerate(steps)
        for copy in sorted((*references.read(step), *names.read(step)), key=lambda c: c.start)
    ]
    return tuple(checks[:MAX_CHECKS])
