"""Evidence by calculation: the arithmetic that the steps claim, checked exactly.

It can only contradict: that all its sums are right doesn't make a solution right, so where nothing
is contradicted it names no first error. The step it names holds a wrong claim; an earlier step may
be wrong for a reason that no calculation sees.
"""

from __future__ import annotations

from annotators.checking import CheckingAnnotator
from annotators.claims import find_claims
from pipeline.annotator import Tools
from pipeline.records import Check, Solution


class ArithmeticAnnotator(CheckingAnnotator):
    VERSION = 6
    NOTHING = "nothing contradicted"

    async def checks(self, solution: Solution, tools: Tools) -> tuple[Check, ...]:
        return check_steps(solution.steps)


def check_steps(steps: tuple[str, ...]) -> tuple[Check, ...]:
    """Every claim of every step with what calculation says, in order."""
    checks = [
        Check(index, c.start, c.end, step[c.start : c.end], c.status, c.expected)
        for index, step in enumerate(steps)
        for c in find_claims(step)
    ]
    return tuple(checks)
