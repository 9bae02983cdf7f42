"""A solution's final answer and outcome."""

from __future__ import annotations

from dataclasses import replace

from pipeline.config import RunConfig
from pipeline.grading import VERSION as GRADING_VERSION
from pipeline.grading import Grader
from pipeline.records import Solution, content_hash


def graded_by(config: RunConfig) -> str:
    """What outcomes depend on besides the texts."""
    return content_hash(GRADING_VERSION, config.grading.fingerprint)


async def graded(solution: Solution, grader: Grader, max_steps: int) -> Solution:
    """The solution with its final answer and outcome."""
    if not solution.steps:
        return replace(solution, outcome_reason="empty text")
    if len(solution.steps) > max_steps:
        return replace(solution, outcome_reason=f"more than {max_steps} steps")
    grade = await grader.attempt(solution.text, solution, solution.finish_reason)
    return replace(
        solution,
        answer=grade.answer,
        answer_rule=grade.rule,
        outcome=grade.outcome,
        outcome_reason=grade.reason,
    )
