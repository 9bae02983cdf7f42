"""What each finished start of a run brought: one line a start in `history.jsonl`.

A folder that grows night after night has one summary, of all its rows; here is what a night added.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.config import RunConfig
from pipeline.run_folder import RunFolder
from pipeline.summary import KEPT, Summary


@dataclass(frozen=True, slots=True)
class Record:
    """Totals after the start; `config`: the fingerprint, but for how many rows are taken; `exact`: of the
    decided kept labels, where the truth is known."""

    attempt: int
    started: str
    finished: str
    config: str
    problems: int
    solutions: int
    kept: int
    solve_rate: float | None
    exact: float | None
    sampled_tokens: int
    faults: int


def record(run: RunFolder, config: RunConfig, summary: Summary) -> None:
    """Add the start that has just finished. A line torn by a kill is closed first, and not read."""
    info = run.info
    exact = [q.score.exact for q in summary.quality if (q.who, q.over) == (KEPT, "all")]
    line = Record(
        attempt=info["attempt"],
        started=info["started"],
        finished=info["finished"],
        config=config.growing_fingerprint,
        problems=summary.problems,
        solutions=summary.solutions,
        kept=summary.kept,
        solve_rate=summary.solve_rate,
        exact=exact[0] if exact else None,
        sampled_tokens=summary.cost.completion_tokens,
        faults=summary.faults,
    )
    with (run.folder / "history.jsonl").open("a+b") as file:
        if file.tell() and _last_byte(file.name) != b"\n":
            file.write(b"\n")
        file.write(json.dumps(asdict(line)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def history(folder: Path) -> list[Record]:
    """Oldest first; lines that can't be read are left out."""
    try:
        lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [found for line in lines if (found := _read(line)) is not None]


def _read(line: str) -> Record | None:
    try:
        raw: dict[str, Any] = json.loads(line)
        return Record(**raw)
    except (ValueError, TypeError):
        return None


def _last_byte(path: str) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
