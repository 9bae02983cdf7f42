"""How far a run is: rows, tokens and time of each stage, with an ETA.

The run writes `progress.json` at most once a second; `steplabel status` and the Prefect artifacts
read it, so watching a run never touches it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.engine.limits import EngineStats
from pipeline.errors import RunError
from pipeline.files import read_object, write_json


@dataclass(frozen=True, slots=True)
class StageProgress:
    """`seconds` is wall time over all attempts, `load_seconds` of it went into loading the model;
    calls and tokens are those made, over all attempts (a kill loses the last second's counts: the
    summary counts the rows' own). `replayed` calls had been recorded by an earlier attempt. Those `_before`
    are as this attempt found them: earlier ones may have made other rows, at another pace."""

    rows_done: int = 0
    rows_total: int = 0
    faults: int = 0
    calls: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    load_seconds: float = 0.0
    dollars: float = 0.0
    state: str = "waiting"
    rows_before: int = 0
    working_before: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Sampled tokens a second of wall time."""
        return self.completion_tokens / self.seconds if self.seconds > 0 else 0.0

    @property
    def working_seconds(self) -> float:
        """Those that no model was loaded in."""
        return max(0.0, self.seconds - self.load_seconds)

    def eta_seconds(self) -> float | None:
        """What is left, at this attempt's pace so far; None before there is one."""
        rows = self.rows_done - self.rows_before
        if self.state != "running" or rows <= 0:
            return None
        seconds = max(0.0, self.working_seconds - self.working_before)
        return (self.rows_total - self.rows_done) * seconds / rows


def share_done(stages: Mapping[str, StageProgress], planned: Mapping[str, int]) -> float:
    """0 to 1: the stages' rows, weighed by the tokens that each stage is planned to take."""
    weights = {name: 1 + planned.get(name, 0) for name in [*planned, *stages]}
    done = sum(
        weights[name] * (s.rows_done / s.rows_total if s.rows_total else 1.0)
        for name, s in stages.items()
    )
    return done / sum(weights.values()) if weights else 0.0


def progress_line(stages: Mapping[str, StageProgress]) -> str:
    """The stage that is at work, in one line (of several the one that began last), and what all have cost
    so far."""
    at_work = {name: stage for name, stage in stages.items() if stage.state == "running"}
    name, now = list((at_work or stages).items())[-1]
    parts = [f"{name}: {now.rows_done:,} of {now.rows_total:,} rows"]
    if now.completion_tokens:
        parts.append(f"{now.tokens_per_second:,.0f} tokens/s")
    if (left := now.eta_seconds()) is not None:
        parts.append(f"{left / 60:.0f} min left in this stage")
    calls = sum(stage.calls for stage in stages.values())
    tokens = sum(stage.completion_tokens for stage in stages.values())
    hours = sum(stage.seconds for stage in stages.values()) / 3600
    said = f"{', '.join(parts)}; so far {calls:,} calls, {tokens:,} sampled tokens, {hours:.2f} h"
    dollars = sum(stage.dollars for stage in stages.values())
    return f"{said}, ${dollars:,.2f}" if dollars else said


class Progress:
    """Mutable progress of all stages; `on_change` is called at most once a second."""

    def __init__(
        self, path: Path, on_change: Callable[[Mapping[str, StageProgress]], None] | None = None
    ) -> None:
        self._path = path
        self._on_change = on_change
        self._before = read_progress(path)
        self.stages: dict[str, StageProgress] = {}
        self._began: dict[str, float] = {}
        self._ended: set[str] = set()
        self._made: Counter[str] = Counter()
        self._written = self._told = 0.0

    def begin(self, stage: str, rows_total: int, rows_done: int) -> None:
        """A stage that this attempt has ended already goes on: its rows are added."""
        again = stage in self._ended
        old = self._before.get(stage, StageProgress())
        fresh = replace(old, rows_total=0, rows_done=0, faults=0, replayed=0)
        was = old.working_seconds
        before = old if again else replace(fresh, rows_before=rows_done, working_before=was)
        self._began[stage] = time.monotonic() - old.seconds
        self.stages[stage] = replace(
            before,
            rows_total=before.rows_total + rows_total,
            rows_done=before.rows_done + rows_done,
            state="running",
        )
        self._tell(force=True)

    def row(self, stage: str, rows: int = 1) -> None:
        self._made[stage] += rows
        if time.monotonic() - self._written >= 1.0:
            self._update(stage)

    def fault(self, stage: str) -> None:
        self._update(stage, faults=self.stages[stage].faults + 1)

    def spent(self, stage: str, stats: EngineStats, load_seconds: float) -> None:
        """What the stage's engine has been asked for since this attempt began."""
        self._told = time.monotonic()
        old = self._before.get(stage, StageProgress())
        self._update(
            stage,
            calls=old.calls + stats.cost.calls,
            replayed=old.replayed * (stage in self._ended) + stats.calls_replayed,
            prompt_tokens=old.prompt_tokens + stats.cost.prompt_tokens,
            cached_tokens=old.cached_tokens + stats.cost.cached_tokens,
            completion_tokens=old.completion_tokens + stats.cost.completion_tokens,
            load_seconds=old.load_seconds + load_seconds,
            dollars=old.dollars + stats.dollars,
        )

    def end(self, stage: str, *, all_done: bool = False) -> None:
        """`all_done`: though rows that were made before were not told one by one."""
        self._update(stage, state="finished")
        if all_done:
            now = self.stages[stage]
            self.stages[stage] = replace(now, rows_done=now.rows_total)
        self._before[stage] = self.stages[stage]
        self._ended.add(stage)
        self._tell(force=True)

    @property
    def due(self) -> bool:
        """Whether it is time to say more than that a row was made."""
        return time.monotonic() - self._told > 0.5

    def _update(self, stage: str, **changes: Any) -> None:
        now, seconds = self.stages[stage], time.monotonic() - self._began[stage]
        rows_done = now.rows_done + self._made.pop(stage, 0)
        self.stages[stage] = replace(now, rows_done=rows_done, seconds=seconds, **changes)
        self._tell()

    def _tell(self, force: bool = False) -> None:
        if not force and time.monotonic() - self._written < 1.0:
            return
        self._written = time.monotonic()
        write_json(self._path, {name: asdict(stage) for name, stage in self.stages.items()})
        if self._on_change:
            self._on_change(self.stages)


def read_progress(path: Path) -> dict[str, StageProgress]:
    """Stages by name; empty before a run has begun. Raises RunError on damage."""
    raw = read_object(path) or {}
    try:
        return {name: StageProgress(**stage) for name, stage in raw.items()}
    except TypeError as error:
        raise RunError(f"{path}: damaged: {error}; delete it and run again") from error
