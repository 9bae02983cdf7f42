"""A run in a forked child is killed by SIGKILL at a random instant, and started again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord, scan_file
from pipeline.errors import RunError
from pipeline.progress import read_progress
from pipeline.records import Label, Solution, Verdict
from pipeline.run_folder import RunFolder


@dataclass(frozen=True)
class KilledRun:
    """`kills` really interrupted the run; `finished_calls` have a durable record; `repeated_calls`
    were made although their record was durable when the run was started again. Of `rows`, and of
    those of the undisturbed run, `unlike` are missing on one side or differ."""

    kills: int
    finished_calls: int
    repeated_calls: int
    rows: int
    unlike: int


def run_once(config: RunConfig) -> None:
    """A whole run; the key of each call that is made, not replayed, goes to `made.log`."""
    log = os.open(_made_log(config), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    submit = CallJournal.submit

    def logged(
        journal: CallJournal, record: CallRecord, told: Callable[[RunError | None], None]
    ) -> None:
        os.write(log, f"{record.key}\n".encode())
        submit(journal, record, told)

    CallJournal.submit = logged  # type: ignore[method-assign]
    try:
        asyncio.run(run_batch(config, make_annotators(config)))
    finally:
        CallJournal.submit = submit  # type: ignore[method-assign]
        os.close(log)


def _made_log(config: RunConfig) -> Path:
    config.folder.mkdir(parents=True, exist_ok=True)
    return config.folder / "made.log"


def made_calls(config: RunConfig) -> list[str]:
    log = _made_log(config)
    return log.read_text().split() if log.exists() else []


def finished_calls(config: RunConfig) -> set[str]:
    """Keys of the calls whose record is durable."""
    calls = config.folder / "calls"
    keys: set[str] = set()
    for folder in sorted(calls.iterdir()) if calls.is_dir() else []:
        journal = CallJournal(folder, read_only=True)
        keys.update(record.key for record in journal.records())
        journal.close()
    return keys


def recorded_calls(config: RunConfig) -> Counter[str]:
    """How often each call is on disk, in whatever file."""
    times: Counter[str] = Counter()
    for path in (config.folder / "calls").glob("*/journal-*.jsonl"):
        times.update(key for key, _ in scan_file(path, truncate=False).entries)
    for path in (config.folder / "calls").glob("*/part-*.parquet"):
        times.update(pq.read_table(path, columns=["key"]).column("key").to_pylist())
    return times


def stage_since(config: RunConfig, began: float) -> str:
    """The stage that was at work when the process that began then (Unix seconds) was killed."""
    progress = config.folder / "progress.json"
    if not progress.exists() or progress.stat().st_mtime < began:
        return "before the first stage"
    stages = read_progress(progress)
    running = [name for name, stage in stages.items() if stage.state == "running"]
    return running[-1] if running else "between stages"


class Kill(NamedTuple):
    """When to strike: once so many calls have been made in this folder, and a pause later."""

    calls: int
    pause: float


def random_kill(rng: random.Random, made: int, total: int) -> Kill:
    """An instant spread evenly over the calls that are left; one in five after the last of them,
    while labels and dataset are written."""
    if made >= total or rng.random() < 0.2:
        return Kill(total, rng.uniform(0.0, 0.5))
    return Kill(rng.randint(made, total), rng.uniform(0.0, 0.05))


def run_in_child(
    config: RunConfig, kill: Kill | None, act: Callable[[RunConfig], object] = run_once
) -> bool:
    """Run in a forked child; True if it came to its end before it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            act(config)
            status = 0
        except BaseException:  # noqa: BLE001 - the child has no one else to tell
            traceback.print_exc()
        finally:
            os._exit(status)
    deadline: float | None = None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status != 0:
                raise AssertionError(f"the run failed with status {status}")
            return True
        if kill and deadline is None and len(made_calls(config)) >= kill.calls:
            deadline = time.monotonic() + kill.pause
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.005)


def rows_of(config: RunConfig) -> dict[str, dict[str, object]]:
    """Every row of a run by kind and id, without the seconds, which no two runs share."""
    run = RunFolder(config.folder)
    rows: dict[str, dict[str, object]] = {}
    for solution in run.solutions.read(Solution):
        rows[f"solution {solution.id}"] = solution.to_row()
    for name in run.annotators():
        for verdict in run.verdicts(name).read(Verdict):
            key = f"{name} {verdict.solution_id}"
            assert key not in rows, f"twice: {key}"
            rows[key] = verdict.to_row()
    for label in run.labels.read(Label):
        rows[f"label {label.solution_id}"] = label.to_row()
    return {key: _timeless(row) for key, row in rows.items()}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name != "seconds"}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _replaying(engine: EngineConfig, calls: Path) -> EngineConfig:
    """Prompts must be rendered as they were: by the model's own tokenizer, where it has one."""
    tokenizer = engine.model if Path(engine.model).is_dir() else None
    return engine.model_copy(update={"kind": "replay", "model": str(calls), "tokenizer": tokenizer})


def killed_runs(
    batch: Callable[[str], RunConfig], seed: int, runs: int, kills: int = 2
) -> list[KilledRun]:
    """`runs` runs of the batch that has the name it is given, each killed `kills` times. What a few
    kills can reach they do: the first ones are spread over the calls of a run that is left alone,
    and the very last one comes after all calls."""
    measured = batch("measure")
    run_in_child(measured, None)
    total = len(made_calls(measured))
    rng = random.Random(seed)
    done = []
    for number in range(runs):
        at = int((number + rng.random()) / runs * total)
        planned = {0: Kill(at, rng.uniform(0.0, 0.05))}
        if number == runs - 1:
            planned[kills - 1] = Kill(total, rng.uniform(0.0, 0.5))
        done.append(killed_run(batch(f"killed-{number}"), rng, total, kills, planned))
    return done


def killed_run(
    config: RunConfig,
    rng: random.Random,
    total: int,
    kills: int = 2,
    planned: Mapping[int, Kill] | None = None,
) -> KilledRun:
    """Kill a run of about `total` calls `kills` times (the n-th time as `planned[n]` says, else at a
    random instant), then let it finish; then replay its recorded calls into an undisturbed run and
    compare every row."""
    happened = repeated = 0
    finished: set[str] = set()
    for attempt in range(kills + 1):
        made_before = len(made_calls(config))
        kill: Kill | None = None
        if attempt < kills:
            kill = (planned or {}).get(attempt) or random_kill(rng, made_before, total)
        ended = run_in_child(config, kill)
        repeated += len(finished & set(made_calls(config)[made_before:]))
        finished = finished_calls(config)
        if ended:
            break
        happened += 1
    calls = RunFolder(config.folder).calls
    stages = {"generator": "generate", "policy": "rollouts", "judge": "judge"}
    if "judge2" in config.engines:
        stages["judge2"] = "second"
    undisturbed = config.model_copy(
        update={
            "name": f"{config.name}-undisturbed",
            "engines": {
                role: _replaying(config.engine_for(role), calls(stage))
                for role, stage in stages.items()
            },
        }
    )
    run_in_child(undisturbed, None)
    killed, left_alone = rows_of(config), rows_of(undisturbed)
    unlike = sum(killed.get(key) != left_alone.get(key) for key in killed.keys() | left_alone)
    return KilledRun(happened, len(finished), repeated, len(killed), unlike)
