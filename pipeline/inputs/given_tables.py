"""A problem's tables, as they stand in a row, in one form: what queries are run on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from pipeline.inputs.rows import FieldFault, Row, checked_text, field, has

MAX_TABLES = 1_000_000
"""Of a problem: characters of all its tables as JSON."""
MAX_COLUMNS = 1000
MAX_NAME = 200
_FORM = 'should be {"name": {"columns": [texts], "rows": [[cells]]}}'


def tables_of(row: Row, column: str | None) -> str | None:
    """The tables of a row as JSON text, `{"name": {"columns": […], "rows": [[…]]}}`; None where it has none.

    In the file they are that object, or JSON text of it. A cell is a text, a number, a truth value or null.
    Raises FieldFault that names table, row and cell.
    """
    if column is None or not has(row.data, column) or field(row, column) in (None, "", {}):
        return None
    value = field(row, column)
    if isinstance(value, str):
        try:
            value = json.loads(checked_text(value, column, MAX_TABLES))
        except (ValueError, RecursionError) as error:
            raise FieldFault(column, f"is no JSON ({str(error)[:80]}); {_FORM}", value) from None
    if not isinstance(value, Mapping) or not value:
        raise FieldFault(column, _FORM, value)
    seen: set[str] = set()
    tables = {}
    for name, table in value.items():
        if table is None:  # a column of another row's name, as Parquet fills it in
            continue
        _check_name(name, f"{column}.{name}", seen)
        tables[name] = _table(table, f"{column}.{name}")
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return checked_text(text, column, MAX_TABLES)


def _table(table: Any, where: str) -> dict[str, Any]:
    if not isinstance(table, Mapping) or not {"columns", "rows"} <= table.keys():
        raise FieldFault(where, 'should be {"columns": [texts], "rows": [[cells]]}', table)
    columns, rows = table["columns"], table["rows"]
    if not isinstance(columns, list) or not 0 < len(columns) <= MAX_COLUMNS:
        raise FieldFault(
            f"{where}.columns", f"should be a list of 1 to {MAX_COLUMNS} names", columns
        )
    seen: set[str] = set()
    for name in columns:
        _check_name(name, f"{where}.columns", seen)
    if not isinstance(rows, list):
        raise FieldFault(f"{where}.rows", "should be a list of rows, each a list of cells", rows)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise FieldFault(
                f"{where}.rows[{number}]", f"should be a list of {len(columns)} cells", row
            )
        for name, cell in zip(columns, row, strict=True):
            if not _is_cell(cell):
                raise FieldFault(
                    f"{where}.rows[{number}].{name}",
                    "should be a text, a finite number, true, false or null",
                    cell,
                )
    return {"columns": columns, "rows": rows}


def _check_name(name: Any, where: str, seen: set[str]) -> None:
    """Names are told apart without regard to case, as SQL does."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise FieldFault(where, f"should be a name of at most {MAX_NAME} characters", name)
    if name.casefold() in seen:
        raise FieldFault(where, f"{name!r} is there twice; SQL tells no case apart", name)
    seen.add(name.casefold())


def _is_cell(cell: Any) -> bool:
    if isinstance(cell, float):
        return math.isfinite(cell)
    return cell is None or isinstance(cell, bool | int | str)
