"""What each view shows of a solution, and that its card text covers its columns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset import VIEWS, load_view
from pipeline.errors import ConfigError
from pipeline.records import Verdict, Vote
from pipeline.review.witness import REVIEW
from tests.pipeline.dataset.items import item, rows_of

TRAINERS = [name for name in VIEWS if name != "evidence"]


def one(view: str, **options: object) -> list[dict[str, object]]:
    """Of one solution; of views that compare solutions, of it and a right one."""
    found, made = load_view(view), item(0, **options)  # type: ignore[arg-type]
    if found.of_problem is None:
        return rows_of(found, [made])
    return rows_of(found, [made, item(0, 1, steps=("Two and three\n", "make 5."))])


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_explained_and_filled(view: str) -> None:
    found = load_view(view)
    assert set(found.columns) == set(found.features)
    rows = one(view, first_error=0)
    assert rows
    assert all(set(row) == set(found.features) for row in rows)


def test_stepwise_stops_at_the_first_error_which_alone_is_false() -> None:
    (row,) = one("stepwise", first_error=1)
    assert row["completions"] == ["Two and two", "make 4."]
    assert row["labels"] == [True, False]


def test_stepwise_shows_all_steps_where_none_is_wrong() -> None:
    (row,) = one("stepwise")
    assert row["labels"] == [True, True, True]


@pytest.mark.parametrize("view", TRAINERS)
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
    found, left_out = load_view(view), replace(item(0), label=None)
    assert rows_of(found, [left_out, left_out]) == []


def test_an_unknown_view_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'stepwise'"):
        load_view("stepwize")


def test_first_error_has_the_columns_of_processbench_itself(shared_data: Path) -> None:
    real = json.loads((shared_data / "processbench/gsm8k.json").read_text(encoding="utf-8"))[0]
    (row,) = one("first_error", first_error=1)
    assert {key: type(value) for key, value in row.items()} == {
        key: type(value) for key, value in real.items()
    }


@pytest.mark.parametrize("view", ["stepwise", "soft", "math_shepherd", "rlhflow", "prm800k"])
def test_no_step_after_the_first_error_is_shown_to_a_trainer(view: str) -> None:
    (row,) = one(view, first_error=0)
    assert "make 4" not in json.dumps(row)


def test_soft_values_are_measured_or_null_and_weighed_by_their_rollouts() -> None:
    (row,) = one("soft", first_error=1)
    assert row["values"] == [0.5, None]
    assert row["confidence"] == [4 / 6, 3 / 5]
    unmeasured = replace(item(0), label=replace(item(0).label, values=(None, None, None)))
    assert list(load_view("soft").rows(unmeasured)) == []
    assert load_view("soft").why_none(unmeasured) == "no rollouts were made after its steps"


def test_a_text_that_holds_the_step_tag_is_not_given_to_trainers_who_count_tags() -> None:
    russian = item(0, steps=("Две банки\n", "и ещё две"))
    assert list(load_view("math_shepherd").rows(russian)) == []
    assert "holds 'ки'" in load_view("math_shepherd").why_none(russian)
    assert list(load_view("rlhflow").rows(russian))


def test_a_critique_is_a_judge_s_own_or_is_not_there() -> None:
    (row,) = one("critique", first_error=1)
    said = row["messages"][2]["content"]  # type: ignore[index]
    assert said.startswith("because\n\n")
    assert said.endswith(
        "Step 1: \\boxed{correct}\nStep 2: \\boxed{incorrect}\nFirst wrong step: 2"
    )
    made = item(0, first_error=1)
    judge = replace(made.verdicts["judge"], votes=(Vote(0, "another step is wrong"),))
    alone = replace(made, verdicts={"judge": judge})
    assert list(load_view("critique").rows(alone)) == []
    assert "no judge" in load_view("critique").why_none(alone)


def test_what_a_person_decided_is_no_judge_s_reason() -> None:
    made = item(0, first_error=1)
    person = Verdict(made.solution.id, REVIEW, 1, votes=(Vote(1, "a person, by the steps alone"),))
    alone = replace(made, verdicts={REVIEW: person})
    assert list(load_view("critique").rows(alone)) == []


def test_a_preferred_step_follows_the_same_prefix_and_the_best_measured_is_taken() -> None:
    wrong = item(0, 0, 1, steps=("Two and two\n", "make 5."))
    better, best = (
        item(0, n, steps=("Two and two\n", text)) for n, text in ((1, "are 4."), (2, "make 4."))
    )
    best = replace(best, label=replace(best.label, values=(1.0, 0.75)))
    other = item(0, 3, steps=("Something else\n", "is better yet."))
    (row,) = load_view("preference").of_problem([wrong, better, best, other])  # type: ignore[misc]
    assert (row["prefix"], row["chosen"], row["rejected"]) == (
        ["Two and two"],
        "make 4.",
        "make 5.",
    )
    assert (row["chosen_value"], row["rejected_value"]) == (0.75, None)


def test_a_step_that_another_solution_calls_right_is_never_rejected() -> None:
    wrong = item(0, 0, 1, steps=("Two and two\n", "make 4."))
    right = item(0, 1, steps=("Two and two\n", "make 4."))
    third = item(0, 2, steps=("Two and two\n", "are 4."))
    assert list(load_view("preference").of_problem([wrong, right, third])) == []  # type: ignore[misc]
