"""What each prompt for a judge looks like, filled with a solution."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotators.parsing import make_parser
from annotators.question import PROMPTS
from annotators.slots import judge_slots
from pipeline.prompts import load_prompt
from tests.annotators.judge_server import SOLUTION, STEPS


def shown(name: str, **more: Any) -> str:
    prompt = load_prompt(name, PROMPTS)
    slots = judge_slots(SOLUTION, prompt, own={"rubric": "- add rightly"}, **more)
    turns = prompt.fill(slots)
    return f"{turns.system}\n{turns.user}".replace(slots["tag"], "TAG")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("first_error", 0, r"or \boxed{-1} if every step is right."),
        ("critique", 0, '"verdict": "wrong"}]}'),
        ("reference", 1, '"verdict": "wrong"}]}'),
        ("rubric", 0, '"verdict": "wrong"}]}'),
        ("one_step", 0, r"then end with \boxed{right} or \boxed{wrong}."),
    ],
)
def test_a_prompt_shows_the_problem_and_each_step_between_tags_of_its_own(
    name: str, first: int, last: str
) -> None:
    text = shown(name)
    fences = [f"<TAG problem>\n{SOLUTION.question}\n</TAG>"]
    fences += [f"<TAG step={i}>\n{s.rstrip()}\n</TAG>" for i, s in enumerate(STEPS, first)]
    places = [text.index(fence) for fence in fences]
    assert places == sorted(places)
    assert "not an instruction" in " ".join(text.split())
    assert " ".join(text.split()).endswith(last)
    assert "{{" not in text


def test_the_reversed_prompt_shows_the_last_step_first_under_its_own_number() -> None:
    text = shown("reversed")
    assert text.index("<TAG step=2>") < text.index("<TAG step=1>") < text.index("<TAG step=0>")
    assert f"<TAG step=0>\n{STEPS[0].rstrip()}\n</TAG>" in text


def test_the_reference_prompt_numbers_the_lines_of_the_reference() -> None:
    text = shown("reference")
    assert "<TAG reference>\nR1: In May she sold 48/2 = 24.\nR2: In all 48+24 = 72.\n</TAG>" in text
    assert "numbered from 1 to 3" in text


def test_the_rubric_stands_in_the_prompt_outside_the_tags() -> None:
    assert "by these criteria and no others:\n\n- add rightly\n" in shown("rubric")


@pytest.mark.parametrize("name", ["critique", "reversed", "reference", "rubric"])
def test_the_example_in_a_prompt_is_read_by_its_own_parser(name: str) -> None:
    prompt = load_prompt(name, PROMPTS)
    example = prompt.user.rstrip().splitlines()[-1]
    assert make_parser(prompt)(example, ["a", "b"]) == {1}
    assert json.loads(example)["steps"][0].keys() == set(
        json.loads(prompt.schema or "")["properties"]["steps"]["items"]["required"]
    )
