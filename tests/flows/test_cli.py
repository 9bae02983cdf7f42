"""The command line teaches, and tells errors in one message with the right exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli import COMMANDS
from tests.flows.test_run_flow import steplabel


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = steplabel("--help").stdout
    assert all(name in shown for name in COMMANDS)
    assert "Exit codes" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = steplabel(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_config_explains_every_key() -> None:
    shown = steplabel("config", COLUMNS="200").stdout
    for key in (
        "generate.samples",
        "engines.<name>.kind",
        "annotators.judge.votes",
        "consensus.rule",
    ):
        assert key in shown


ENGINES = "engines: {generator: &one {kind: simulated, model: one}, judge: *one}\n"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("problems: {path: nowhere.jsonl}\nenginez: {}\n", 2, "did you mean 'engines'"),
        (
            "problems: {path: nowhere.jsonl}\n" + ENGINES,
            3,
            "nowhere.jsonl",
        ),
        ("problems: {path: p}\nannotators: {jugde: {}}\n", 2, "did you mean 'judge'"),
        ("problems: {path: p}\nname: a\nname: b\n", 2, "'name' stands twice"),
        ("problems: {path: p}\n" + ENGINES, 2, "name a method, such as `recipe: agree`"),
        ("problems: [\n", 2, "not valid YAML"),
    ],
)
def test_errors_are_one_message_without_a_traceback(
    tmp_path: Path, text: str, code: int, said: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        text + f"runs_dir: {tmp_path}/runs\nconsensus: {{witnesses: [], vetoes: []}}\n"
        if code != 2
        else text
    )
    done = steplabel("run", str(path), "--no-prefect")
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_place_that_can_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (file := tmp_path / "a-file").write_text("")
    done = steplabel("testbed", "splits", "--out", str(file))
    assert done.returncode == 4
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
