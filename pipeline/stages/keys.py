"""To which problem a solution belongs: by content, since ids may be used again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipeline.records import Problem, Solution, content_hash

_MORE = ("tests", "tables", "reference", "level")
KEY_COLUMNS = ("problem_id", "question", "gold", *_MORE)
"""Of a solution's row: what says to which problem it belongs."""


@lru_cache(64)  # a problem's solutions follow each other; its tables may be large
def problem_key(problem_id: str, question: str, gold: str, *more: str | None) -> str:
    """A problem by its content: the same id with another text, answer, tests or reference is another
    problem. `more`: the rest of KEY_COLUMNS."""
    known = {name: value for name, value in zip(_MORE, more, strict=False) if value}
    return content_hash(problem_id, question, gold, *([known] if known else []))


def key_of(one: Problem | Solution) -> str:
    """Key of a problem, or of that of a solution."""
    more = (one.tests, one.tables, one.reference, one.level)
    if isinstance(one, Problem):
        return problem_key(one.id, one.question, one.answer, *more)
    return problem_key(one.problem_id, one.question, one.gold, *more)


def key_of_row(row: Mapping[str, Any]) -> str:
    """The same of a row with KEY_COLUMNS; one of an earlier version has neither tests nor tables."""
    values: list[Any] = [row.get(name) for name in KEY_COLUMNS]
    return problem_key(*values)
