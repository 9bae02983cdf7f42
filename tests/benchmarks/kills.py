"""Survival: runs killed by SIGKILL at random instants and started again, on the simulated policy
and on the real models served by vLLM. Each is compared, row by row, with an undisturbed run that is
fed its recorded calls."""

from __future__ import annotations

import random
from pathlib import Path

from pipeline.config import RunConfig
from tests.benchmarks.quality import RECIPE
from tests.benchmarks.report import Row
from tests.killing import KilledRun, killed_run, made_calls, run_in_child
from tests.test_resume import small_batch

SIMULATED_RUNS = 110
REAL_RUNS = 3
REAL_PROBLEMS = 12


def real_batch(folder: Path, name: str) -> RunConfig:
    settings = [f"name={name}", f"problems.limit={REAL_PROBLEMS}", "shard_size=8"]
    config = RunConfig.load(RECIPE, settings)
    return config.model_copy(update={"runs_dir": str(folder)})


def measure(folder: Path) -> list[Row]:
    rng = random.Random(7)
    rows = []
    for kind, make, runs, kills in (
        ("simulated policy", small_batch, SIMULATED_RUNS, 2),
        ("vLLM", real_batch, REAL_RUNS, 2),
    ):
        where = folder / kind.replace(" ", "-")
        where.mkdir(parents=True, exist_ok=True)
        measured = make(where, "measure")
        run_in_child(measured, None)
        total = len(made_calls(measured))
        killed: list[KilledRun] = [
            killed_run(make(where, f"killed-{i}"), rng, total, kills) for i in range(runs)
        ]
        rows += [
            Row("kills", f"{kind}: runs", runs),
            Row(
                "kills",
                f"{kind}: kills that struck",
                sum(k.kills for k in killed),
                wanted=">= 200" if kind != "vLLM" else "",
            ),
            Row("kills", f"{kind}: rows compared", sum(k.rows for k in killed)),
            Row(
                "kills",
                f"{kind}: rows lost, doubled or different",
                sum(k.unlike for k in killed),
                wanted="0",
            ),
            Row("kills", f"{kind}: finished calls", sum(k.finished_calls for k in killed)),
            Row(
                "kills",
                f"{kind}: finished calls made again",
                sum(k.repeated_calls for k in killed),
                wanted="0",
            ),
        ]
    return rows
