"""One row of input as it stands in the file, and how its fields are reached and checked."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import InputError
from pipeline.inputs.rejected import Rejected, excerpt

SAMPLE = 1000
"""A column that none of so many rows has is a mistake in the configuration."""


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is 1-based: the line of a JSONL file, else the row of data."""

    file: str
    number: int
    data: Mapping[str, Any]


class FieldFault(Exception):
    """What is wrong with a field of a row: the column, the message, and the value's start."""

    def __init__(self, field: str | None, message: str, value: Any = "") -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.excerpt = (
            excerpt(value if isinstance(value, str) else repr(value)) if value != "" else ""
        )

    def of(self, row: Row) -> Rejected:
        return Rejected(row.file, row.number, self.field, self.message, self.excerpt)


def has(data: Mapping[str, Any], column: str) -> bool:
    """Is there such a column? Dots reach into objects, unless the whole name is a column."""
    return _reach(data, column)[0]


def _reach(data: Mapping[str, Any], column: str) -> tuple[bool, Any]:
    if column in data:
        return True, data[column]
    at: Any = data
    for part in column.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False, None
        at = at[part]
    return True, at


def field(row: Row, column: str) -> Any:
    """The value; raises FieldFault, with the nearest column, where the row has none."""
    found, value = _reach(row.data, column)
    if not found:
        raise FieldFault(column, f"missing; {_nearest(column, row.data)}")
    return value


def list_field(row: Row, column: str) -> Any:
    """The value; where it is text that is a JSON list, as CSV has to have it, that list."""
    value = field(row, column)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value


def text_field(row: Row, column: str, max_chars: int, numbers: bool = False) -> str:
    """A text that is not blank, is valid Unicode and is not over-long. Raises FieldFault."""
    value = field(row, column)
    if value is None:
        raise FieldFault(column, "is null; it should be a text")
    if numbers and isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise FieldFault(column, f"is {value}; it should be a text or a finite number")
        return str(value)
    if not isinstance(value, str):
        wanted = "a text or a number" if numbers else "a text"
        raise FieldFault(column, f"is {_kind(value)}; it should be {wanted}", value)
    return checked_text(value, column, max_chars)


def checked_text(value: str, column: str, max_chars: int) -> str:
    """The text itself, if a model may read it and a file may hold it. Raises FieldFault."""
    if not value.strip():
        raise FieldFault(column, "is empty; fill it in, or leave the row out")
    if len(value) > max_chars:
        raise FieldFault(
            column,
            f"has {len(value):,} characters, at most {max_chars:,} are taken; "
            "shorten it, or raise max_chars",
            value,
        )
    if "\0" in value:
        raise FieldFault(column, "holds a NUL byte; remove it", value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldFault(
            column, f"is not valid UTF-8 at character {error.start}; save it as UTF-8", value
        ) from error
    return value


def optional_text(row: Row, column: str | None, max_chars: int) -> str | None:
    """A text or number that may be missing, null or blank: None then. Raises FieldFault."""
    if column is None or not has(row.data, column):
        return None
    value = field(row, column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return text_field(row, column, max_chars, numbers=True)


def _kind(value: Any) -> str:
    names = {bool: "a truth value", dict: "an object", list: "a list", bytes: "bytes"}
    return names.get(
        type(value), "a number" if isinstance(value, int | float) else type(value).__name__
    )


def _nearest(column: str, data: Mapping[str, Any]) -> str:
    known = [str(name) for name in data][:200]
    known += [f"{k}.{n}" for k, v in data.items() if isinstance(v, Mapping) for n in v][:200]
    near = difflib.get_close_matches(column, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"the row has {', '.join(repr(n) for n in known[:12])}" if known else "the row is empty"


class Columns:
    """Watches that every column the configuration names is in some row.

    `wanted` is (key in the configuration, column). The error comes after SAMPLE rows, or at the end.
    """

    def __init__(self, wanted: Sequence[tuple[str, str]]) -> None:
        self._missing = dict(wanted)
        self._rows = 0
        self._last: Row | None = None

    def see(self, row: Row) -> None:
        if self._missing:
            self._last = row
            self._rows += 1
            self._missing = {k: c for k, c in self._missing.items() if not has(row.data, c)}
            if self._rows >= SAMPLE:
                self.check()

    def check(self) -> None:
        """Raises InputError that names the configuration's key and the nearest column."""
        if self._missing and self._last is not None:
            key, column = next(iter(self._missing.items()))
            raise InputError(
                f"{self._last.file}: no row has the column {column!r} that {key} names; "
                + _nearest(column, self._last.data)
            )
