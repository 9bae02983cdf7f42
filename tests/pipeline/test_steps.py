"""Splitting is lossless, and each rule cuts where it says."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.steps import SPLITTERS, join, make_splitter

PIECES = ["\n", "\r\n", "\n \n", " ", "\t", "word", "Step 1", "\nStep 2: x", "1. a", "\n2) b"]
PIECES += [
    "\n\n",
    "\n```\n",
    "$$",
    "\\[",
    "\\]",
    "\\begin{a}",
    "\\end{a}",
    "# a",
    "\n---\n",
    "\u200b",
]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES) | st.characters()).map("".join)


@pytest.mark.parametrize("name", SPLITTERS)
@given(text=TEXTS)
def test_steps_join_to_the_text(name: str, text: str) -> None:
    assert join(make_splitter(name)(text)) == text


@pytest.mark.parametrize("name", SPLITTERS)
@given(text=TEXTS)
def test_no_step_is_only_whitespace(name: str, text: str) -> None:
    steps = make_splitter(name)(text)
    assert all(step.strip() for step in steps) or steps == [text] or not text.strip()


@pytest.mark.parametrize("name", SPLITTERS)
def test_the_empty_text_has_no_step(name: str) -> None:
    assert make_splitter(name)("") == []


@pytest.mark.parametrize(
    ("name", "text", "steps"),
    [
        ("newline", "a\n\nb\n", ["a\n\n", "b\n"]),
        ("newline", "\n a\nb", ["\n a\n", "b"]),
        ("blank_line", "a\nb\n \nc", ["a\nb\n \n", "c"]),
        ("numbered", "Plan\nStep 1: a\nb\nStep 2: c", ["Plan\n", "Step 1: a\nb\n", "Step 2: c"]),
        ("numbered", "1. a\n2. b\n7. no step\n3. c", ["1. a\n", "2. b\n7. no step\n", "3. c"]),
        ("numbered", "3.5 apples\n12. no", ["3.5 apples\n12. no"]),
        ("auto", "Step 1: a\n\nb\nStep 2: c", ["Step 1: a\n\nb\n", "Step 2: c"]),
        ("auto", "1. a\n2. b\n\nso", ["1. a\n2. b\n\n", "so"]),
        ("auto", "1. a\nb\n2. c", ["1. a\nb\n", "2. c"]),
        ("auto", "a\nb", ["a\n", "b"]),
        ("auto", "1. a\n   1. a1\n   2. a2\n2. b", ["1. a\n   1. a1\n   2. a2\n", "2. b"]),
        ("auto", " 1. a\n2. b", [" 1. a\n", "2. b"]),
        ("auto", "Step 1: a\nStep 2 is b.\nStep 2: c", ["Step 1: a\nStep 2 is b.\n", "Step 2: c"]),
        ("auto", "Step 1 A\nStep 2 B", ["Step 1 A\n", "Step 2 B"]),
    ],
)
def test_each_rule_cuts_where_it_says(name: str, text: str, steps: list[str]) -> None:
    assert make_splitter(name)(text) == steps


@pytest.mark.parametrize("name", ["blank_line", "auto"])
@pytest.mark.parametrize(
    "whole",
    [
        "So:\n```python\n# Step 1: a\nx = 1\n\ny = 2\n```\n\n",
        "  ~~~\na\n```\n\nb\n  ~~~\n\n",
        "So $$\na\n\nb\n$$\n\n",
        "\\[ a\n\nb \\]\n\n",
        "\\begin{align*}\na \\\\[2pt]\n\nb\n\\end{align*}\n\n",
    ],
)
def test_a_fence_or_a_display_is_not_cut(name: str, whole: str) -> None:
    assert make_splitter(name)(f"a\n\n{whole}b") == ["a\n\n", whole, "b"]


@pytest.mark.parametrize("opening", ["```\n", "~~~\n", "$$ ", "\\[ ", "\\begin{align} "])
def test_what_is_never_closed_protects_nothing(opening: str) -> None:
    assert make_splitter("blank_line")(f"{opening}a\n\nb") == [f"{opening}a\n\n", "b"]


def test_a_fence_that_is_the_whole_text_is_cut() -> None:
    steps = ["```sql\nWITH a AS (SELECT 1)\n\n", "SELECT * FROM a\n```\n"]
    assert make_splitter("blank_line")("".join(steps)) == steps


def test_marks_in_a_fence_do_not_count() -> None:
    fence = "```\n# Step 1: a\n# Step 2: b\n```\n"
    steps = [fence, "Step 1: a\n", "Step 2: b"]
    assert make_splitter("auto")("".join(steps)) == steps


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("blank_line", ["## Given\n\na\n\n", "---\n\nb\n\n", "* * *\n\n## So\n\nc"]),
        ("blank_line", ["a\n\n", "b\n\n---\n\n## End\n"]),
        ("blank_line", ["---\n\n## Given"]),
        ("blank_line", ["a\n\n", "####  18"]),
        ("numbered", ["# Solution\n\n1. a\n", "2. b"]),
        ("numbered", ["## Step 1: a\n", "## Step 2: b"]),
    ],
)
def test_a_heading_or_a_rule_alone_is_no_step(name: str, steps: list[str]) -> None:
    assert make_splitter(name)("".join(steps)) == steps


@pytest.mark.parametrize("name", ["newline", "blank_line", "auto"])
def test_what_has_no_width_is_no_step(name: str) -> None:
    assert make_splitter(name)("a\n\n\u200b\ufeff\n\nb") == ["a\n\n\u200b\ufeff\n\n", "b"]


@pytest.mark.parametrize("name", SPLITTERS)
@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        " \n",
        "Step ",
        "1.\n",
        "####",
        "\n ",
        "x",
        "```\n",
        "$$\n\n",
        "\\[",
        "- ",
    ],
)
def test_splitting_takes_linear_time(name: str, piece: str) -> None:
    def seconds(repeats: int) -> float:
        start = time.process_time()
        make_splitter(name)(piece * repeats)
        return time.process_time() - start

    seconds(1000)
    assert seconds(200_000) < 20 * seconds(40_000) + 0.5


def test_a_splitter_of_the_user_is_loaded() -> None:
    assert make_splitter("shlex:split")("word") == ["word"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("newlin", "did you mean 'newline'"),
        ("no_such_module:split", "can't be imported"),
        ("string:digits", "is not a function"),
        ("shlex:split", "join to the text"),
        ("builtins:len", "list of texts"),
        ("builtins:int", "failed on"),
    ],
)
def test_a_bad_splitter_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make_splitter(name)("two words")
    assert name in str(caught.value)
