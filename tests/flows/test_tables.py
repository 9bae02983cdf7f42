"""The tables of a run in a terminal: what users and models wrote is text there."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from flows.tables import print_summary
from pipeline.config import RunConfig
from pipeline.summary import Summary


def test_brackets_of_a_runs_description_and_place_are_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    about = "prompts that end in [/INST], [bold] ones too"
    config = RunConfig.check(
        {"name": "run", "about": about, "problems": {"path": "problems.jsonl"}}, "test"
    )
    dataset = str(Path("/data/[b]/run/dataset"))
    print_summary(
        Console(), config, Summary(0, 0, {}, None, 0, 0, 0, {}, {}, (), {}, 0, 0, 0, dataset, "")
    )
    said = capsys.readouterr().out
    assert about in said
    assert dataset in said
