"""A run whose annotator runs code: it says how the code is isolated, or does not begin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from annotators.registry import make_annotators
from flows.cli import app
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.errors import PrerequisiteError
from pipeline.records import Verdict
from pipeline.run_folder import RunFolder

STEPS = ["```python\nx = 6\n```\n", "```python\ny = x / 0\n```\n", "So the answer is \\boxed{7}.\n"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "problems.jsonl").write_text(
        json.dumps({"id": "p", "question": "6 / 1?", "answer": "6"})
    )
    (tmp_path / "solutions.jsonl").write_text(json.dumps({"problem_id": "p", "steps": STEPS}))
    path = tmp_path / "run.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "code",
                "runs_dir": str(tmp_path / "runs"),
                "problems": {"path": str(tmp_path / "problems.jsonl")},
                "solutions": {
                    "path": str(tmp_path / "solutions.jsonl"),
                    "columns": {"problem_id": "problem_id", "steps": "steps"},
                },
                "annotators": {"code": {}},
                "consensus": {"witnesses": ["code"], "vetoes": []},
                "sandbox": {"workers": 1},
            }
        )
    )
    return path


def run_of(config: Path) -> RunFolder:
    return RunFolder(RunConfig.load(config).folder)


async def test_code_in_the_steps_is_run_and_the_run_records_its_isolation(config: Path) -> None:
    settings = RunConfig.load(config)
    try:
        await run_batch(settings, make_annotators(settings))
    except PrerequisiteError as error:
        pytest.skip(str(error))
    (verdict,) = run_of(config).verdicts("code").read(Verdict)
    assert verdict.first_error == 1
    assert run_of(config).info["sandbox"] == "bubblewrap"


def test_unsafe_local_goes_on_without_a_sandbox_and_is_recorded(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["run", str(config), "--no-prefect"]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, PrerequisiteError)
    assert "--unsafe-local" in str(refused.exception)
    assert CliRunner().invoke(app, [*words, "--unsafe-local"]).exit_code == 0
    assert run_of(config).info["sandbox"] == "none (--unsafe-local)"
    (verdict,) = run_of(config).verdicts("code").read(Verdict)
    assert verdict.first_error == 1
