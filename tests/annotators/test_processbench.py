"""Judges on real solutions: ProcessBench's, their answers made from its labels. What is shown is that
real text goes through prompt, server and parser and comes out as the step that was meant; how well a
model judges is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from annotators.question import PROMPTS
from annotators.slots import judge_slots
from pipeline.prompts import load_prompt
from pipeline.records import Outcome, Solution
from tests.annotators.judge_server import annotator, judged, serving

ROWS = 40


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[tuple[Solution, int]]:
    """Solutions with the first error that people named, every tenth of the data set's."""
    found = json.loads((shared_data / "processbench" / "gsm8k.json").read_text())
    return [
        (
            Solution(
                row["id"],
                row["id"],
                row["problem"],
                "?",
                tuple(f"{step}\n\n" for step in row["steps"]),
                row["generator"],
                outcome=Outcome.CORRECT if row["final_answer_correct"] else Outcome.INCORRECT,
                reference="There is none.",
            ),
            row["label"],
        )
        for row in found[:: len(found) // ROWS]
    ]


@pytest.mark.parametrize(
    ("kind", "options", "first"),
    [
        ("judge", {"votes": 1}, 0),
        ("judge", {"votes": 1, "prompt": "critique"}, 0),
        ("judge", {"votes": 1, "prompt": "reversed"}, 0),
        ("judge", {"votes": 1, "prompt": "reference"}, 1),
        ("judge_stepwise", {"votes": 1}, 0),
        ("meta_critique", {"verifications": 2}, 0),
    ],
)
async def test_what_a_judge_says_of_a_real_solution_is_what_is_read(
    rows: list[tuple[Solution, int]], kind: str, options: dict, first: int
) -> None:
    meant, steps = -1, 0

    def write(asked: dict[str, Any]) -> list[str]:
        prompt = asked["messages"][-1]["content"]
        if "\\boxed{right}" in prompt:
            shown = len(re.findall(r"^<quote_\w+ step=", prompt, re.MULTILINE))
            said = "\\boxed{wrong}" if shown - 1 == meant else "\\boxed{right}"
        elif "\\boxed{}" in prompt:
            said = f"I went through them.\n\n\\boxed{{{meant}}}"
        elif '"review"' in prompt:
            said = json.dumps({"review": "…", "first_error": meant})
        else:
            said = json.dumps(
                {
                    "steps": [
                        {"step": i + first, "verdict": "wrong" if i == meant else "right"}
                        for i in range(steps)
                    ]
                }
            )
        return [said] * asked["n"]

    judge = annotator(kind, **options)
    async with serving(write) as server:
        for solution, label in rows:
            meant, steps = label, len(solution.steps)
            assert (await judged(judge, solution, server)).first_error == label


@pytest.mark.parametrize("name", ["first_error", "critique", "reference", "reversed"])
def test_real_steps_stand_in_the_prompt_as_they_were_written(
    rows: list[tuple[Solution, int]], name: str
) -> None:
    prompt = load_prompt(name, PROMPTS)
    for solution, _ in rows:
        slots = judge_slots(solution, prompt)
        for step in solution.steps:
            assert step.rstrip() in slots["steps"]
