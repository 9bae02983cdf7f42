"""`first_error`: ProcessBench's columns (Zheng et al. 2024, arXiv 2412.06559), 0-based."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasets import Features, List, Value

from pipeline.columns import Reads
from pipeline.dataset.view import LABELLED_STEPS, View, step_texts
from pipeline.join import Annotated
from pipeline.records import Outcome


def rows(item: Annotated) -> Iterator[dict[str, Any]]:
    if item.label is None or item.label.first_error is None or not item.solution.steps:
        return
    solution = item.solution
    yield {
        "id": solution.id,
        "generator": solution.generator,
        "problem": solution.question,
        "steps": step_texts(solution),
        "final_answer_correct": solution.outcome is Outcome.CORRECT,
        "label": item.label.first_error,
    }


VIEW = View(
    name="first_error",
    about="For evaluating process reward models and judges: ProcessBench's columns, whole "
    "solutions. Only solutions with a known label.",
    features=Features(
        {
            "id": Value("string"),
            "generator": Value("string"),
            "problem": Value("string"),
            "steps": List(Value("string")),
            "final_answer_correct": Value("bool"),
            "label": Value("int32"),
        }
    ),
    columns={
        "id": "the solution's id, the same as in `evidence`",
        "generator": "the model that wrote the solution",
        "problem": "the problem",
        "steps": "all steps of the solution",
        "final_answer_correct": "whether the final answer equals the known answer",
        "label": "0-based index of the first wrong step; -1 when every step is right",
    },
    reads=LABELLED_STEPS | Reads(solution=frozenset({"id", "generator", "outcome"})),
    rows=rows,
    use="""def first_error_of(problem, steps):  # your PRM or judge: 0-based, -1 where no step is wrong
    return -1

found = [first_error_of(row["problem"], row["steps"]) for row in rows]
wrong = [said == row["label"] for said, row in zip(found, rows) if row["label"] != -1]
right = [said == row["label"] for said, row in zip(found, rows) if row["label"] == -1]
a, b = sum(wrong) / max(1, len(wrong)), sum(right) / max(1, len(right))
print("F1", 2 * a * b / (a + b) if a + b else 0.0)""",
)
