"""`steplabel testbed`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.commands.testbed import DATA, app
from pipeline.errors import ConfigError


def test_splits_writes_the_shipped_bytes(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["splits", "--out", str(tmp_path)]).exit_code == 0
    root = Path(__file__).parents[3]
    for split in ("dev", "test", "hard"):
        name = f"{split}.jsonl"
        assert (tmp_path / name).read_bytes() == (root / DATA / name).read_bytes()


def test_training_asks_which_model() -> None:
    pytest.importorskip("torch")
    result = CliRunner().invoke(app, ["train"])
    assert isinstance(result.exception, ConfigError)
