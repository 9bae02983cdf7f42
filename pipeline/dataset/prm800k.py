"""`prm800k`: PRM800K's rows (Lightman et al. 2023, arXiv 2305.20050), which OpenR and TRL's converter
read.
"""

from __future__ import annotations

from typing import Any

from datasets import Features, List, Value

from pipeline.columns import Reads
from pipeline.dataset.view import LABELLED_STEPS, Rows, View, labelled_steps
from pipeline.join import Annotated

LABELLER = "steplabel"


def rows(item: Annotated) -> Rows:
    shown = labelled_steps(item)
    if shown is None:
        return
    solution = item.solution
    yield {
        "labeler": LABELLER,
        "timestamp": None,
        "generation": None,
        "is_quality_control_question": False,
        "is_initial_screening_question": False,
        "question": {
            "problem": solution.question,
            "ground_truth_answer": solution.gold,
            "pre_generated_answer": solution.answer,
            "pre_generated_steps": shown.steps,
        },
        "label": {
            "steps": [_step(text, right) for text, right in zip(*shown, strict=True)],
            "total_time": None,
            "finish_reason": "solution" if all(shown.right) else "found_error",
        },
    }


def _step(text: str, right: bool) -> dict[str, Any]:
    """A wrong step is not gone on with, so none is chosen."""
    return {
        "completions": [{"text": text, "rating": 1 if right else -1, "flagged": False}],
        "human_completion": None,
        "chosen_completion": 0 if right else None,
    }


_TEXT, _FLAG = Value("string"), Value("bool")

VIEW = View(
    name="prm800k",
    about="PRM800K's form, for OpenR and TRL's converter: one completion a step with a rating. Only "
    "solutions with a known label; a row ends at the first wrong step. `to_json` writes the JSON lines "
    "that those tools open.",
    features=Features(
        {
            "labeler": _TEXT,
            "timestamp": _TEXT,
            "generation": Value("int32"),
            "is_quality_control_question": _FLAG,
            "is_initial_screening_question": _FLAG,
            "question": {
                "problem": _TEXT,
                "ground_truth_answer": _TEXT,
                "pre_generated_answer": _TEXT,
                "pre_generated_steps": List(_TEXT),
            },
            "label": {
                "steps": List(
                    {
                        "completions": List(
                            {"text": _TEXT, "rating": Value("int8"), "flagged": _FLAG}
                        ),
                        "human_completion": _TEXT,
                        "chosen_completion": Value("int32"),
                    }
                ),
                "total_time": Value("int64"),
                "finish_reason": _TEXT,
            },
        }
    ),
    columns={
        "labeler": f"always `{LABELLER}`",
        "timestamp": "null",
        "generation": "null",
        "is_quality_control_question": "false",
        "is_initial_screening_question": "false",
        "question": "the problem, its known answer, the answer of this solution, and the steps shown here",
        "label": "for each step its one completion with a rating, 1 right or -1 wrong (0 is never used); "
        "`finish_reason` is `found_error` where the last step is wrong, else `solution`",
    },
    reads=LABELLED_STEPS | Reads(solution=frozenset({"gold", "answer"})),
    rows=rows,
    use="""rows.to_json("prm800k.jsonl")  # one row a line, as openai/prm800k has them""",
)
