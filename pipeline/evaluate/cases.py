"""A solution as a file or a run has it, the fields that every reader here takes, and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.errors import ConfigError
from pipeline.evaluate.conventions import Convention
from pipeline.forms.numbered import bare
from pipeline.inputs.problems import MAX_SHORT
from pipeline.inputs.rows import FieldFault, Row, field, has, list_field, optional_text
from pipeline.records import Outcome, content_hash

FIELDS = ("id", "problem", "steps", "label")
_MAX_CHARS = 10_000_000
_MOST = 1e15


class Columns(NamedTuple):
    """Names of a file's columns."""

    id: str = "id"
    problem: str = "problem"
    steps: str = "steps"
    label: str = "label"

    @classmethod
    def of(cls, pairs: Sequence[str], convention: Convention, option: str) -> Columns:
        """From `field=column` texts, as typed. Raises ConfigError that names the option."""
        found = {"label": convention.column}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if name not in FIELDS or not equals or not column:
                raise ConfigError(
                    f"{option} {pair}: should be FIELD=COLUMN, FIELD one of {', '.join(FIELDS)}"
                )
            found[name] = column
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Case:
    """Which solution is spoken of. `id` or both texts are there, maybe all three."""

    id: str | None
    problem: str | None
    steps: tuple[str, ...] | None
    outcome: Outcome | None = None
    level: str | None = None

    @property
    def content(self) -> str | None:
        """Key of problem and steps, blank space apart; None where a text is missing."""
        return None if self.steps is None else self.content_of_first(len(self.steps))

    def content_of_first(self, steps: int) -> str | None:
        """The key of a solution that ends after so many of these steps."""
        if self.problem is None or self.steps is None:
            return None
        texts = [_plain(step) for step in self.steps[:steps]]
        return content_hash(_even(self.problem), texts, length=32)

    @property
    def name(self) -> str:
        return self.id if self.id is not None else f"“{_even(self.problem or '')[:60]}”"

    def other_problem(self, other: Case) -> bool:
        """Whether both say their problem, and not the same."""
        known = self.problem is not None and other.problem is not None
        return known and _even(self.problem or "") != _even(other.problem or "")

    def begins_with(self, other: Case) -> bool:
        """Whether the other's steps, where both say theirs, are the first of these."""
        return all(map(_alike, other.steps or (), self.steps or ()))


def _alike(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(step: str) -> str:
    """Without its number, which some forms put there and others take away."""
    return bare(_even(step))


def _even(text: str) -> str:
    return " ".join(text.split())


def case_of(row: Row, columns: Columns) -> Case:
    """Raises FieldFault where the row can't be told apart from others, or a text is none."""
    problem = optional_text(row, columns.problem, _MAX_CHARS)
    steps = _steps(row, columns.steps)
    given = optional_text(row, columns.id, MAX_SHORT)
    if given is None and (problem is None or not steps):
        missing = columns.problem if problem is None else columns.steps
        raise FieldFault(columns.id, f"missing, and so is {missing}: nothing to match the row by")
    return Case(given, problem, steps, _outcome(row), optional_text(row, "level", MAX_SHORT))


def _steps(row: Row, column: str) -> tuple[str, ...] | None:
    if not has(row.data, column) or (value := list_field(row, column)) is None:
        return None
    if not isinstance(value, list):
        raise FieldFault(column, "should be a list of steps, each a text", value)
    for place, step in enumerate(value):
        if not isinstance(step, str):
            raise FieldFault(f"{column}[{place}]", "should be a text", step)
    return tuple(value)


def _outcome(row: Row) -> Outcome | None:
    """Of `outcome` (the view `evidence`) or `final_answer_correct` (ProcessBench)."""
    value = row.data.get("outcome")
    if value is not None:
        if value not in tuple(Outcome):
            raise FieldFault("outcome", f"should be one of {', '.join(Outcome)}", value)
        return Outcome(value)
    right: Any = row.data.get("final_answer_correct")
    if right is None:
        return None
    if not isinstance(right, bool):
        raise FieldFault("final_answer_correct", "should be true or false", right)
    return Outcome.CORRECT if right else Outcome.INCORRECT


def first_error_of(row: Row, column: str, convention: Convention, steps: int | None) -> int:
    """Ours, 0-based. Raises FieldFault."""
    value = field(row, column)
    if value is None:
        raise FieldFault(column, f"is null; it should be {convention.about}")
    try:
        return convention.read(value, steps)
    except ValueError as error:
        raise FieldFault(column, str(error), value) from error


def optional_number(data: Mapping[str, Any], column: str) -> float | None:
    """A finite number that may be missing or null. Raises FieldFault."""
    value = data.get(column)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_MOST < value < _MOST:
        raise FieldFault(column, "should be a number", value)
    return float(value)
