"""Section `speed`: how busy a run of `steplabel-fast` keeps the engine, searches and all, on TinyMath's
hard split: against the same engine given all the run's requests at once. Sixteen solutions a problem, 9,600
in all, last for a quarter of an hour: the pilot, the last calls of each stage, labels and report take about a
minute of any run, and of a short one that is all that is seen.

On a CPU the engine and the pipeline share what cores there are. With a GPU they don't: the second half
gives the engine one core of its own, in the run and where all requests are known at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pipeline.config import RunConfig
from tests.benchmarks.quality import HARD, RECIPE
from tests.benchmarks.report import Row
from tests.benchmarks.speed import rows


def fast_run(folder: Path, repeat: int) -> RunConfig:
    """The quickstart's problems and models on the hard split, labelled by `steplabel-fast`."""
    return RunConfig.load(
        RECIPE,
        [
            "recipe=steplabel-fast",
            f"problems.path={HARD}",
            "problems.limit=null",
            "generate.samples=16",
            f"name=busy-{repeat}",
            f"seed={200 + repeat}",
            f"runs_dir={folder}",
        ],
    )


def measure() -> list[Row]:
    return [*_rows(""), *_on_one_core()]


def _rows(where: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return rows("speed", lambda repeat: fast_run(Path(folder), repeat), ">= .90", where)


def _on_one_core() -> list[Row]:
    if len(cores := sorted(os.sched_getaffinity(0))) < 2:
        print("speed: skipped where the engine has a core of its own: there is but one core")
        return []
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = str(cores[0])
    try:
        return _rows("engine on a core of its own: ")
    finally:
        del os.environ["VLLM_CPU_OMP_THREADS_BIND"]
