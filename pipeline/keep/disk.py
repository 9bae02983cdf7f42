"""The disk that a run will need, before it begins: from the plan's tokens and from what runs have measured.

The figures are bytes on the disk of TinyMath runs with vLLM, 80 solutions with three witnesses and 2,400 with
four. Given the tokens that a plan foresees, what such a run came to was within a factor of FACTOR of this.
Models with larger vocabularies and longer words take more for a token, at most about twice.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.plan import Plan
from pipeline.report.write import MOST

log = logging.getLogger(__name__)

FACTOR = 2.0
CALLS = 2.0
"""A sampled token in the compacted record of calls, its share of the prompts included: 1.1 to 2.2."""
JOURNAL = 16.0
"""A sampled token in the journal of a stage under way, before it is compacted: 7.6 to 16.4."""
SOLUTION = 2.5
"""A token of a solution in its row: text and ids."""
VERDICT, SAID = 100.0, 0.3
"""A verdict, and a sampled token in it: what a judge wrote."""
LABEL = 20.0
EVIDENCE, VIEW = 2.0, 0.5
"""A token of a solution in the view `evidence`, and in another one."""
REPORT, IN_REPORT = 90_000.0, 3.0
"""The page, and a token of a solution in it."""
PART = 4_000.0
"""What a Parquet file has beside its rows."""


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """Bytes. `journal`: of the stage that samples most, until its end."""

    calls: int
    rows: int
    dataset: int
    report: int
    journal: int

    @property
    def in_the_end(self) -> int:
        return self.calls + self.rows + self.dataset + self.report

    @property
    def at_most(self) -> int:
        return self.in_the_end + self.journal


def disk_need(config: RunConfig, plan: Plan) -> DiskNeed:
    """Of a run that is begun with nothing."""
    n, tokens = plan.solutions, plan.solutions * plan.solution_tokens
    annotators = len(config.annotators)
    said = plan.total - plan.by_stage.get("generate", 0)
    parts = (1 + annotators) * -(-n // config.shard_size) + 1
    rows = SOLUTION * tokens + n * (annotators * VERDICT + LABEL) + SAID * said + PART * parts
    views = [EVIDENCE if view == "evidence" else VIEW for view in config.dataset.views]
    dataset = sum(views) * tokens + 3 * PART * len(views)
    in_report = min(1.0, MOST / max(1, n))
    return DiskNeed(
        calls=round(CALLS * plan.total + PART * len(plan.by_stage)),
        rows=round(rows),
        dataset=round(dataset),
        report=round(REPORT + IN_REPORT * tokens * in_report),
        journal=round(JOURNAL * max(plan.by_stage.values(), default=0)),
    )


def free_bytes(folder: Path) -> int:
    """Of the disk that holds the folder, or is going to."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free


def still_needed(folder: Path, need: DiskNeed) -> int:
    """Of a run that has made a part of it already, the share that isn't there."""
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return round(need.at_most * max(0.0, 1 - there / need.in_the_end))


def check_disk(folder: Path, need: DiskNeed) -> None:
    """Warn where the disk has less free than is expected, and raise RunError where it has so little that
    the run can't end, however rough the estimate."""
    wanted, free = still_needed(folder, need), free_bytes(folder)
    if free >= wanted:
        return
    said = (
        f"{folder}: about {human(wanted)} will be needed, and the disk has {human(free)} free; free some, "
        "or choose another runs_dir"
    )
    if free < wanted / FACTOR:
        raise RunError(said)
    log.warning(said)


def human(size: float) -> str:
    """ "1.2 GB"."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"
