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
        extra = [
            "--set=consensus={witnesses: [], vetoes: []}",
            "--set=engines={generator: {kind: simulated, model: policy}}",
        ]
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


RUN = """
runs_dir: {folder}/runs
problems: {{path: {folder}/problems.jsonl}}
engines: {{generator: &policy {{kind: simulated, model: policy}}, policy: *policy, judge: *policy}}
annotators: {{rollouts: {{}}, judge: {{}}, arithmetic: {{}}}}
"""


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["engines={}"], "engines.generator: missing"),
        (["engines.generator.modle=x"], "did you mean 'model'?"),
        (["generate.prompt=nope"], "shipped prompts are"),
        (["generate.prompt={folder}/latin.yaml"], "can't be read as UTF-8"),
        (["generate.prompt={folder}/list.yaml"], "system: should be a text"),
        (["steps.split=:foo"], "can't be imported"),
        (["consensus.rule=agre"], "did you mean 'agree'?"),
        (["consensus.witnesses=[judge, judge]"], "name each witness once"),
        (["dataset.views=[stepwize]"], "did you mean 'stepwise'?"),
        (["oracle=tinymoth"], "did you mean 'tinymath'?"),
        (['annotators={"../x": {kind: arithmetic}}'], "not a name"),
        (["annotators={generate: {kind: arithmetic}}"], "not a name"),
        (["annotators={mine: {kind: 'pathlib:Path'}}"], "has no `OPTIONS`"),
        (["annotators.rollouts.strategy=pathlib:Path"], "has no `OPTIONS`"),
        (
            ["engines.generator={kind: vllm, model: ./no-model}"],
            "engines.generator.model: no folder",
        ),
        (["engines.judge={kind: vllm, model: tests/jduge}"], "engines.judge.model: no folder"),
        (["engines.judge={kind: openai, model: m}"], "engines.judge.url: missing"),
    ],
)
def test_a_dry_run_finds_every_part(
    overrides: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "problems.jsonl").write_text('{"id": "a", "question": "2 + 3?", "answer": "5"}')
    (tmp_path / "latin.yaml").write_bytes("user: caf\xe9".encode("latin-1"))
    (tmp_path / "list.yaml").write_text("user: '{{question}}'\nsystem: [a]\n")
    config = tmp_path / "run.yaml"
    config.write_text(RUN.format(folder=tmp_path))
    words = [f"--set={override}".replace("{folder}", str(tmp_path)) for override in overrides]
    monkeypatch.setattr(sys, "argv", ["steplabel", "run", str(config), "--dry-run", *words])
    monkeypatch.setitem(os.environ, "COLUMNS", "10000")
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


def test_an_override_changes_one_side_of_an_alias(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(RUN.format(folder=tmp_path))
    settings = RunConfig.load(config, ["engines.policy.model=other"])
    assert settings.engines["policy"].model == "other"
    assert settings.engines["generator"].model == "policy"
    config.write_text("name: &a [*a]\n")
    with pytest.raises(ConfigError):
        RunConfig.load(config)
