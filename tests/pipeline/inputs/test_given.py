"""A problem's tests and tables at the door: taken in one form, or refused with the field and the cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import ProblemsConfig
from pipeline.inputs import Rejected, read_problems
from pipeline.inputs.problems import PASSES
from pipeline.records import Problem

HUMANEVAL = "def check(candidate):\n    assert candidate(1) == 2\n"
TABLE = {"columns": ["name", "age"], "rows": [["Ann", 31], ["Bob", None]]}


def read(tmp_path: Path, row: dict[str, Any], **columns: str) -> Problem | Rejected:
    path = tmp_path / "problems.jsonl"
    good = {"question": "q", "answer": "1", "test": "assert True", "name": "f"}
    path.write_text(json.dumps(good) + "\n" + json.dumps(row) + "\n")
    found = read_problems(ProblemsConfig.model_validate({"path": str(path), "columns": columns}))
    return found.rejected[0] if found.rejected else found.rows[1]


def problem(tmp_path: Path, row: dict[str, Any], **columns: str) -> Problem:
    found = read(tmp_path, row, **columns)
    assert isinstance(found, Problem)
    return found


def test_a_problem_with_tests_needs_no_answer(tmp_path: Path) -> None:
    row = {"question": "Write f.", "test": "assert f(1) == 2"}
    found = problem(tmp_path, row, tests="test")
    assert (found.answer, found.tests) == (PASSES, "assert f(1) == 2")
    other = problem(tmp_path, row | {"test": "assert f(1) == 3"}, tests="test")
    assert other.id != found.id


def test_a_list_of_tests_is_one_after_another(tmp_path: Path) -> None:
    row = {"question": "Write f.", "test": ["assert f(1) == 2", "assert f(2) == 3"]}
    assert problem(tmp_path, row, tests="test").tests == "assert f(1) == 2\nassert f(2) == 3"


def test_a_check_is_called_with_the_function_that_is_asked_for(tmp_path: Path) -> None:
    row = {"question": "Write f.", "test": HUMANEVAL, "name": "f"}
    tests = problem(tmp_path, row, tests="test", entry_point="name").tests
    assert tests is not None
    assert tests.endswith("check(f)\n")


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("assert f(1) = 2", "is no Python: "),
        (HUMANEVAL, "problems.columns.entry_point"),
        ("def helper(x):\n    return x\n", "any program would pass"),
        ("'''only text'''", "any program would pass"),
        ({"inputs": ["1"], "outputs": ["2"]}, "is an object"),
        (["assert f(1) == 2", 3], "a list of texts"),
        ("(" * 500 + ")" * 500, "is no Python"),
    ],
)
def test_tests_that_can_t_test_are_told_with_row_and_field(
    tmp_path: Path, test: Any, told: str
) -> None:
    found = read(tmp_path, {"question": "Write f.", "test": test}, tests="test")
    assert isinstance(found, Rejected)
    assert (found.row, found.field) == (2, "test")
    assert told in found.message


def test_tables_come_as_an_object_or_as_its_json(tmp_path: Path) -> None:
    row = {"question": "How old?", "answer": "31", "t": {"people": TABLE}}
    found = problem(tmp_path, row, tables="t")
    assert json.loads(found.tables or "") == {"people": TABLE}
    as_text = problem(tmp_path, row | {"t": json.dumps({"people": TABLE})}, tables="t")
    assert as_text.tables == found.tables


def test_a_gold_query_is_kept_as_it_stands(tmp_path: Path) -> None:
    gold = "SELECT age FROM people WHERE name = 'Ann' -- #### 5"
    row = {"question": "How old?", "answer": gold, "t": {"people": TABLE}}
    assert problem(tmp_path, row, tables="t").answer == gold


@pytest.mark.parametrize(
    ("tables", "field"),
    [
        ("not json", "t"),
        ([TABLE], "t"),
        ({"people": [["Ann", 31]]}, "t.people"),
        ({"people": TABLE, "People": TABLE}, "t.People"),
        ({"people": {"columns": [], "rows": []}}, "t.people.columns"),
        ({"people": {"columns": ["a", "A"], "rows": []}}, "t.people.columns"),
        ({"people": {"columns": ["a"], "rows": [[1], [1, 2]]}}, "t.people.rows[1]"),
        ({"people": {"columns": ["a"], "rows": [[{"b": 1}]]}}, "t.people.rows[0].a"),
    ],
)
def test_a_table_that_is_none_is_told_with_its_cell(
    tmp_path: Path, tables: Any, field: str
) -> None:
    found = read(tmp_path, {"question": "q2", "answer": "1", "t": tables}, tables="t")
    assert isinstance(found, Rejected)
    assert (found.row, found.field) == (2, field)
