"""Recipes whose judge writes code for each step: rollouts and a judge that saw it run must agree.

The policy is simulated and the judge's answers are written by hand; the sandbox, the search, the consensus
and the dataset are real.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.engine.simulated import simulated_gold, simulated_problem, simulated_truth
from pipeline.errors import PrerequisiteError
from pipeline.records import Label, Solution, Verdict
from pipeline.run_folder import RunFolder
from tests.annotators.judge_server import serving

CODE = "I look at every step.\n```python\nprint('looked', 6 * 7)\n```\n"
ONE = {"kind": "simulated", "model": "one", "args": {"min_steps": 3, "max_steps": 5}}


def judge(asked: dict[str, Any]) -> list[str]:
    """It checks by code, then names the truth, but of every second problem it says that all is right."""
    said = asked["messages"][-1]["content"]
    if "Output of this code" not in said:
        return [CODE] * asked["n"]
    assert "looked 42" in said
    solution, _, _ = said.partition("A verification of it")
    match = re.search(r"Simulated problem (\d+)\.", solution)
    assert match is not None
    number = int(match[1])
    truth = simulated_truth(solution, str(simulated_gold(number)))
    wrong = truth if number % 2 else None
    steps = [
        {"step": i, "check": "seen", "verdict": "wrong" if i == wrong else "right"}
        for i in range(len(re.findall(r"Step \d+ of|#### \d", solution)))
    ]
    return [json.dumps({"steps": steps})] * asked["n"]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["genprm", "groundedprm"])
async def test_what_rollouts_and_the_judge_s_code_agree_on_is_kept_with_the_reasons(
    tmp_path: Path, recipe: str
) -> None:
    rows = "".join(json.dumps(simulated_problem(n).to_row()) + "\n" for n in range(12))
    (tmp_path / "problems.jsonl").write_text(rows)
    async with serving(judge) as server:
        config = {
            "name": recipe,
            "recipe": recipe,
            "runs_dir": str(tmp_path / "runs"),
            "problems": {"path": str(tmp_path / "problems.jsonl")},
            "engines": {
                "generator": ONE,
                "policy": ONE,
                "judge": {"kind": "openai", "model": "m", "url": server.url, "chat_api": True},
            },
            "generate": {"prompt": "plain", "samples": 4},
            "steps": {"split": "newline"},
            "sandbox": {"workers": 1},
            "dataset": {"test_share": 0},
        }
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(config))
        settings = RunConfig.load(path)
        try:
            await run_batch(settings, make_annotators(settings))
        except PrerequisiteError as error:
            pytest.skip(str(error))
    run = RunFolder(settings.folder)
    solutions = {s.id: s for s in run.solutions.read(Solution)}
    by_rollouts = {v.solution_id: v.first_error for v in run.verdicts("rollouts").read(Verdict)}
    by_judge = {v.solution_id: v.first_error for v in run.verdicts("judge").read(Verdict)}
    labels = list(run.labels.read(Label))
    kept = [label for label in labels if label.kept]
    assert {label.first_error == -1 for label in kept} == {True, False}
    for label in kept:
        solution = solutions[label.solution_id]
        assert label.first_error == simulated_truth(solution.text, solution.gold)
        assert label.first_error == by_rollouts[solution.id] == by_judge[solution.id]
    assert any("disagree" in (label.reason or "") for label in labels)
    critiques = pq.read_table(run.dataset / "critique").to_pylist()
    assert len(critiques) == len(kept)
    assert all("looked 42" in row["messages"][2]["content"] for row in critiques)
