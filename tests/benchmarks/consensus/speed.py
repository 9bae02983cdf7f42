"""Section `speed`: verdicts fused a second and the memory that it takes, from shards on disk to labels on
disk, learning included."""

from __future__ import annotations

import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from pipeline.config import RunConfig
from pipeline.consensus import make_rule
from pipeline.labelling import label_run
from pipeline.records import Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import chunked
from tests.benchmarks.consensus.world import draw, tinymath_judge
from tests.benchmarks.report import Row

SECTION = "speed"
SIZES = (8_334, 33_334)
"""Solutions, of three witnesses each."""
SHARD = 128
WITNESSES = ("rollouts", "judge", "arithmetic")


class Measured(NamedTuple):
    seconds: float
    mebibytes: float
    labels: int


def measure() -> list[Row]:
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            config = _config(folder)
            with _worker() as worker:
                worker.submit(write, config, size).result()
            with _worker() as worker:  # whose memory is that of fusing alone
                found = worker.submit(fuse, config).result()
        verdicts = size * len(WITNESSES)
        wanted = "< 60" if size == max(SIZES) else ""
        name = f"{verdicts:,} verdicts"
        rows += [
            Row(SECTION, f"{name}: seconds", round(found.seconds, 1), n=verdicts, wanted=wanted),
            Row(SECTION, f"{name}: most memory, MiB", round(found.mebibytes), n=verdicts),
            Row(SECTION, f"{name}: labels written", found.labels, n=size),
        ]
    return rows


def _worker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _config(folder: str) -> RunConfig:
    consensus = {"rule": "posterior", "witnesses": list(WITNESSES), "vetoes": []}
    raw = {"runs_dir": folder, "problems": {"path": "none.jsonl"}, "consensus": consensus}
    return RunConfig.check(raw, "speed")


def write(config: RunConfig, size: int) -> None:
    """A run's folder with shards of solutions and verdicts."""
    run = RunFolder(config.folder)
    stores = {name: run.verdicts(name) for name in WITNESSES}
    for store in (run.solutions, *stores.values()):
        store.open("simulated")
    for items in chunked(draw(size, {"judge": tinymath_judge}).items, SHARD):
        run.solutions.write([item.solution for item in items], Solution)
        for name, store in stores.items():
            store.write([item.verdicts[name] for item in items], Verdict)


def fuse(config: RunConfig) -> Measured:
    run, began = RunFolder(config.folder), time.perf_counter()
    label_run(config, run, WITNESSES, make_rule(config.consensus), set(), lambda: None)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(seconds, peak, sum(part.rows for part in run.labels.parts()))
