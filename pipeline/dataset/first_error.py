"""`first_error`: ProcessBench's columns (Zheng et al. 2024, arXiv 2412.06559), 0-based."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasets import Features, List, Value

from pipeline.dataset.view import View, step_texts
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
    rows=rows,
)
