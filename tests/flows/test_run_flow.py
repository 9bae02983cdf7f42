"""`steplabel run` as a stranger types it, on a real Prefect server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from flows.server import prefect_server
from pipeline.errors import PrerequisiteError
from pipeline.records import Label
from pipeline.run_folder import RunFolder
from tests.test_resume import learning, small_batch


def steplabel(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *words],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A server of the test's own, whatever else answers on this machine."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setattr("flows.server.DEFAULT_PORT", 0)
    with prefect_server(tmp_path / "server.log") as url:
        yield url


def read(url: str, kind: str) -> list[dict]:
    return httpx.post(f"{url}/{kind}/filter", json={"limit": 200}, timeout=30).json()


def test_a_run_is_a_flow_run_with_tasks_and_artifacts(tmp_path: Path, server: str) -> None:
    config = learning(small_batch(tmp_path, problems=6))
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    done = steplabel("run", str(path), PREFECT_API_URL=server)
    assert done.returncode == 0, done.stderr
    assert "dataset:" in done.stdout
    assert "steplabel inspect" in done.stdout
    (flow_run,) = read(server, "flow_runs")
    assert flow_run["name"] == "label run: problems.jsonl, 4 solutions each by policy"
    assert flow_run["state_type"] == "COMPLETED"
    names = [task["name"] for task in read(server, "task_runs")]
    assert any(name.startswith("rollouts · shard 1 ·") for name in names)
    artifacts = {a["key"]: a for a in read(server, "artifacts")}
    assert {"run-results", "run-summary", "run-dataset", "run-trend"} <= artifacts.keys()
    assert float(artifacts["run-progress"]["data"]) == 100.0
    assert "calibrate rollouts" in artifacts["run-stages"]["data"]
    figures = json.loads(artifacts["run-results"]["data"])
    assert any(row["figure"] == "labels kept" for row in figures)


def test_without_prefect_the_labels_are_the_same(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=6)
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    assert steplabel("run", str(path), "--no-prefect").returncode == 0
    assert len(list(RunFolder(config.folder).labels.read(Label))) == 24


def test_a_dry_run_shows_the_plan_and_makes_nothing(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=6)
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    nobody = "engines.judge={kind: openai, model: m, url: 'http://127.0.0.1:9/v1', chat_api: true}"
    beside = "annotators.second={kind: arithmetic}"
    done = steplabel("run", str(path), "--dry-run", "--set", nobody, "--set", beside)
    assert done.returncode == 0, done.stderr
    assert "tokens to sample" in done.stdout
    assert "in `evidence` alone: second\n" in done.stdout
    assert "engines.judge: http://127.0.0.1:9/v1/models" in done.stdout
    assert not config.folder.exists()


def test_ctrl_c_ends_a_run_soon_and_in_one_line(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=400)
    (path := tmp_path / "run.yaml").write_text(config.to_yaml())
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PREFECT_HOME": str(tmp_path / "prefect")},
        start_new_session=True,  # its processes are a group, as those of a terminal are
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # `nohup … &` ignores it
    )
    run, deadline = RunFolder(config.folder), time.monotonic() + 200
    while not run.solutions.parts() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 130, said
    assert said.rstrip().endswith("stopped; the same command goes on where it was")
    assert "Crash" not in said


def test_a_server_that_does_not_answer_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(PrerequisiteError, match="--no-prefect"), prefect_server(tmp_path / "log"):
        pass
