"""A run's folder written through the real stores, without any model."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import RunConfig
from pipeline.join import Annotated
from pipeline.records import Label, Solution, Verdict
from pipeline.run_folder import RunFolder

CONFIG = {"problems": {"path": "problems.jsonl"}}


def write_run(runs_dir: Path, name: str, items: list[Annotated]) -> RunFolder:
    run = RunFolder(runs_dir / name)
    run.folder.mkdir(parents=True)
    run.begin(RunConfig.check(CONFIG | {"name": name}, "test"), "f00d")
    run.solutions.open("v1")
    run.solutions.write([item.solution for item in items], Solution)
    for annotator in sorted({one for item in items for one in item.verdicts}):
        run.verdicts(annotator).open("v1")
        run.verdicts(annotator).write([item.verdicts[annotator] for item in items], Verdict)
    labels = [item.label for item in items if item.label is not None]
    run.labels.replace_all("v1", labels, Label)
    run.end("finished")
    return run
