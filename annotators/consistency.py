"""Evidence by comparison: values that a step takes from the problem or from an earlier step are those
that stand there.

Weaker than `arithmetic`: a number may have come from elsewhere. So it names the first such step, and
counts only where `consensus` names it. It never finds a solution right.
"""

from __future__ import annotations

from annotators.checking import CheckingAnnotator
from annotators.references import References
from annotators.substitution import Names
from pipeline.annotator import Tools
from pipeline.records import Check, Solution, Status


class ConsistencyAnnotator(CheckingAnnotator):
    VERSION = 2
    NOTHING = "nothing is copied wrongly for sure"

    async def checks(self, solution: Solution, tools: Tools) -> tuple[Check, ...]:
        return compare_steps(solution.question, solution.steps)


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
    return tuple(checks)
