"""What every rule promises: the same choice in every order of the rows, and a reason for what goes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import SelectConfig
from pipeline.errors import InputError
from pipeline.selection import RULES, Selection, select
from pipeline.selection.select import fingerprint
from tests.pipeline.dataset.items import as_read
from tests.pipeline.selection.items import solution

ALL: dict[str, Any] = {
    "deduplicate": {"near": 0.7},
    "disagreement": {"confidence": 0.99, "deviation": 0.0},
    "consistency": {"keep": 0.6},
    "balanced_information": {"share": 0.5},
    "balance": {"by": ["outcome", "first_error", "difficulty", "level"], "ratio": 1.5},
}

cases = st.lists(
    st.builds(
        solution,
        st.integers(0, 3),
        st.integers(0, 10_000),
        st.sampled_from([None, -1, 0, 1, 2]),
        st.tuples(*[st.sampled_from([None, 0.0, 0.5, 1.0])] * 3),
        st.sampled_from(["a b c d e f g", "a b c d e f h", "quite another text", None]),
    ),
    max_size=30,
    unique_by=lambda one: one.solution.id,
)


def config(**rules: Any) -> SelectConfig:
    return SelectConfig.model_validate(rules)


@pytest.mark.parametrize("rule", [*ALL, "all"])
@settings(deadline=None, max_examples=40)
@given(items=cases, seed=st.integers(0, 100))
def test_the_order_of_the_rows_does_not_matter(rule: str, items: list[Any], seed: int) -> None:
    pytest.importorskip("datasketch", reason="datasketch is not installed (steplabel[select])")
    rules = config(**(ALL if rule == "all" else {rule: ALL[rule]}))
    shuffled = random.Random(seed).sample(items, len(items))
    assert select(as_read(items), rules) == select(as_read(shuffled), rules)


@settings(deadline=None, max_examples=40)
@given(items=cases)
def test_only_labelled_solutions_are_chosen_from_and_each_that_goes_has_a_reason(
    items: list[Any],
) -> None:
    pytest.importorskip("datasketch", reason="datasketch is not installed (steplabel[select])")
    chosen = select(as_read(items), config(**ALL))
    labelled = {one.solution.id for one in items if one.label.kept}
    assert chosen.seen == len(labelled)
    assert chosen.reasons.keys() <= labelled
    assert sum(chosen.counts.values()) == len(chosen.reasons)
    assert all(reason.partition(": ")[0] in RULES for reason in chosen.reasons.values())


def test_nothing_is_left_out_where_nothing_is_asked_for() -> None:
    assert select(as_read([solution(0, 0)]), SelectConfig()) == Selection()


def test_a_test_set_that_changes_changes_the_selection_s_key(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    rules = config(decontaminate={"against": [str(path)]})
    path.write_text(json.dumps({"question": "one"}))
    before = fingerprint(rules)
    path.write_text(json.dumps({"question": "two"}))
    assert fingerprint(rules) != before


def test_a_test_set_without_problems_is_an_error_not_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"text": "one"}))
    with pytest.raises(InputError, match="has no text under question, problem, prompt"):
        select(as_read([]), config(decontaminate={"against": [str(path)]}))
