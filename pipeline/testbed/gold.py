"""TinyMath's oracle as a run asks for it: the true first error of a solution."""

from __future__ import annotations

from functools import lru_cache

from pipeline.errors import InputError
from pipeline.records import Solution
from pipeline.testbed.oracle import judge_solution


def first_error_of(solution: Solution) -> int | None:
    """-1 where every step is right; None where the problem is not one of TinyMath's."""
    return _first_error(solution.question, tuple(solution.steps))


@lru_cache(maxsize=20_000)
def _first_error(question: str, steps: tuple[str, ...]) -> int | None:
    """A run's summary, its report and its evaluation each ask of every solution."""
    try:
        return judge_solution(question, steps).first_error
    except InputError:
        return None
