"""Problems of the user's, from a file or folder with a column mapping."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.config import ColumnsConfig, ProblemsConfig
from pipeline.grading import gold_answer
from pipeline.grading.chains import is_query
from pipeline.inputs.files import read_rows
from pipeline.inputs.given_tables import tables_of
from pipeline.inputs.given_tests import tests_of
from pipeline.inputs.rejected import Collector, ReadResult, Rejected
from pipeline.inputs.rows import Columns, FieldFault, Row, has, optional_text, text_field
from pipeline.records import Problem, content_hash

_MARKERS = re.compile(
    r"\\(?:boxed|fbox|text|\(|\)|\[|\])|\b(?:the|final|answer|is)\b|[\s#{}$*.:=]", re.IGNORECASE
)
"""What may stand around an answer without being a step."""
MAX_SHORT = 1000
"""Longest id and level, in characters."""
PASSES = "passes its tests"
"""The answer of a problem that has tests and no answer of its own."""


def read_problems(config: ProblemsConfig) -> ReadResult[Problem]:
    """Read problems; bad rows are set aside with the reason, or raise InputError when strict.

    Raises InputError when there is nothing to read, a column is in no row, or no row is good.
    """
    found: Collector[Problem] = Collector(config.strict)
    columns = config.columns
    watch = Columns(
        [
            (f"problems.columns.{key}", column)
            for key, column in columns.model_dump().items()
            if column is not None and (key != "answer" or columns.tests is None)
        ]
    )
    seen: dict[str, str] = {}
    for row in read_rows(config.path):
        if isinstance(row, Rejected):
            found.reject(row)
            continue
        watch.see(row)
        try:
            problem = _problem(row, columns, config.max_chars)
            if problem.id in seen:
                which = columns.id or ("id" if has(row.data, "id") else None)
                what = f"{problem.id!r} is" if which else "this question and answer are"
                raise FieldFault(
                    which, f"{what} there already, {seen[problem.id]}; make ids unique"
                )
        except FieldFault as fault:
            found.reject(fault.of(row))
            continue
        seen[problem.id] = f"in row {row.number} of {row.file}"
        found.rows.append(problem)
        if len(found.rows) == config.limit:
            break
    watch.check()
    return found.result(config.path)


def _is_worked(text: str, answer: str) -> bool:
    """Whether a gold text says more than its answer: \\boxed{42} or "#### 42" doesn't."""
    return bool(_MARKERS.sub("", text.replace(answer, "", 1)))


def _problem(row: Row, columns: ColumnsConfig, max_chars: int) -> Problem:
    question = text_field(row, columns.question, max_chars)
    tests = tests_of(row, columns.tests, columns.entry_point)
    tables = tables_of(row, columns.tables)
    if tests is None and columns.tests is not None and not has(row.data, columns.answer):
        raise FieldFault(
            columns.tests, "is empty, and so is the answer: one of the two says what is right"
        )
    if tests is not None and not has(row.data, columns.answer):
        worked = answer = PASSES
    else:
        worked = text_field(row, columns.answer, max_chars, numbers=True)
        answer = worked.strip() if tables and is_query(worked) else gold_answer(worked)
    if not answer or answer.endswith("####"):
        raise FieldFault(columns.answer, "has no final answer after its marker; add it", worked)
    reference = optional_text(row, columns.reference, max_chars)
    if reference is None and columns.reference is None and _is_worked(worked, answer):
        reference = worked
    id_column = columns.id or "id"
    given = (
        text_field(row, id_column, MAX_SHORT, numbers=True)
        if columns.id is not None or has(row.data, "id")
        else None
    )
    return Problem(
        id=given or content_hash(question, answer, *filter(None, [tests, tables])),
        question=question,
        answer=answer,
        reference=reference,
        source=Path(row.file).name,
        level=optional_text(row, columns.level, MAX_SHORT),
        tests=tests,
        tables=tables,
    )
