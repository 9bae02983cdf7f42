"""One solution in full: bounded, and nothing that its schema has is missing."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Verdict
from pipeline.report.detail import (
    MOST_ENTRIES,
    SHORT_CHARS,
    SOLUTION_CHARS,
    TEXT_CHARS,
    Clip,
    detail,
)
from pipeline.report.pack import to_text
from tests.pipeline.dataset.items import item
from tests.pipeline.report.hostile import TEXTS
from tests.pipeline.report.rows import hostile_item


def test_every_field_of_a_verdict_arrives() -> None:
    one = item(0)
    for shown, verdict in zip(
        detail(one, None)["verdicts"],
        one.verdicts.values(),
        strict=True,
    ):
        assert shown.keys() == {field.name for field in fields(Verdict)}
        assert shown["annotator"] == verdict.annotator
        assert len(shown["votes"]) == len(verdict.votes)


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = Clip()("a" * (TEXT_CHARS + 1234))
    assert shown.endswith("… [1,234 more characters]")
    assert len(shown) < TEXT_CHARS + 40


@given(
    st.recursive(st.text() | st.floats() | st.integers(), lambda one: st.lists(one), max_leaves=30)
)
def test_short_data_is_left_as_it_is(value: object) -> None:
    shown = Clip()(value)
    json.loads(to_text(shown))
    if not isinstance(value, float | list):
        assert shown == value


def test_all_texts_of_a_solution_together_are_bounded() -> None:
    for text in TEXTS:
        assert len(to_text(detail(hostile_item(0, text), None))) < 12 * (SOLUTION_CHARS + 50_000)
    many = replace(item(0).solution, steps=("x" * 50_000,) * 5000)
    shown = detail(replace(item(0), solution=many), None)
    assert len(shown["solution"]["steps"]) == MOST_ENTRIES
    assert shown["steps"] == 5000
    assert sum(map(len, shown["solution"]["steps"])) < SOLUTION_CHARS + 50 * MOST_ENTRIES


def test_a_name_is_never_cut_however_much_was_said_before() -> None:
    clip = Clip(chars=10)
    assert clip(["a" * 5_000, "contradicted"])[1] == "contradicted"
    assert clip("b" * SHORT_CHARS) == "b" * SHORT_CHARS
    assert clip("b" * (SHORT_CHARS + 1)) == f" … [{SHORT_CHARS + 1} more characters]"


def test_what_is_no_number_is_null() -> None:
    assert Clip()([math.inf, -math.inf, math.nan, 0.123456789]) == [None, None, None, 0.12346]
