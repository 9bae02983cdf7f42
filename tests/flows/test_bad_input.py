"""Every kind of bad input, typed at the command line: a message with place and cure, no traceback."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

from flows.cli import main
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from tests.pipeline.inputs.bad_inputs import BAD_INPUTS, BadInput


@pytest.mark.parametrize("case", BAD_INPUTS, ids=lambda case: case.name)
def test_a_dry_run_tells_place_and_cure(
    case: BadInput,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = case.write(tmp_path)
    overrides = [f"--set={override}" for override in case.overrides]
    extra = []
    with contextlib.suppress(ConfigError):
        RunConfig.load(config, case.overrides)
        # The configuration is sound, and asks for no annotator that could agree with another.
        extra = ["--set=consensus={witnesses: [], vetoes: []}"]
    monkeypatch.setattr(
        sys, "argv", ["steplabel", "run", str(config), "--dry-run", *overrides, *extra]
    )
    monkeypatch.setitem(os.environ, "COLUMNS", "10000")
    status = 0
    try:
        main()
    except SystemExit as stop:
        status = int(stop.code or 0)
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert "Traceback" not in said
    assert case.place in said
    assert case.cure in said
    assert status == 0 or not case.row_only
