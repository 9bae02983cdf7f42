"""Real solutions brought along: GSM8K's example_model_solutions, four models' answers to each of
its 1,319 test problems, through import, grading and tool check; no engine is needed."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.records import Outcome, Solution
from pipeline.run_folder import RunFolder
from tests.benchmarks.report import Row

FILE = Path("gsm8k") / "example_model_solutions.jsonl"
MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def data_folder() -> Path | None:
    """Where the public data sets lie, if they do."""
    here = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("STEPLABEL_TEST_DATA", here.parent / "shared" / "data"))
    return folder if (folder / FILE).is_file() else None


def gsm8k_run(data: Path, folder: Path) -> RunConfig:
    """Import, grade and check; nothing is sampled."""
    path = str(data / FILE)
    return RunConfig.check(
        {
            "name": "gsm8k",
            "runs_dir": str(folder),
            "problems": {"path": path, "columns": {"answer": "ground_truth"}},
            "solutions": {
                "path": path,
                "columns": {
                    "question": "question",
                    "text": [f"{model}.solution" for model in MODELS],
                },
            },
            "steps": {"split": "newline"},
            "annotators": {"arithmetic": {}},
            "consensus": {"witnesses": ["arithmetic"], "vetoes": []},
        },
        "gsm8k",
    )


def measure(folder: Path) -> list[Row]:
    data = data_folder()
    if data is None:
        print(f"gsm8k: skipped: {FILE} of the GSM8K data set is not here")
        return []
    config = gsm8k_run(data, folder)
    began = time.monotonic()
    asyncio.run(run_batch(config, make_annotators(config)))
    seconds = time.monotonic() - began
    counts = Counter(agreement(config, data))
    total = sum(counts.values())
    return [
        Row("gsm8k", "solutions imported, graded and checked", total, wanted="5276"),
        Row("gsm8k", "seconds", round(seconds, 1), wanted="< 180"),
        Row("gsm8k", "decided outcomes that differ from is_correct", counts["differs"], wanted="0"),
        Row("gsm8k", "undecided", counts["undecided"], wanted="<= 11"),
    ]


def agreement(config: RunConfig, data: Path) -> list[str]:
    """For each solution: agrees, differs, or undecided."""
    truth: dict[tuple[str, str], set[bool]] = {}
    for line in (data / FILE).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for model in MODELS:
            key = (row["question"], row[model]["solution"])
            truth.setdefault(key, set()).add(bool(row[model]["is_correct"]))
    found = []
    for solution in RunFolder(config.folder).solutions.read(Solution):
        if solution.outcome is Outcome.UNDECIDED:
            found.append("undecided")
        else:
            right = solution.outcome is Outcome.CORRECT
            found.append(
                "agrees" if truth[(solution.question, solution.text)] == {right} else "differs"
            )
    return found
