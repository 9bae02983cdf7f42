"""The run's progress: in a terminal a bar a stage with tokens/s and ETA, elsewhere plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from flows.shown import print_line
from pipeline.plan import Plan
from pipeline.progress import StageProgress
from pipeline.run_folder import RunFolder


class LiveProgress:
    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def note(self, text: str) -> None:
        print_line(self._console, text)

    def on_plan(self, plan: Plan, run: RunFolder) -> None:
        self.note(
            f"{run.folder}: {plan.solutions:,} solutions, about {plan.total:,} tokens to sample"
            + there_already(run)
        )

    def on_progress(self, stages: Mapping[str, StageProgress]) -> None:
        for name, stage in stages.items():
            if self._console.is_terminal:
                self._bar(name, stage)
            else:
                self._line(name, stage)

    def _bar(self, name: str, stage: StageProgress) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=stage.rows_total, pace="")
        self._bars.update(
            self._tasks[name],
            total=stage.rows_total,
            completed=stage.rows_done,
            pace=pace(stage),
        )
        if stage.state == "finished":
            self._bars.stop_task(self._tasks[name])

    def _line(self, name: str, stage: StageProgress) -> None:
        """One line when a stage begins, at each tenth of it, and when it ends."""
        tenth = 10 * stage.rows_done // stage.rows_total if stage.rows_total else 10
        step = 11 if stage.state == "finished" else tenth
        if self._said.get(name) == step:
            return
        self._said[name] = step
        self.note(f"{name:<12} {stage.rows_done:>6}/{stage.rows_total:<6} {pace(stage)}")


def there_already(run: RunFolder) -> str:
    """What of the plan was sampled by an earlier start; nothing where there was none."""
    solutions = sum(part.rows for part in run.solutions.parts())
    if not solutions:
        return ""
    return f" in all; {solutions:,} solutions are there, and no recorded call is made again"


def pace(stage: StageProgress) -> str:
    """Tokens a second, ETA and faults, as far as there are any."""
    parts = []
    if stage.completion_tokens:
        parts.append(f"{stage.tokens_per_second:,.0f} tokens/s")
    eta = stage.eta_seconds()
    if eta is not None:
        parts.append(f"{clock(eta)} left")
    if stage.faults:
        parts.append(f"{stage.faults} faults")
    if stage.state == "finished":
        parts.append(f"done in {clock(stage.seconds)}")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
