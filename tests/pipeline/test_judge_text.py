"""A judge's reasons as a reader of steps counted from 1 may see them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge_text import reasons_up_to


def checks(*said: str, first: int = 0) -> str:
    entries = [
        {"step": step, "check": check, "verdict": "right"} for step, check in enumerate(said, first)
    ]
    return json.dumps({"steps": entries})


@pytest.mark.parametrize("first", [0, 1])
def test_what_is_said_step_by_step_ends_with_the_first_wrong_one(first: int) -> None:
    said = checks("fine", f"so step {first + 1} is wrong", "7 holds", first=first)
    assert reasons_up_to(said, 1, 3) == "Step 1: fine\nStep 2: so step 2 is wrong"


def test_what_stands_before_the_object_is_a_reason_too() -> None:
    said = "It looked:\n```output\n42\n```\n" + checks("fine", "off", "fine")
    assert reasons_up_to(said, 1, 3) == (
        "It looked:\n```output\n42\n```\n\nStep 1: fine\nStep 2: off"
    )
    later = "Step 2 carries it on.\n" + checks("fine", "off", "fine")
    assert reasons_up_to(later, 1, 3) == "Step 1: fine\nStep 2: off"


def test_steps_in_any_order_are_told_from_the_first() -> None:
    entries = [{"step": 1, "check": "b"}, {"step": 0, "check": "a"}]
    assert reasons_up_to(json.dumps({"steps": entries}), -1, 2) == "Step 1: a\nStep 2: b"


@pytest.mark.parametrize(
    ("said", "first_error", "read"),
    [
        ("It all holds.", -1, "It all holds."),
        (
            "Step 0 is fine; steps 1, 2 and 3 are too. \\boxed{-1}",
            -1,
            "Step 1 is fine; steps 2, 3 and 4 are too.",
        ),
        (
            "Step 0 is fine, step 1 is 2, 3 + 4. \\boxed{1}",
            1,
            "Step 1 is fine, step 2 is 2, 3 + 4.",
        ),
        ("Step 2 slips.\n\\boxed{2}", 2, "Step 3 slips."),
        ("Step 3 slips.\n\\boxed{3}", 2, "Step 3 slips."),
        ("Step 2 gets 8, and then 9 is said.\n\\boxed{3}", 2, "Step 2 gets 8, and then 9 is said."),
        ('{"review": "Step 2 has 8, not 9.", "first_error": 3}', 2, "Step 2 has 8, not 9."),
        ("Step 4 follows.", -1, "Step 4 follows."),
        ('{"review": "Step 0 slips.", "first_error": 0}', 0, "Step 1 slips."),
        ("@1 as stated good\n@2 5 - 3 bad\n", 1, "@1 as stated good\n@2 5 - 3 bad"),
    ],
)
def test_prose_counts_from_one(said: str, first_error: int, read: str) -> None:
    assert reasons_up_to(said, first_error, 4) == read


@pytest.mark.parametrize(
    ("said", "first_error"),
    [
        ("Step 2 follows from step 1.", -1),  # from 0 or from 1?
        ("Steps 1 and 2 clash.", 1),
        ("Step 0 is fine, step 1 slips, step 2 carries it on.", 1),  # speaks of later steps
        ('{"first_error": 2}', 2),
        ('{"steps": [{"step": 0, "check": "only one"}]}', 0),
        (checks("fine", "", "so what"), 1),
        ("", -1),
        ("\\boxed{-1}", -1),
    ],
)
def test_what_can_not_be_told_is_no_reason(said: str, first_error: int) -> None:
    assert reasons_up_to(said, first_error, 4 if "steps" not in said else 3) is None


@given(st.text(alphabet='{}[]":, step123456\\boxed', max_size=300), st.integers(-1, 3))
def test_any_text_is_read_or_not(said: str, first_error: int) -> None:
    assert reasons_up_to(said, first_error, 4) != ""
