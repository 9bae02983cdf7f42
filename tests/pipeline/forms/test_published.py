"""Rows as the published data sets have them, and rows that are none."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.evaluate.conventions import convention
from pipeline.inputs.rows import FieldFault, Row

SHEPHERD = {
    "input": "Tim has 3 boxes of 4 pens. How many pens? Step 1: There are 3*4=<<3*4=12>>12 pens. ки\n"
    "Step 2: The ребятки get 12+1=13 of them. ки\nStep 3: So 13. The answer is: 13 ки",
    "label": "Tim has 3 boxes of 4 pens. How many pens? Step 1: There are 3*4=<<3*4=12>>12 pens. +\n"
    "Step 2: The ребятки get 12+1=13 of them. -\nStep 3: So 13. The answer is: 13 +",
    "task": "GSM8K",
}
CHAT = [
    {"role": "user", "content": "How many pens? Step 1: There are 12."},
    {"role": "assistant", "content": "+"},
    {"role": "user", "content": "Step 2: So 13. The answer is: 13"},
    {"role": "assistant", "content": "-"},
]


def read(name: str, data: dict[str, Any]) -> tuple[Any, Any, int]:
    known = convention(name)
    row = known.form(Row("a file", 1, data)).data
    return row["problem"], row["steps"], known.read(row[known.column], len(row["steps"]))


def test_math_shepherd_s_own_rows_go_on_after_the_first_error_which_alone_counts() -> None:
    problem, steps, first_error = read("math_shepherd", SHEPHERD)
    assert problem == "Tim has 3 boxes of 4 pens. How many pens?"
    assert steps == [
        "There are 3*4=<<3*4=12>>12 pens.",
        "The ребятки get 12+1=13 of them.",
        "So 13. The answer is: 13",
    ]
    assert first_error == 1


@pytest.mark.parametrize("column", ["conversations", "messages"])
def test_rlhflow_s_chats_are_read(column: str) -> None:
    problem, steps, first_error = read("rlhflow", {column: CHAT})
    assert (problem, first_error) == ("How many pens?", 1)
    assert steps == ["There are 12.", "So 13. The answer is: 13"]


@pytest.mark.parametrize(
    ("labels", "first_error"),
    [([True, False], 1), ([1, 1], -1), (["+", "-"], 1), ([0, None], 0), ([False], 0)],
)
def test_stepwise_labels_are_read_in_the_ways_they_are_written(
    labels: list[Any], first_error: int
) -> None:
    row = {"prompt": "How many?", "completions": ["a", "b"], "labels": labels}
    assert read("stepwise", row) == ("How many?", ["a", "b"], first_error)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([None, False], "None for step 0"),
        ([True], "1 labels, none wrong, for 2 steps"),
        ([True, 2], "2 for step 1"),
        ([], "0 labels"),
        ("+-", "list of labels"),
        ([True, {}], "for step 1"),
    ],
)
def test_a_label_that_names_no_first_error_is_refused(labels: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read("stepwise", {"prompt": "How many?", "completions": ["a", "b"], "labels": labels})


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("stepwise", {"prompt": "x", "completions": "ab"}, "should be a list"),
        ("stepwise", {"prompts": "x"}, "did you mean 'prompts'"),
        ("math_shepherd", SHEPHERD | {"label": "another text"}, "has no step that ends in"),
        (
            "math_shepherd",
            SHEPHERD | {"label": SHEPHERD["label"].replace("boxes", "sacks")},
            "differs from input",
        ),
        ("math_shepherd", {"input": "no step ки", "label": "no step +"}, "Step 1"),
        ("rlhflow", {"conversations": CHAT[:3]}, "in turn"),
        ("rlhflow", {"conversations": [CHAT[0], CHAT[1] | {"content": "?"}]}, r"\+ or -"),
        ("rlhflow", {"conversations": [{"role": "tool", "content": ""}]}, "should be one of"),
        ("critique", {"messages": CHAT[:2]}, "should show <problem>"),
        ("preference", {"prompt": "x", "prefix": "a", "rejected": "b"}, "list of steps"),
    ],
)
def test_a_row_of_another_form_is_refused_with_what_would_be_right(
    name: str, data: dict[str, Any], said: str
) -> None:
    with pytest.raises(FieldFault, match=said):
        read(name, data)


def critique(end: str) -> dict[str, Any]:
    user = "<problem>\nx\n</problem>\n\n<step_1>\na\n</step_1>"
    said = f"So.\nFirst wrong step: {end}"
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": said}]}


def test_a_critique_s_step_zero_is_no_way_to_say_none() -> None:
    assert read("critique", critique("none")) == ("x", ["a"], -1)
    assert read("critique", critique("1")) == ("x", ["a"], 0)
    for end in ("0", "00", "01"):
        with pytest.raises(FieldFault, match="a number or `none`"):
            read("critique", critique(end))


def ended(finish: str, *ratings: int) -> dict[str, Any]:
    """The labeller went on with the first completion of each step but chose none of the last."""
    completions = [{"text": f"text {rating}", "rating": rating} for rating in ratings]
    first = {"completions": [{"text": "a", "rating": 1}], "chosen_completion": 0}
    last = {"completions": completions, "chosen_completion": None}
    return {
        "question": {"problem": "x"},
        "label": {"finish_reason": finish, "steps": [first, last]},
    }


def test_an_error_that_prm800k_found_at_no_known_step_is_refused() -> None:
    assert read("prm800k", ended("found_error", -1)) == ("x", ["a", "text -1"], 1)
    assert read("prm800k", ended("solution", 1, -1)) == ("x", ["a", "text 1"], -1)
    with pytest.raises(FieldFault, match="should be -1") as raised:
        read("prm800k", ended("found_error", 1, -1))
    assert raised.value.field == "label.steps[1].rating"


def test_a_hostile_row_is_read_in_linear_time() -> None:
    many = "ки" * 200_000
    with pytest.raises(FieldFault):
        read("math_shepherd", {"input": many, "label": many})
    user = "<problem>\nx\n</problem>" + "\n\n<step_1>\n" * 100_000
    with pytest.raises(FieldFault):
        read("critique", {"messages": [{"role": "user", "content": user}, CHAT[1]]})
