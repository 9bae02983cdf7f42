"""Two runs on one folder, and SIGTERM: without Prefect, as plain commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.lock import holder
from tests.faults.conftest import Saw
from tests.killing import rows_of, run_once
from tests.nightly import ROOT, slow_batch, solutions_made, undisturbed, until


@contextmanager
def started(config: RunConfig, *words: str) -> Iterator[subprocess.Popen[str]]:
    path = config.folder.parent.parent / f"{config.name}.yaml"
    path.write_text(config.to_yaml())
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", str(path), "--no-prefect", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "300"},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finish(process: subprocess.Popen[str], within_s: float = 120) -> tuple[int, str]:
    said = process.communicate(timeout=within_s)[0]
    return process.returncode, said


@pytest.mark.slow
def test_sigterm_drains_and_the_same_command_goes_on(tmp_path: Path, saw: Saw) -> None:
    config = slow_batch(tmp_path, "terminated")
    with started(config) as first:
        until("the run is in its middle", lambda: solutions_made(config))
        first.send_signal(signal.SIGTERM)
        code, said = finish(first)
    assert code == 130, said
    assert "goes on where it was" in said
    with started(config) as second:
        assert finish(second)[0] == 0
    shown = "exit code 130: `stopped by SIGTERM; the same command goes on where it was`"
    saw("SIGTERM to `steplabel run`", shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
def test_sigterm_cuts_off_calls_that_would_take_too_long(tmp_path: Path, saw: Saw) -> None:
    config = slow_batch(tmp_path, "cut-off", pause_s=300.0, problems=8)
    with started(config) as first:
        until("calls are under way", lambda: (config.folder / "progress.json").exists())
        first.send_signal(signal.SIGTERM)
        code, said = finish(first, within_s=30)
    assert code == 130, said
    config = slow_batch(tmp_path, "cut-off", pause_s=0.0, problems=8)
    with started(config) as second:
        assert finish(second)[0] == 0
    shown = "within 30 s exit code 130: `stopped by SIGTERM; the same command goes on where it was`"
    fault = "SIGTERM to `steplabel run` whose calls take minutes"
    saw(fault, shown, rows_of(config), undisturbed(config))


@pytest.mark.faults
@pytest.mark.parametrize("place", ["a folder", "a URL"])
def test_a_second_run_is_refused_and_told_who_is_at_work(
    tmp_path: Path, saw: Saw, place: str
) -> None:
    config = slow_batch(tmp_path, "in-use", pause_s=0.5)
    other = config
    if place == "a URL":
        at_url = {"remote": f"file://{tmp_path}/store"}
        config = config.model_copy(update=at_url)
        other = config.model_copy(update={"runs_dir": str(tmp_path / "another" / "runs")})
        other.folder.parent.mkdir(parents=True)
    first = os.fork()
    if first == 0:
        run_once(config)
        os._exit(0)
    until("the first one is at work", lambda: solutions_made(config))
    with started(other) as second:
        code, said = finish(second)
    assert code == 5, said
    assert f"in use by process {first} on " in said
    assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == 0
    line = next(line for line in said.splitlines() if "in use by" in line)
    for volatile, name in ((str(config.folder), "FOLDER"), (f"file://{tmp_path}/store", "URL")):
        line = line.replace(volatile, name)
    line = re.sub(r"process \d+ on [^\s;]+( since [^;\s]+)?", "process PID on HOST", line)
    shown = f"exit code {code}: `{line.removeprefix('error: ').strip()}`; the first one goes on"
    alone = undisturbed(config.model_copy(update={"remote": None}))
    saw(f"a second run on {place} in use", shown, rows_of(config), alone)


@pytest.mark.slow
def test_a_waiting_run_says_who_has_the_folder_and_takes_over_from_the_dead(
    tmp_path: Path, saw: Saw
) -> None:
    config = slow_batch(tmp_path, "taken-over", pause_s=0.5)
    first = os.fork()
    if first == 0:
        run_once(config)
        os._exit(0)
    until("the first one has the folder", lambda: holder(config.folder))
    with started(config, "--wait") as second:
        said = until("the second one waits", lambda: _waiting(second))
        assert re.search(rf"in use by process {first} on \S+ since \d{{4}}-\d\d-\d\dT", said)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        code, said = finish(second)
    assert code == 0, said
    shown = "the second says who has the folder and since when, waits, and goes on at once"
    saw(
        "SIGKILL of a run that another one waits for (`--wait`)",
        shown,
        rows_of(config),
        undisturbed(config),
    )


def _waiting(process: subprocess.Popen[str]) -> str | None:
    assert process.stdout is not None
    said = process.stdout.readline()
    return said if "waiting: " in said else None
