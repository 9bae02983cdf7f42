"""Queries that models wrote, run on the tables of their problem by DuckDB, in the sandbox.

Two walls: DuckDB itself reads no file, loads no extension, takes no setting, has one thread and little
memory, and is given a single SELECT at a time; and all of it is a snippet of `pipeline.sandbox`, so that
what gets by finds no file, no network and no time. What a query is stopped for there is no evidence.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline.errors import PrerequisiteError
from pipeline.grading.chains import is_ordered
from pipeline.grading.results import Cell, Gold, Result
from pipeline.sandbox import Execution, Limits, Sandbox

PACKAGES = ("_duckdb",)
"""What the sandbox loads for this: the library itself; the package around it wants to know its version from
files that are not shown there."""
RESERVED_MB = 1024
"""Address space that DuckDB reserves, and never fills, before it has done anything (640 MiB in 2.0)."""
MAX_ROWS = 10_000
"""Of a result; a larger one is not compared."""
MAX_MESSAGE = 300
_NO_TABLE = re.compile(
    r'(?:Catalog Error: Table with name |Binder Error: Referenced table ")([^"\n]{1,200})'
    r"(?: does not exist!|\" not found)"
)
"""Another engine may have the schema that a name is qualified with."""
_NO_COLUMN = re.compile(
    r'Binder Error: (?:Referenced column|Table "[^"]{1,200}" does not have a column named) "([^"]{1,200})"'
)
_PSEUDO = frozenset({"oid", "_rowid_", "ctid", "rownum", "sysdate", "user"})
"""What some engines take for a column, or for a function without parentheses."""
_PSEUDO_TABLES = frozenset({"dual", "sysdummy1"})
"""What some engines have without any table."""
_REFUSED = ("ParserException", "BinderException", "CatalogException", "ConversionException")
_LIMIT = re.compile(r"Parser Error: Max expression depth")
_DECIMAL = re.compile(r"-?\d{1,60}(?:\.\d{1,60})?")


class Failure(NamedTuple):
    """Why a query gave nothing: DuckDB's kind of error, or how the sandbox ended it; and what was said."""

    kind: str
    message: str

    def contradicts(self, query: str, dialect: str) -> bool:
        """Whether the query is wrong, and not merely stopped. In the dialect "duckdb" it is where DuckDB
        can't read it or make sense of it; in any other, where it asks for a table or column that there is
        not. A column in double quotes may have been meant as a text."""
        if dialect == "duckdb":
            return self.kind in _REFUSED and _LIMIT.match(self.message) is None
        if table := _NO_TABLE.match(self.message):
            return table[1].casefold() not in _PSEUDO_TABLES
        column = _NO_COLUMN.match(self.message)
        return (
            column is not None
            and column[1].casefold() not in _PSEUDO
            and f'"{column[1]}"' not in query
        )


def require_duckdb() -> None:
    """Raises PrerequisiteError where DuckDB is not installed."""
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise PrerequisiteError(
                "queries are run by DuckDB, which is not here: pip install 'steplabel[sql]'"
            )


async def run_queries(
    tables: str, queries: Sequence[str], sandbox: Sandbox, limits: Limits, reverse: bool = False
) -> list[Result | Failure]:
    """What each query gives on the tables (a problem's, as JSON), one after another in one snippet; those
    behind one that is stopped are Failures too. `reverse`: with each table's rows the other way round.

    Raises EngineFaultError where the sandbox could not run them now.
    """
    half = max(32, limits.memory_mb // 2)  # the rest is Python's, and what DuckDB doesn't count
    asked = {"queries": list(queries), "reverse": reverse, "rows": MAX_ROWS, "memory": half}
    given = f'{json.dumps(asked)[:-1]}, "tables": {tables}}}'
    room = replace(limits, memory_mb=limits.memory_mb + RESERVED_MB)
    done = await sandbox.run(_RUNNER, stdin=given, limits=room)
    found = [_read(line) for line in done.stdout.splitlines()[: len(queries)]]
    return [*found, *[_stopped(done)] * (len(queries) - len(found))]


async def run_gold(tables: str, query: str, sandbox: Sandbox, limits: Limits) -> Gold | Failure:
    """The gold query, in a snippet of its own: what a model wrote can't reach it."""
    (found,) = await run_queries(tables, [query], sandbox, limits)
    (other,) = await run_queries(tables, [query], sandbox, limits, reverse=True)
    if isinstance(found, Failure):
        return found
    return other if isinstance(other, Failure) else Gold(found, other, is_ordered(query))


def _stopped(done: Execution) -> Failure:
    return Failure(str(done.status), (done.reason or "it says nothing")[:MAX_MESSAGE])


def _read(line: str) -> Result | Failure:
    """A line of the runner's. It has run a model's query, so nothing of it is taken on trust."""
    try:
        said: Any = json.loads(line)
        if "error" in said:
            return Failure(str(said["error"])[:50], str(said["message"])[:MAX_MESSAGE])
        columns = int(said["columns"])
        rows = tuple(tuple(map(_cell, row)) for row in said["rows"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Failure("garbled", "the result can't be read")
    if any(len(row) != columns for row in rows):
        return Failure("garbled", "the result can't be read")
    if len(rows) > MAX_ROWS:
        return Failure("large", f"over {MAX_ROWS:,} rows")
    return Result(columns, rows)


def _cell(cell: Any) -> Cell:
    if cell is None or isinstance(cell, bool | int | float | str):
        return cell
    text = cell["decimal"]
    if not _DECIMAL.fullmatch(text):
        raise ValueError("no decimal")
    return Decimal(text)


_RUNNER = r"""
import decimal, json, sys
import _duckdb as duckdb

asked = json.load(sys.stdin)
db = duckdb.connect(config={
    "threads": 1, "memory_limit": f"{asked['memory']}MB", "temp_directory": "",
    "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    "allow_community_extensions": False, "python_enable_replacements": False,
})


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def kind(cells):
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT" if all(abs(c) < 2**63 for c in cells if c is not None) else "DOUBLE"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"


def text(cell):
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


for name, table in asked["tables"].items():
    rows = table["rows"][::-1] if asked["reverse"] else table["rows"]
    columns, values = [], []
    for number, column in enumerate(table["columns"]):
        cells = [row[number] for row in rows]
        of = kind(cells)
        cells = {"VARCHAR": lambda: [text(c) for c in cells],
                 "DOUBLE": lambda: [None if c is None else float(c) for c in cells]}.get(of, lambda: cells)()
        columns.append(f"unnest(?::{of}[]) AS {quoted(column)}")
        values.append(cells)
    db.execute(f"CREATE TABLE {quoted(name)} AS SELECT {', '.join(columns)}", values)
db.execute("SET enable_external_access = false")
db.execute("SET lock_configuration = true")


def plain(cell):
    if cell is None or isinstance(cell, (bool, int, float, str)):
        return cell
    return {"decimal": format(cell, "f")} if isinstance(cell, decimal.Decimal) else str(cell)


for query in asked["queries"]:
    try:
        statements = duckdb.extract_statements(query)
        if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
            said = {"error": "refused", "message": "not one query"}
        else:
            found = db.execute(statements[0])
            rows = found.fetchmany(asked["rows"] + 1)
            said = {"columns": len(found.description), "rows": [list(map(plain, row)) for row in rows]}
    except duckdb.Error as error:
        said = {"error": type(error).__name__, "message": str(error)}
    except Exception as error:
        said = {"error": "unreadable", "message": type(error).__name__}
    print(json.dumps(said), flush=True)
"""
