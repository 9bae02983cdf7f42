"""`steplabel status`: it reads the files of a run that goes on, was killed, or has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.commands.status import facts_of, status
from pipeline.errors import RunError
from pipeline.files import write_json
from pipeline.lock import locked
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch

STAGE = {
    "rows_done": 50,
    "rows_total": 100,
    "calls": 10,
    "prompt_tokens": 1000,
    "cached_tokens": 900,
    "completion_tokens": 5000,
    "seconds": 10.0,
    "state": "running",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("COLUMNS", "200")
    run = write_run(tmp_path, "trial", batch(5))
    write_json(run.folder / "progress.json", {"generate": STAGE})
    return run


def test_it_shows_pace_time_left_and_what_was_kept(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    run.end("running")
    with locked(run.folder):
        facts = facts_of(run)
        status("trial", run.folder.parent, False)
    assert facts["state"] == "running"
    assert facts["held_by"].startswith(f"process {os.getpid()}")
    assert facts["stages"]["generate"]["eta_seconds"] == pytest.approx(10.0)
    text = capsys.readouterr().out
    for part in ("50 of 100", "90%", "500", "16 of 20 (80.0%)", "disagree: rollouts and judge"):
        assert part in text


def test_labels_are_told_as_those_of_the_attempt_before_until_there_are_others(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    run.end("running")
    status("trial", run.folder.parent, False)
    assert "labels kept by the attempt before: 16 of 20" in capsys.readouterr().out
    write_json(run.folder / "progress.json", {"generate": STAGE, "consensus": STAGE})
    status("trial", run.folder.parent, False)
    assert "labels kept: 16 of 20" in capsys.readouterr().out


def test_a_killed_run_is_stopped_and_not_running(run: RunFolder) -> None:
    run.end("running")
    facts = facts_of(run)
    assert (facts["state"], facts["held_by"]) == ("stopped", None)
    assert facts["stages"]["generate"]["eta_seconds"] is None


@pytest.mark.parametrize("command", ["merge", "relabel", "run"])
def test_a_stopped_run_is_continued_by_the_command_that_began_it(
    command: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: dict[str, dict[str, object]] = {
        "merge": {"merged": ["a"]},
        "relabel": {"relabelled": {}},
    }
    write_json(run.folder / "run.json", run.info | {"state": "running"} | begun.get(command, {}))
    status("trial", run.folder.parent, False)
    assert f"the same `steplabel {command}` command" in capsys.readouterr().out


def test_watching_does_not_take_the_run_from_its_worker(run: RunFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(run.folder)]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        assert facts_of(run)["held_by"].startswith(f"process {worker.pid}")
        worker.communicate()
    assert facts_of(run)["held_by"] is None


def test_without_a_run_it_lists_all(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(run.folder.parent, "second", batch(2))
    status(None, run.folder.parent, True)
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["second", "trial"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.json", '{"name": "tri'),
        ("run.json", "{}"),
        ("run.json", "[]"),
        ("progress.json", '{"generate": {"rows'),
        ("progress.json", '{"generate": {"rows": 3}}'),
        ("labels/current.json", "{}"),
        ("labels/current.json", ""),
        ("cascade/chain.json", "{}"),
    ],
)
def test_a_damaged_run_is_told_as_such_among_the_others(
    run: RunFolder, capsys: pytest.CaptureFixture[str], file: str, content: str
) -> None:
    write_run(run.folder.parent, "second", batch(2))
    (run.folder / file).parent.mkdir(exist_ok=True)
    (run.folder / file).write_text(content)
    status(None, run.folder.parent, True)
    second, trial = json.loads(capsys.readouterr().out)
    assert (second["name"], second["state"]) == ("second", "finished")
    assert (trial["name"], trial["state"]) == ("trial", "damaged")
    assert f"{file}: damaged" in trial["damage"]
    status(None, run.folder.parent, False)
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(RunError, match="damaged"):
        status("trial", run.folder.parent, False)


def test_a_part_of_labels_that_was_cut_is_told_too(run: RunFolder) -> None:
    (part,) = run.labels.folder.glob("part-*.parquet")
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(RunError, match=f"{part.name}: damaged"):
        facts_of(run)


def test_no_runs_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status(None, tmp_path / "nothing", False)
    assert "no runs" in capsys.readouterr().out
