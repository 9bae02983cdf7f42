"""Real solutions by four models: outcomes agree with the labels that came with them."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.config import GradingConfig
from pipeline.grading import Grader
from pipeline.records import Outcome


async def test_outcomes_agree_with_is_correct_on_every_decided_solution(shared_data: Path) -> None:
    path = shared_data / "gsm8k" / "example_model_solutions.jsonl"
    undecided, wrong = 0, []
    async with Grader(GradingConfig()) as grader:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for attempt in (value for value in row.values() if isinstance(value, dict)):
                grade = await grader.grade(attempt["solution"], row["ground_truth"])
                undecided += grade.outcome is Outcome.UNDECIDED
                if grade.outcome is not Outcome.UNDECIDED:
                    right = grade.outcome is Outcome.CORRECT
                    wrong += [attempt["solution"]] if right != attempt["is_correct"] else []
    assert wrong == []
    assert undecided <= 11
