"""Solutions to select from."""

from __future__ import annotations

from dataclasses import replace

from pipeline.join import Annotated
from pipeline.records import Outcome
from tests.pipeline.dataset.items import item


def solution(
    problem: int,
    attempt: int,
    first_error: int | None = -1,
    values: tuple[float | None, ...] | None = None,
    text: str | None = None,
    outcome: Outcome | None = None,
) -> Annotated:
    steps = (f"{text or f'Attempt {attempt} of problem {problem}'}\n", "goes on\n", "Answer: 4")
    made = item(problem, attempt, first_error, steps)
    assert made.label is not None
    return replace(
        made,
        solution=replace(made.solution, outcome=outcome or made.solution.outcome),
        label=made.label if values is None else replace(made.label, values=values),
    )
