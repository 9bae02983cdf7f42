"""HumanEval's own solutions (Chen et al. 2021) pass its tests, as they come through the door."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.config import GradingConfig, MutantsConfig, ProblemsConfig
from pipeline.grading import Grader
from pipeline.inputs import read_problems
from pipeline.mutants import mutated
from pipeline.records import Outcome
from tests.open_sandbox import open_sandbox

COLUMNS = {
    "id": "task_id",
    "question": "prompt",
    "tests": "test",
    "entry_point": "entry_point",
    "reference": "canonical_solution",
}


@pytest.mark.slow
def test_every_problem_is_taken_and_its_reference_passes(shared_data: Path) -> None:
    given = shared_data / "code" / "HumanEval.jsonl.gz"
    config = ProblemsConfig.model_validate({"path": str(given), "columns": COLUMNS})
    found = read_problems(config)
    assert (len(found.rows), found.rejected) == (164, [])
    references = [mutated(problem, MutantsConfig(most=1))[0] for problem in found.rows]
    with open_sandbox("numpy") as sandbox:

        async def outcomes() -> list[Outcome]:
            async with Grader(GradingConfig(), sandbox) as grader:
                grades = [grader.attempt(one.text, one) for one in references]
                return [grade.outcome for grade in await asyncio.gather(*grades)]

        assert asyncio.run(outcomes()) == [Outcome.CORRECT] * 164
