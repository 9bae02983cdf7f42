"""What a judge clearly says is read; anything else is a missing vote, and nothing raises."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.parsing import (
    Parser,
    boxed_index,
    boxed_verdict,
    json_first_error,
    json_steps,
    make_parser,
)
from annotators.question import PROMPTS
from pipeline.judge_text import LONGEST
from pipeline.prompts import PromptTemplate, load_prompt

STEPS = ["a", "b", "c"]
PARSERS = [boxed_index, boxed_verdict, json_first_error, json_steps]


def critique(verdicts: list[bool], first: int = 0) -> dict:
    return {
        "steps": [
            {"step": i + first, "check": 'it says "{x}"', "verdict": "right" if ok else "wrong"}
            for i, ok in enumerate(verdicts)
        ]
    }


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.sampled_from([0, 1]), st.randoms())
def test_a_critique_of_every_step_is_read_in_any_order_and_either_way_of_counting(
    verdicts: list[bool], first: int, chance: random.Random
) -> None:
    said = critique(verdicts, first)
    chance.shuffle(said["steps"])
    wrong = frozenset(i for i, ok in enumerate(verdicts) if not ok)
    steps = ["s"] * len(verdicts)
    for text in (json.dumps(said), f"My checks:\n```json\n{json.dumps(said, indent=1)}\n```"):
        assert json_steps(text, steps, first) == wrong
    assert json_steps(json.dumps(said), steps, 1 - first) is None


@given(st.integers(-3, 6), st.sampled_from([0, 1]))
def test_numbers_count_from_where_the_prompt_says(said: int, first: int) -> None:
    expected = said if said == -1 else said - first if 0 <= said - first < 3 else None
    assert boxed_index(f"\\boxed{{{said}}}", STEPS, first) == expected
    assert json_first_error(json.dumps({"first_error": said}), STEPS, first) == expected


def test_the_way_of_counting_stands_in_the_prompt() -> None:
    said = json.dumps(critique([True, False]))
    assert make_parser(load_prompt("critique", PROMPTS))(said, STEPS[:2]) == {1}
    assert make_parser(load_prompt("reference", PROMPTS))(said, STEPS[:2]) is None
    one_based = PromptTemplate("mine", "chat", "", parse="boxed_index", index_from=1)
    assert make_parser(one_based)(r"\boxed{1}", STEPS) == 0
    assert make_parser(one_based)(r"\boxed{0}", STEPS) is None
    assert make_parser(one_based)(r"\boxed{-1}", STEPS) == -1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"It adds up. \boxed{right}", -1),
        (r"2 + 2 is 4, not 5: \boxed{wrong}.", 2),
        (r"<think>\boxed{wrong}</think>\boxed{right}", -1),
        (r"\boxed{right} or \boxed{wrong}", None),
        (r"\boxed{wrong} is what I would say if the sum were off", None),
        (r"\boxed{maybe}", None),
        (r"It is not \boxed{right}", None),
        (r"It isn't \boxed{wrong}", None),
        ("right", None),
    ],
)
def test_a_verdict_on_one_step_is_of_the_last_step_shown(text: str, found: int | None) -> None:
    assert boxed_verdict(text, STEPS) == found


def test_two_critiques_that_differ_are_no_vote() -> None:
    one, other = json.dumps(critique([True, False])), json.dumps(critique([True, True]))
    assert json_steps(f"{one}\n{one}", STEPS[:2]) == {1}
    assert json_steps(f"{other}\n{one}", STEPS[:2]) is None
    assert json_steps(f"{other}\nCorrected:\n{one}", STEPS[:2]) == {1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("All steps are right. The final answer is \\boxed{2}.", None),
        ("The final answer is:\n$$\\boxed{2}$$", 2),
        ("All steps are right so far. Step 2 is wrong: \\boxed{2}", 2),
        ("**Final answer**\n\\boxed{2}", 2),
        ("The final answer is wrong for step 2. So \\boxed{2}", 2),
        ("Every step is right.\n\n\\boxed{2}", None),
        ("Every step is right.\n\n\\boxed{-1}", -1),
        ("Not all steps are right: \\boxed{1}", 1),
        ("All steps are right except step 1: \\boxed{1}", 1),
        ("Counting from 1, step 2 is the first wrong one: \\boxed{2}", None),
        ("It is step 2 counting from 1, so counting from 0 it is \\boxed{1}", 1),
        ("Counting from 1 to 10 takes a while. \\boxed{1}", 1),
        ("Step 2 is wrong, so not \\boxed{-1}", None),
        ("The answer is not \\boxed{2}", None),
        ("Step 2 is not right. \\boxed{2}", 2),
        ("\\boxed{2}?", None),
        ("<think>step 1 seems wrong \\boxed{1}", None),
        ("step 1 seems fine</think>\\boxed{2}", 2),
    ],
)
def test_a_box_that_may_be_no_verdict_is_no_vote(text: str, found: int | None) -> None:
    assert boxed_index(text, STEPS) == found


@pytest.mark.parametrize("review", ["counting from 1, step 3", "Every step is correct."])
def test_an_index_that_the_review_belies_is_no_vote(review: str) -> None:
    assert json_first_error(json.dumps({"review": review, "first_error": 2}), STEPS) is None
    assert json_first_error(json.dumps({"review": review, "first_error": -1}), STEPS) == -1


@pytest.mark.parametrize("parse", [json_steps, json_first_error, boxed_verdict])
def test_thoughts_that_never_end_are_no_vote(parse: Parser) -> None:
    said = {"first_error": 0, **critique([True, False, True])}
    answer = json.dumps(said) if parse is not boxed_verdict else "\\boxed{wrong}"
    assert parse(f"maybe\n{answer}</think>\n{answer}", STEPS) is not None
    assert parse(f"<think>maybe\n{answer}", STEPS) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"first_error": 1, "first_error": -1}',
        '{"first_error": true}',
        '{"first_error": "1"}',
        '{"first_error": 1.0}',
        '{"first_error": 1} that is my verdict',
        '{"first_error": 1',
        'I quote: {"first_error": 1}',
        "[1]",
        "[" * 100_000,
        '{"first_error": ' + "1" * 6000 + "}",
        '{"first_error": 1}' + " " * LONGEST,
        "```json\n```",
        "```",
        "",
    ],
)
def test_an_answer_that_is_not_one_plain_object_is_no_vote(text: str) -> None:
    assert json_first_error(text, STEPS) is None


@pytest.mark.parametrize(
    "verdicts",
    [
        [("0", "right"), (1, "right"), (2, "right")],
        [(0, "right"), (1, "right")],
        [(0, "right"), (1, "right"), (1, "right")],
        [(0, "right"), (1, "right"), (2, "right"), (2, "wrong")],
        [(0, "right"), (1, "right"), (3, "wrong")],
        [(0, "right"), (1, "right"), (2, "wrong?")],
        [(0, "right"), (1, "right"), (2, None)],
        [(0, "right"), (True, "right"), (2, "right")],
    ],
)
def test_a_critique_that_leaves_a_step_out_or_doubts_is_no_vote(verdicts: list) -> None:
    said = {"steps": [{"step": step, "verdict": verdict} for step, verdict in verdicts]}
    assert json_steps(json.dumps(said), STEPS) is None


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.sampled_from(["right", "wrong", "steps"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["steps", "step", "verdict", "first_error"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
texts = st.text(max_size=200) | st.text(
    alphabet="\\boxed{}-019 \n`json\"rightwo'</th>", max_size=200
)


@given(texts | json_like.map(json.dumps), st.integers(1, 4), st.sampled_from([0, 1]))
def test_whatever_a_judge_writes_is_a_reading_of_these_steps_or_none(
    text: str, n_steps: int, first: int
) -> None:
    for parse in PARSERS:
        reading = parse(text, ["s"] * n_steps, first)
        if isinstance(reading, frozenset):
            assert reading <= set(range(n_steps))
        else:
            assert reading is None or -1 <= reading < n_steps


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('Let me see.\n{"first_error": 1}', 1),
        ('Step {1} is odd.\n\n{\n "review": "so",\n "first_error": 2\n}\n', 2),
        ('{"first_error": 0}\n{"first_error": 1}', None),
        ('{"first_error": 0}\nWait, that holds.\n{"first_error": 1}', 1),
        ('{"first_error": 1, "review": "a"}\n{"first_error": 1, "review": "b"}', 1),
        ('{"x": 0}\n{"first_error": 1}', 1),
        ('```json\n{"first_error": 0}\n```\nor\n```json\n{"first_error": 1}\n```', None),
        ('It says {"first_error": 0}', None),
        ('{"first_error": 0}\nor so', None),
        ('{"first_error": 0}\n}', None),
    ],
)
def test_an_answer_may_end_in_its_object(text: str, read: int | None) -> None:
    assert json_first_error(text, STEPS) == read


def test_a_verdict_s_case_does_not_matter() -> None:
    said = {"steps": [{"step": i, "verdict": v} for i, v in enumerate(("Right", "WRONG", "right"))]}
    assert json_steps(json.dumps(said), STEPS) == frozenset({1})
