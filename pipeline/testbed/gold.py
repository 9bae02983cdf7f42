"""TinyMath's oracle as a run asks for it: the true first error of a solution."""

from __future__ import annotations

from pipeline.errors import InputError
from pipeline.records import Solution
from pipeline.testbed.oracle import judge_solution


def first_error_of(solution: Solution) -> int | None:
    """-1 where every step is right; None where the problem is not one of TinyMath's."""
    try:
        return judge_solution(solution.question, solution.steps).first_error
    except InputError:
        return None
