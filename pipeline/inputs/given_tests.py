"""A problem's tests, as they stand in a row: Python that raises where a program is wrong."""

from __future__ import annotations

import ast

from pipeline.inputs.rows import FieldFault, Row, checked_text, field, has, text_field

MAX_TESTS = 500_000
"""Longest tests of a problem, characters."""
MAX_NAME = 200
_SAYS_NOTHING = (
    ast.AnnAssign,
    ast.Assign,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.FunctionDef,
    ast.Import,
    ast.ImportFrom,
    ast.Pass,
)


def tests_of(row: Row, column: str | None, entry_point: str | None) -> str | None:
    """The tests of a row; None where it has none. A list of them (MBPP) is one after another; where they
    only define `check` (HumanEval), it is called with the function that `entry_point` names.

    Raises FieldFault for what is no Python, and for tests that run nothing: they would pass any program.
    """
    if column is None or not has(row.data, column) or field(row, column) in (None, "", []):
        return None
    value = field(row, column)
    if isinstance(value, list):
        pieces = [
            checked_text(piece, f"{column}[{i}]", MAX_TESTS) if isinstance(piece, str) else ""
            for i, piece in enumerate(value)
        ]
        if not all(pieces):
            raise FieldFault(column, "should be Python, or a list of texts of Python", value)
        tests = checked_text("\n".join(pieces), column, MAX_TESTS)
    else:
        tests = text_field(row, column, MAX_TESTS)
    body = _read(tests, column)
    calls = any(not isinstance(one, _SAYS_NOTHING) and not _is_text(one) for one in body)
    if calls:
        return tests
    defines_check = any(isinstance(one, ast.FunctionDef) and one.name == "check" for one in body)
    if defines_check and entry_point is not None:
        name = text_field(row, entry_point, MAX_NAME).strip()
        if not name.isidentifier():
            raise FieldFault(entry_point, "should be the name of a function", name)
        return f"{tests}\n\ncheck({name})\n"
    cure = (
        "they define check(): name the column of the function to check under "
        "problems.columns.entry_point"
        if defines_check
        else "add the calls or assertions"
    )
    raise FieldFault(column, f"run nothing, so that any program would pass; {cure}", tests)


def _read(tests: str, column: str) -> list[ast.stmt]:
    """Their statements: parsed, never run here."""
    try:
        return ast.parse(tests).body
    except SyntaxError as error:
        line = tests.splitlines()[error.lineno - 1 : error.lineno] if error.lineno else []
        raise FieldFault(
            column,
            f"is no Python: {error.msg}, line {error.lineno}; mend it there",
            line[0] if line else tests,
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise FieldFault(column, f"can't be read as Python ({error}); make it flatter") from None


def _is_text(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
