"""What the judge writes is read strictly, and what it is taught is what is read."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.testbed.grammar import LEVELS, make_problem
from pipeline.testbed.inject import flawed_solution
from pipeline.testbed.judge_format import check_text, parse_check, render_prompt


@settings(max_examples=200)
@given(st.integers(min_value=0), st.sampled_from(sorted(LEVELS)))
def test_the_check_of_a_flawed_solution_is_read_as_its_first_error(seed: int, level: int) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    flawed = flawed_solution(rng, problem)
    text = check_text(problem, flawed.steps, flawed.first_error)
    assert parse_check(text, flawed.steps) == flawed.first_error
    assert parse_check(check_text(problem, flawed.steps, -1), flawed.steps) == -1


def test_the_prompt_numbers_the_steps() -> None:
    steps = ("#1 Eve has 9 : Eve= 9 .\n", "Answer : 9\n")
    assert render_prompt("#1 Eve has 9 .\nHow many has Eve ?", steps) == (
        "#1 Eve has 9 .\nHow many has Eve ?\nSolution :\n"
        "@1#1 Eve has 9 : Eve= 9 .\n@2Answer : 9\nCheck :\n"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@1 a good\n@2 bad\n", 1),
        ("@1 bad", 0),
        ("@1 a good\n@2 b good\n@3 c good\n", -1),
        ("@1 a good\n@2Answer : 7 good\n@3 c good\n", 1),
        ("@1 a good\n@2Answer : 7 good\n@3Answer : 7 good\n", 1),
        ("@1 a good\n@2Answer : 7 good\n", 1),
        ("@1 a good\n@2 b or so good\n@3 c good\n", None),
        ("@1 a good\n@2Answer : 7 good\n@3 c goo", None),
        ("@1 a bad\n@2 b good\n", None),
        ("@1 good", None),
        ("@1 a good\n@2 b good\n", None),
        ("@1 a good\n@3 b bad\n", None),
        ("@1 a good\n@2 b good\n@3 c good\n@4 d good\n", None),
        ("@1 a good\n@2 b goo", None),
        ("", None),
        ("all good", None),
    ],
)
def test_reading_is_strict(text: str, named: int | None) -> None:
    assert parse_check(text, (" a\n", " b\n", " c")) == named


def test_a_step_of_several_lines_can_t_be_checked() -> None:
    assert parse_check("@1 a good\n@2 b good\n", (" a\n b\n", " c\n")) is None
