"""The report of a large run, made by a second process: the same page, whatever becomes of that process."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.report import beside, write_report
from pipeline.run_folder import RunFolder
from tests.killing import run_in_child
from tests.test_resume import small_batch

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    config = small_batch(tmp_path_factory.mktemp("beside"), "run", 6)
    run_in_child(config, None)
    return config.model_copy(update={"processes": 2})


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "WORTH_IT", 0)


def begun(config: RunConfig) -> tuple[RunFolder, list[str], Any]:
    """The run without its page; what the page would be, and the summary."""
    run = RunFolder(config.folder)
    summary = json.loads((run.folder / "summary.json").read_text())
    names = run.annotators()
    write_report(config, run, run.report, names)
    alone = run.report.read_bytes()
    run.report.unlink()
    return run, names, (alone, summary)


def left_behind(run: RunFolder) -> list[Path]:
    return [path for path in run.folder.iterdir() if "beside" in path.name]


def test_another_process_writes_the_page_that_this_one_would(finished: RunConfig) -> None:
    run, names, (alone, summary) = begun(finished)
    with beside.report_beside(finished, run, names, summary) as written:
        assert not run.report.exists()
        written()
    assert run.report.read_bytes() == alone
    assert not left_behind(run)


def test_a_process_that_dies_leaves_the_page_to_this_one(
    finished: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, names, (alone, summary) = begun(finished)
    started: list[subprocess.Popen[bytes]] = []
    begin = beside._begun
    monkeypatch.setattr(beside, "_begun", lambda task: started.append(begin(task)) or started[0])
    with beside.report_beside(finished, run, names, summary) as written:
        started[0].send_signal(signal.SIGKILL)
        written()
    assert run.report.read_bytes() == alone
    assert not left_behind(run)


def test_one_process_is_asked_for_and_no_other_begins(
    finished: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, names, (alone, summary) = begun(finished)
    monkeypatch.setattr(beside, "_begun", None)
    one = finished.model_copy(update={"processes": 1})
    with beside.report_beside(one, run, names, summary) as written:
        written()
    assert run.report.read_bytes() == alone


def test_it_ends_with_the_process_that_began_it(finished: RunConfig) -> None:
    """Killed, that one can tell it nothing: the pipe between them closes."""
    run, names, (_, summary) = begun(finished)
    script = (
        "import os, pickle, sys\n"
        "from pipeline.report import beside\n"
        "child = beside._begun(pickle.load(sys.stdin.buffer))\n"
        "os.kill(child.pid, 19)\n"  # stopped, so that it can't be done before
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    task = (finished, run.folder, run.folder / "never.html", names, summary)
    told, _ = parent.communicate(pickle.dumps(task))
    child = int(told)
    os.kill(child, signal.SIGCONT)
    until = time.monotonic() + 60
    while Path(f"/proc/{child}/cmdline").exists() and _runs(child):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not (run.folder / "never.html").exists()


def _runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
