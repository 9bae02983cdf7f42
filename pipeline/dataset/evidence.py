"""`evidence`: every solution with every annotator's verdict, so that it can be labelled anew.

The undecided solutions are here too, with `label` null and the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from datasets import Features

from pipeline.dataset.view import View
from pipeline.join import Annotated
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


def rows(item: Annotated) -> Iterator[dict[str, Any]]:
    if item.label is None:
        return
    solution, label = item.solution, item.label
    verdicts = [verdict.to_row() for _, verdict in sorted(item.verdicts.items())]
    for verdict in verdicts:
        del verdict["solution_id"]
    yield {
        "id": solution.id,
        "problem_id": solution.problem_id,
        "problem": solution.question,
        "gold_answer": solution.gold,
        "level": solution.level,
        "generator": solution.generator,
        "steps": solution.steps,
        "final_answer": solution.answer,
        "answer_rule": solution.answer_rule,
        "outcome": solution.outcome,
        "outcome_reason": solution.outcome_reason,
        "finish_reason": solution.finish_reason,
        "label": label.first_error,
        "step_labels": label.step_labels,
        "values": label.values,
        "confidence": label.confidence,
        "agreed": label.agreed,
        "reason": label.reason,
        "left_out": item.left_out,
        "verdicts": verdicts,
        "cost": solution.cost.to_row(),
        "run": solution.run,
    }


VIEW = View(
    name="evidence",
    about="For auditors, and for labelling anew by another rule without sampling again: every "
    "solution, the undecided ones too, with what each annotator saw.",
    features=Features.from_arrow_schema(_SCHEMA),
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
    rows=rows,
    version=3,
    audits=True,
    use="""undecided = rows.filter(lambda row: row["label"] is None)
print(undecided["reason"][:10])""",
)
