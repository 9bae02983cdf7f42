"""What was said, read from files that are not as they should be: told by row and field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.evaluate.cases import Columns
from pipeline.evaluate.conventions import convention
from pipeline.evaluate.said import Answer, Spoken, of_file, of_run
from pipeline.inputs.rejected import Rejected
from pipeline.records import Outcome, Solution
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch

GOOD = {"id": "a", "problem": "p", "steps": ["x", "y"], "label": 1}


def read(path: Path, *rows: dict[str, Any]) -> tuple[list[Spoken], list[Rejected]]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rejected: list[Rejected] = []
    counted = convention("processbench")
    columns = Columns.of([], counted, "--said-column")
    return list(of_file(str(path), counted, columns, rejected.append)), rejected


def test_a_row_of_the_view_evidence_reads_whole(tmp_path: Path) -> None:
    verdict = {"annotator": "judge", "first_error": None, "cost": {"completion_tokens": 7}}
    other = {"annotator": "rollouts", "first_error": 0, "confidence": 0.5}
    row = GOOD | {
        "label": None,
        "problem_id": "q",
        "outcome": "incorrect",
        "level": 5,
        "verdicts": [verdict, other],
        "cost": {"completion_tokens": 30},
    }
    (spoken,), rejected = read(tmp_path / "said.jsonl", row)
    assert rejected == []
    assert (spoken.case.outcome, spoken.case.level) == (Outcome.INCORRECT, "5")
    assert (spoken.problem, spoken.label, spoken.tokens) == ("q", Answer(None), 30.0)
    assert spoken.witnesses == {"judge": Answer(None, None, 7.0), "rollouts": Answer(0, 0.5)}


def test_labels_of_solutions_that_other_settings_made_are_none_of_these(tmp_path: Path) -> None:
    run = write_run(tmp_path, "trial", batch(2))
    assert all(one.label is not None for one in of_run(run, ["judge"]))
    made_anew = [replace(one, id=f"new-{one.id}") for one in run.solutions.read(Solution)]
    run.solutions.open("v2")
    run.solutions.write(made_anew, Solution)
    assert [one.label for one in of_run(run, ["judge"])] == [None] * len(made_anew)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": 2}, "label"),
        ({"label": 10**400}, "label"),
        ({"label": [1]}, "label"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": 10**400}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"verdicts": 3}, "verdicts"),
        ({"verdicts": [3]}, "verdicts"),
        ({"verdicts": [{"annotator": "judge", "first_error": 2}]}, "verdicts.judge.first_error"),
        ({"outcome": "good"}, "outcome"),
        ({"outcome": ["correct"]}, "outcome"),
        ({"level": {"a": 1}}, "level"),
        ({"problem": 3, "steps": [None]}, "steps[0]"),
        ({"id": "b\0"}, "id"),
        ({"cost": {"completion_tokens": "many"}}, "completion_tokens"),
    ],
)
def test_a_field_that_is_wrong_sets_the_row_aside(
    change: dict[str, Any], field: str, tmp_path: Path
) -> None:
    spoken, rejected = read(tmp_path / "said.jsonl", {"id": "good", "label": -1}, GOOD | change)
    assert [one.case.id for one in spoken] == ["good"]
    assert [(one.row, one.field) for one in rejected] == [(2, field)]


def test_a_label_inside_an_object_may_be_null_too(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    rows = [GOOD | {"id": str(n), "made": {"label": label}} for n, label in enumerate([1, None])]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted = convention("processbench")
    columns = Columns.of(["label=made.label"], counted, "--said-column")
    found = of_file(str(path), counted, columns, pytest.fail)
    assert [one.label for one in found] == [Answer(1), Answer(None)]


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = st.sampled_from(
    [*GOOD, "confidence", "verdicts", "outcome", "level", "cost", "problem_id"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(fields, json_values))
def test_whatever_a_row_holds_it_is_read_or_set_aside(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    spoken, rejected = read(tmp_path / "said.jsonl", GOOD | change)
    assert len(spoken) + len(rejected) == 1
