"""`evidence`: every solution with every annotator's verdict, so that it can be labelled anew.

The undecided solutions are here too, with `label` null and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from datasets import Features

from pipeline.columns import Joined, Reads
from pipeline.dataset.view import View
from pipeline.records import Cost, Verdict

_VERDICT = pa.struct([field for field in Verdict.SCHEMA if field.name != "solution_id"])

# Derived from the records' own schemas, so that a new kind of evidence arrives here by itself.
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("problem_id", pa.string()),
        ("problem", pa.string()),
        ("gold_answer", pa.string()),
        ("level", pa.string()),
        ("generator", pa.string()),
        ("steps", pa.list_(pa.string())),
        ("final_answer", pa.string()),
        ("answer_rule", pa.string()),
        ("outcome", pa.string()),
        ("outcome_reason", pa.string()),
        ("finish_reason", pa.string()),
        ("label", pa.int32()),
        ("step_labels", pa.list_(pa.int8())),
        ("values", pa.list_(pa.float64())),
        ("confidence", pa.float64()),
        ("agreed", pa.list_(pa.string())),
        ("reason", pa.string()),
        ("left_out", pa.string()),
        ("verdicts", pa.list_(_VERDICT)),
        ("cost", Cost.struct()),
        ("run", pa.string()),
    ]
)


_OF_SOLUTION = {
    "id": "id",
    "problem_id": "problem_id",
    "problem": "question",
    "gold_answer": "gold",
    "level": "level",
    "generator": "generator",
    "steps": "steps",
    "final_answer": "answer",
    "answer_rule": "answer_rule",
    "outcome": "outcome",
    "outcome_reason": "outcome_reason",
    "finish_reason": "finish_reason",
    "cost": "cost",
    "run": "run",
}
_OF_LABEL = {
    "label": "first_error",
    "step_labels": "step_labels",
    "values": "values",
    "confidence": "confidence",
    "agreed": "agreed",
    "reason": "reason",
}
"""Column -> the record's."""


def table(batch: Joined, left_out: Sequence[str | None]) -> pa.RecordBatch:
    """One row a solution."""
    assert batch.labels is not None
    columns = {name: batch.solutions.batch.column(of) for name, of in _OF_SOLUTION.items()}
    columns |= {name: batch.labels.batch.column(of) for name, of in _OF_LABEL.items()}
    columns["left_out"] = pa.array(left_out, pa.string())
    columns["verdicts"] = _verdicts(batch)
    schema = FEATURES.arrow_schema
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _verdicts(batch: Joined) -> pa.ListArray:
    """For each solution the list of those that there are, by the annotators' names."""
    said = [rows for _, rows in sorted(batch.verdicts.items())]
    there = np.array([rows.there for rows in said]).reshape(len(said), batch.size).astype(bool)
    flat = [
        pa.StructArray.from_arrays(
            [rows.batch.column(f.name) for f in _VERDICT], fields=list(_VERDICT)
        )
        for rows in said
    ]
    # They lie annotator by annotator; where each of them is, read solution by solution.
    at = (np.cumsum(there) - 1).reshape(there.shape).T[there.T]
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=0))])
    values = pa.concat_arrays(flat).take(pa.array(at)) if flat else pa.array([], _VERDICT)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


FEATURES = Features.from_arrow_schema(_SCHEMA)

VIEW = View(
    name="evidence",
    about="For auditors, and for labelling anew by another rule without sampling again: every "
    "solution, the undecided ones too, with what each annotator saw.",
    features=FEATURES,
    columns={
        "id": "the solution's id",
        "problem_id": "the problem's id; all solutions of a problem are in one split",
        "problem": "the problem",
        "gold_answer": "the known answer",
        "level": "difficulty, where the problems say it",
        "generator": "the model that wrote the solution",
        "steps": "all steps; joined without a separator they are the solution's text",
        "final_answer": "the final answer found in the text, null when none was found",
        "answer_rule": "the rule that found it",
        "outcome": "`correct`, `incorrect`, or `undecided` (no answer found, a timeout, a cut)",
        "outcome_reason": "why it is undecided",
        "finish_reason": "`stop`, or `length` for a text that was cut",
        "label": "0-based first wrong step, -1 when every step is right, null when undecided",
        "step_labels": "for each step: 1 right, -1 wrong, 0 neutral, null unknown",
        "values": "for each step: share of rollouts from after it that reached the known answer",
        "confidence": "of the label, where the rule gives one",
        "agreed": "annotators that name this label",
        "reason": "why no label was given",
        "left_out": "why a selection left this labelled solution out of the other views, null where none did",
        "verdicts": "for each annotator: its first error or the reason it has none, "
        "rollouts from each prefix (`right` of `decided`, after the first `prefix` steps), votes "
        "with rationale, executed checks, scores, log-likelihood over -1..T-1, and cost",
        "cost": "of writing the solution, and of its search where a tree was grown: calls, tokens, "
        "engine seconds",
        "run": "the run that it is from, where several were merged",
    },
    reads=Reads(
        solution=frozenset(_OF_SOLUTION.values()),
        label=frozenset(_OF_LABEL.values()),
        verdict=frozenset(field.name for field in _VERDICT),
    ),
    table=table,
    version=3,
    audits=True,
    use="""undecided = rows.filter(lambda row: row["label"] is None)
print(undecided["reason"][:10])""",
)
