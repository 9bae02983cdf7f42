"""What a run says of itself: of the annotators that it has, and of problems by their content."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.engine.simulated import simulated_truth
from pipeline.keep.merge import merge
from pipeline.records import Solution
from tests.flows.run_on_disk import write_run
from tests.killing import run_once
from tests.pipeline.dataset.items import batch
from tests.test_resume import small_batch


def truth(solution: Solution) -> int:
    return simulated_truth(solution.text, solution.gold)


def test_an_annotator_that_the_configuration_no_longer_has_is_not_scored(tmp_path: Path) -> None:
    raw = small_batch(tmp_path, problems=3).model_dump(mode="json")
    raw["oracle"] = f"{__name__}:truth"
    run_once(RunConfig.check(raw, "test"))
    del raw["annotators"]["judge"]
    raw["consensus"]["witnesses"] = ["rollouts"]
    config = RunConfig.check(raw, "test")
    run_once(config)
    summary = json.loads((config.folder / "summary.json").read_text())
    assert {row["who"] for row in summary["quality"]} == {"arithmetic", "rollouts", "kept labels"}


def test_problems_of_merged_runs_that_share_an_id_are_counted_apart(tmp_path: Path) -> None:
    runs = []
    for name, right in (("a", -1), ("b", 0)):
        runs.append(
            write_run(
                tmp_path,
                name,
                [
                    replace(
                        one,
                        solution=replace(
                            one.solution,
                            id=f"{name}-{one.solution.id}",
                            problem_id="task",
                            question=name,
                            tests="assert True",
                        ),
                        verdicts={},
                        label=replace(one.label, solution_id=f"{name}-{one.solution.id}"),
                    )
                    for one in batch(2)
                    if one.label is not None and one.label.first_error == right
                ],
            )
        )
    done = merge(runs, tmp_path / "both")
    assert done.summary.problems == 2
    assert done.summary.pass_at[1] == 0.5
    assert "of 2 problems" in (tmp_path / "both" / "report.html").read_text()
