"""`steplabel publish`: a finished run's dataset, and what it says of one that is none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from flows.cli import main
from pipeline.config import DatasetConfig
from pipeline.dataset import CardFacts, write_dataset
from pipeline.files import sha256_of, write_json
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch, in_memory


def command(*words: object) -> int:
    sys.argv = ["steplabel", "publish", *map(str, words)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "argv", [])
    items = batch(6)
    folder = write_run(tmp_path, "here", items).folder
    write_dataset(in_memory(items), folder / "dataset", DatasetConfig(), CardFacts("here"))
    return folder


def test_a_dry_run_says_what_would_be_sent_and_then_it_is(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = f"file://{tmp_path}/out"
    assert command(run, to, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "send    README.md" in said
    assert "dry run: nothing was changed" in said
    assert not (tmp_path / "out").exists()
    assert command(run, to) == 0
    assert (tmp_path / "out" / "README.md").is_file()
    assert "complete" in capsys.readouterr().out


def test_a_view_without_rows_is_removed_there(run: Path, tmp_path: Path) -> None:
    assert command(run, f"file://{tmp_path}/out") == 0
    shutil.rmtree(run / "dataset" / "stepwise")
    assert command(run, f"file://{tmp_path}/out") == 0
    assert not list((tmp_path / "out").glob("stepwise/*"))


def test_a_password_of_the_url_is_not_printed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(run, "memory://me:secret@bucket/told") == 0
    said = capsys.readouterr()
    assert "memory://***@bucket/told: complete" in said.out
    assert "secret" not in said.out + said.err


def test_without_a_token_the_hub_is_not_asked(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert command(run, "me/labels") == 4
    assert "hf auth login" in capsys.readouterr().err


def test_a_run_without_a_dataset_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "dataset" / "README.md").unlink()
    assert command(run, f"file://{tmp_path}/out") == 5
    assert "holds no dataset" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["gone", "changed"])
def test_a_dataset_that_is_not_as_it_was_written_is_refused(
    fault: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = next((run / "dataset" / "stepwise").glob("*.parquet"))
    name = str(part.relative_to(run / "dataset"))
    write_json(run / "dataset.json", {"files": {name: sha256_of(part), "README.md": "edited"}})
    if fault == "gone":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:100])
    assert command(run, f"file://{tmp_path}/out") == 5
    assert part.name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_options_of_the_hub_are_refused_elsewhere(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(run, f"file://{tmp_path}/out", "--tag", "v1") == 2
    assert "--tag" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
