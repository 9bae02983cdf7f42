"""What annotators that check claims have in common: nothing is sampled, and the earliest step with a
contradicted claim is named. Where nothing is contradicted no first error is: checks can only contradict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.records import Check, Solution, Status, Verdict, content_hash

MAX_CHECKS = 1000
"""Of a solution; further ones are not kept."""


class NoOptions(Options):
    """It has none."""


class CheckingAnnotator(ABC):
    """`VERSION` is raised when verdicts change; `NOTHING` is the reason where nothing is contradicted."""

    OPTIONS: ClassVar[type[Options]] = NoOptions
    VERSION: ClassVar[int]
    NOTHING: ClassVar[str]
    uses_outcome = False

    def __init__(self, name: str, options: NoOptions) -> None:
        self.name = name
        self.role: str | None = None
        self.fingerprint = content_hash(self.VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        checks = (await self.checks(solution, tools))[:MAX_CHECKS]
        wrong = [check.step for check in checks if check.status is Status.CONTRADICTED]
        return Verdict(
            solution.id,
            self.name,
            first_error=min(wrong) if wrong else None,
            reason=None if wrong else self.NOTHING,
            checks=checks,
        )

    @abstractmethod
    async def checks(self, solution: Solution, tools: Tools) -> tuple[Check, ...]:
        """Every claim with what was found, in the order of the steps."""
