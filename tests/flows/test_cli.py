"""The command line teaches, and tells errors in one message with the right exit code."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import COMMANDS, app
from flows.tables import next_commands
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from tests.flows.test_run_flow import steplabel
from tests.test_resume import small_batch


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = steplabel("--help").stdout
    assert all(name in shown for name in COMMANDS)
    assert "Exit codes" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = steplabel(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_what_stands_in_brackets(command: str) -> None:
    commands: Any = get_command(app)
    top = commands.get_command(None, command)
    for words, one in [((), top), *(((n,), c) for n, c in getattr(top, "commands", {}).items())]:
        shown = CliRunner().invoke(app, [command, *words, "--help"]).output
        for text in (one.help, *(getattr(param, "help", None) for param in one.params)):
            for bracketed in re.findall(r"\[[^\]]*\]", text or ""):
                assert "".join(bracketed.split()) in "".join(shown.split())


def test_the_next_commands_can_be_typed_whatever_the_folder_is_called(tmp_path: Path) -> None:
    config = RunConfig.check(
        {"problems": {"path": "p"}, "runs_dir": str(tmp_path / 'it\'s $HOME, "new" ü')}, "test"
    )
    (config.folder / "dataset" / "stepwise").mkdir(parents=True)
    (config.folder / "dataset" / "stepwise" / "train-0.parquet").touch()
    inspect, status, load = map(shlex.split, next_commands(config, kept=True))
    assert inspect[1:] == ["inspect", str(config.folder), "--kept"]
    assert status[1:] == ["status", str(config.folder)]
    said = [one.value for one in ast.walk(ast.parse(load[2])) if isinstance(one, ast.Constant)]
    assert said == [f"{config.folder}/dataset", "stepwise"]


def test_config_explains_every_key() -> None:
    shown = steplabel("config", COLUMNS="200").stdout
    for key in (
        "generate.samples",
        "engines.<name>.kind",
        "annotators.judge.votes",
        "consensus.rule",
    ):
        assert key in shown


def test_config_shows_defaults_as_yaml_takes_them() -> None:
    shown = steplabel("config", COLUMNS="200").stdout.splitlines()
    lines = [line.partition("  # ")[0].partition(": ") for line in shown]
    assert len(shown) == len({key for key, _, _ in lines})
    defaults = {key: yaml.safe_load(text) for key, _, text in lines}
    assert defaults["consensus.witnesses"] == ["rollouts", "judge"]
    assert defaults["problems.limit"] is defaults["cascade"] is None
    assert defaults["annotators.arithmetic"] == defaults["engines.<name>.args"] == {}


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


def test_a_terminal_that_is_not_utf_8_ends_no_run(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(small_batch(tmp_path, problems=1).to_yaml())
    done = steplabel("run", str(path), "--no-prefect", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "labels kept" in done.stdout


@pytest.mark.parametrize("key", [".samples", "generate..samples", "generate.", " "])
def test_a_key_with_an_empty_part_is_refused(key: str, tmp_path: Path) -> None:
    (path := tmp_path / "run.yaml").write_text("problems: {path: p}\n")
    with pytest.raises(ConfigError, match=r"write it as key\.subkey=value"):
        RunConfig.load(path, [f"{key}=3"])


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_what_is_no_finite_number_is_refused(number: str, tmp_path: Path) -> None:
    (path := tmp_path / "run.yaml").write_text("problems: {path: p}\n")
    with pytest.raises(ConfigError, match=r"temperature.* finite number"):
        RunConfig.load(path, [f"generate.sampling.temperature={number}"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=4294967296", "seed: .*less than 4294967296"),
        (
            "dataset.views=stepwise",
            r"dataset\.views: Input should be a valid list \(got 'stepwise'\)",
        ),
    ],
)
def test_a_value_that_can_not_be_is_told_by_its_key(
    override: str, said: str, tmp_path: Path
) -> None:
    (path := tmp_path / "run.yaml").write_text("problems: {path: p}\n")
    with pytest.raises(ConfigError, match=said):
        RunConfig.load(path, [override])


def test_a_place_that_can_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (file := tmp_path / "a-file").write_text("")
    done = steplabel("testbed", "splits", "--out", str(file))
    assert done.returncode == 4
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
