"""`steplabel diff`: what it prints, writes and exits with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import HOSTILE, batch


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two runs that differ in one label."""
    items = batch(3)
    write_run(tmp_path, "one", items)
    assert items[0].label is not None
    items[0] = replace(items[0], label=replace(items[0].label, first_error=None, reason=HOSTILE))
    write_run(tmp_path, "two", items)
    return tmp_path


def test_it_counts_and_lists_what_changed(two: Path) -> None:
    done = CliRunner().invoke(app, ["diff", "one", "two", "--runs-dir", str(two)])
    assert done.exit_code == 0, done.output
    assert "newly undecided" in done.output
    assert "s0-0" in done.output
    assert "\x1b[31m" not in done.output


def test_every_change_is_written_as_json(two: Path) -> None:
    path = two / "changes.json"
    arguments = ["diff", "one", "two", "--runs-dir", str(two), "--limit", "0", "--json", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    data = json.loads(path.read_text())
    assert (data["same"], data["changed"], data["changes"][0]["id"]) == (11, 1, "s0-0")


def test_exit_codes_tell_runs_that_differ_from_those_that_do_not(two: Path) -> None:
    def code(*words: str) -> int:
        return (
            CliRunner()
            .invoke(app, ["diff", *words, "--runs-dir", str(two), "--exit-code"])
            .exit_code
        )

    assert (code("one", "one"), code("one", "two")) == (0, 10)


def test_a_run_that_was_never_relabelled_has_nothing_to_be_compared_with(two: Path) -> None:
    done = CliRunner().invoke(app, ["diff", "one", "--runs-dir", str(two)])
    assert "was never relabelled" in str(done.exception)
