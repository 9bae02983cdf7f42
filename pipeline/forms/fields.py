"""Fields that several forms have, and a row with ours beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.inputs.rows import FieldFault, Row, field

MAX_STEPS = 10_000
"""Steps a row may have: above any solution, below what would take long."""


def with_fields(row: Row, **fields: Any) -> Row:
    return Row(row.file, row.number, {**row.data, **fields})


def a_text(row: Row, column: str) -> str:
    return text_in(field(row, column), column)


def text_in(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise FieldFault(where, "should be a text", value)
    return value


def a_list(row: Row, column: str) -> list[Any]:
    """A list of one element or more."""
    value = field(row, column)
    if not isinstance(value, list) or not value:
        raise FieldFault(column, "should be a list of one element or more", value)
    if len(value) > MAX_STEPS:
        raise FieldFault(column, f"has {len(value):,} elements, at most {MAX_STEPS:,} are taken")
    return value


def texts(row: Row, column: str) -> list[str]:
    found = a_list(row, column)
    return [text_in(value, f"{column}[{place}]") for place, value in enumerate(found)]


def turns(row: Row, column: str, roles: Sequence[str]) -> list[tuple[str, str]]:
    """Role and content of each message of a conversation; each role is one of `roles`."""
    found = []
    for place, message in enumerate(a_list(row, column)):
        where = f"{column}[{place}]"
        if not isinstance(message, Mapping) or message.get("role") not in roles:
            raise FieldFault(f"{where}.role", f"should be one of {', '.join(roles)}", message)
        found.append((message["role"], text_in(message.get("content"), f"{where}.content")))
    return found
