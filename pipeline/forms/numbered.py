"""`Step 1: …`, as Math-Shepherd and those after it number steps, the first one behind the problem."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.inputs.rows import FieldFault

FIRST = "Step 1:"
_NUMBER = re.compile(r"Step [0-9]{1,6}: ?")


def numbered(steps: Sequence[str]) -> list[str]:
    """Each step behind its number, from 1; one that has it already stays as it is."""
    return [
        step if step.startswith(f"Step {number}:") else f"Step {number}: {step}"
        for number, step in enumerate(steps, 1)
    ]


def bare(step: str) -> str:
    """The step without its number."""
    found = _NUMBER.match(step)
    return step[found.end() :] if found else step


def split_first(text: str, where: str) -> tuple[str, str]:
    """The problem, and the first step that stands behind it. Raises FieldFault."""
    problem, mark, first = text.partition(FIRST)
    if not mark:
        raise FieldFault(where, f"should hold the problem and then {FIRST!r}", text)
    return problem.rstrip(), mark + first
