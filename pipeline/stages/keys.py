"""To which problem a solution belongs: by content, since ids may be used again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipeline.records import Problem, Solution, content_hash

KEY_COLUMNS = ("problem_id", "question", "gold", "tests", "tables")
"""Of a solution's row: what says to which problem it belongs."""


@lru_cache(64)  # a problem's solutions follow each other; its tables may be large
def problem_key(
    problem_id: str, question: str, gold: str, tests: str | None = None, tables: str | None = None
) -> str:
    """A problem by its content: the same id with another text, answer or tests is another problem."""
    more = [{"tests": tests, "tables": tables}] if tests or tables else []
    return content_hash(problem_id, question, gold, *more)


def key_of(one: Problem | Solution) -> str:
    """Key of a problem, or of that of a solution."""
    if isinstance(one, Problem):
        return problem_key(one.id, one.question, one.answer, one.tests, one.tables)
    return problem_key(one.problem_id, one.question, one.gold, one.tests, one.tables)


def key_of_row(row: Mapping[str, Any]) -> str:
    """The same of a row with KEY_COLUMNS; one of an earlier version has neither tests nor tables."""
    values: list[Any] = [row.get(name) for name in KEY_COLUMNS]
    return problem_key(*values)
