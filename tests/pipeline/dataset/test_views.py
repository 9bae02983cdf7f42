"""What each view shows of a solution, and that its card text covers its columns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset import VIEWS, load_view
from pipeline.errors import ConfigError
from tests.pipeline.dataset.items import item


def one(view: str, **options: object) -> list[dict[str, object]]:
    return list(load_view(view).rows(item(0, **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_explained_and_filled(view: str) -> None:
    found = load_view(view)
    assert set(found.columns) == set(found.features)
    rows = one(view)
    assert rows
    assert all(set(row) == set(found.features) for row in rows)


def test_stepwise_stops_at_the_first_error_which_alone_is_false() -> None:
    (row,) = one("stepwise", first_error=1)
    assert row["completions"] == ["Two and two", "make 4."]
    assert row["labels"] == [True, False]


def test_stepwise_shows_all_steps_where_none_is_wrong() -> None:
    (row,) = one("stepwise")
    assert row["labels"] == [True, True, True]


@pytest.mark.parametrize("view", ["stepwise", "first_error"])
def test_trainers_never_see_an_undecided_solution(view: str) -> None:
    assert one(view, first_error=None) == []


def test_first_error_has_processbench_columns_and_whole_solutions() -> None:
    (row,) = one("first_error", first_error=0)
    assert list(row) == ["id", "generator", "problem", "steps", "final_answer_correct", "label"]
    assert (row["label"], row["final_answer_correct"]) == (0, False)
    assert len(row["steps"]) == 3  # type: ignore[arg-type]


def test_evidence_keeps_the_undecided_with_the_reason_and_the_text_byte_for_byte() -> None:
    (row,) = one("evidence", first_error=None)
    assert row["label"] is None
    assert row["reason"] == "disagree: rollouts and judge"
    assert "".join(row["steps"]) == item(0).solution.text  # type: ignore[arg-type]


@pytest.mark.parametrize("view", VIEWS)
def test_a_solution_that_the_run_left_out_is_in_no_view(view: str) -> None:
    assert list(load_view(view).rows(replace(item(0), label=None))) == []


def test_an_unknown_view_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'stepwise'"):
        load_view("stepwize")


def test_first_error_has_the_columns_of_processbench_itself(shared_data: Path) -> None:
    real = json.loads((shared_data / "processbench/gsm8k.json").read_text(encoding="utf-8"))[0]
    (row,) = one("first_error", first_error=1)
    assert {key: type(value) for key, value in row.items()} == {
        key: type(value) for key, value in real.items()
    }
