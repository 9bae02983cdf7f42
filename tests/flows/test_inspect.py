"""`steplabel inspect`: finding solutions, showing all evidence, and standing hostile text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.commands.inspect import inspect, wanted
from flows.shown import plain
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, RunError
from pipeline.files import write_text
from pipeline.records import Label, Outcome
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import HOSTILE, batch, item


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    hostile = (f"[bold]{HOSTILE}[/nonsense]\n", "fine\n", "x")
    return write_run(tmp_path, "trial", [*batch(5), item(9, 9, 1, hostile)]).folder


def shown(run: Path, capsys: pytest.CaptureFixture[str], **options: object) -> str:
    defaults = {"solution": None, "outcome": None, "kept": None, "limit": 20, "as_json": False}
    inspect(str(run), runs_dir=Path("runs"), **(defaults | options))  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_the_list_has_a_column_for_each_annotator(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(run, capsys)
    assert all(name in text for name in ("rollouts", "judge", "arithmetic"))
    assert "the first 20" in text


def test_verdicts_that_count_no_more_are_not_shown(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = RunConfig.load(run / "config.yaml").model_dump(mode="json")
    write_text(run / "config.yaml", yaml.safe_dump(raw | {"annotators": {"rollouts": {}}}))
    assert "arithmetic" not in shown(run, capsys)
    (row,) = shown(run, capsys, solution="s0-1", as_json=True).splitlines()
    assert set(json.loads(row)["verdicts"]) == {"rollouts"}


def test_brackets_of_a_reason_are_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    refused = "outcome undecided: request refused: [/INST] is [bold] here"
    run = write_run(tmp_path, "refused", [item(1, first_error=None, reason=refused)]).folder
    assert refused in shown(run, capsys)


def test_the_filters_choose(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(row) for row in shown(run, capsys, kept=False, as_json=True).splitlines()]
    assert len(rows) == 4
    assert all(row["label"]["first_error"] is None for row in rows)
    rows = [
        json.loads(row)
        for row in shown(run, capsys, outcome=Outcome.INCORRECT, as_json=True).splitlines()
    ]
    assert {row["solution"]["outcome"] for row in rows} == {"incorrect"}


def test_what_is_wanted_does_not_depend_on_the_order_in_which_it_is_asked(run: Path) -> None:
    found = RunFolder(run)
    kept = {label.solution_id: label.kept for label in found.labels.read(Label)}
    assert len(set(kept.values())) == 2
    for ids in (list(kept), list(kept)[::-1]):
        only = wanted(found, None, True)
        assert only is not None
        assert [only(one) for one in ids] == [kept[one] for one in ids]
        assert not only("nobody")


def test_one_solution_shows_every_kind_of_evidence(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(run, capsys, solution="s0-1")
    for part in (
        "label: step 0, named by rollouts, judge",
        "rollouts: after this step, 2 of 4 rollouts right",
        "0 of 3 rollouts right, 1 undecided",
        "judge: votes for this step",
        "because",
        "a vote that is missing (unparsable)",
        "arithmetic: make 4: exact, it is 4",
        "judge: score 0.900",
        "WRONG",
    ):
        assert part in text


def test_what_a_model_wrote_is_neither_markup_nor_control(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(run, capsys, solution="s9-9")
    assert "\x1b" not in text
    assert "[bold]" in text
    assert "[/nonsense]" in text


def test_an_id_may_be_cut_short_where_it_is_the_only_one(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "solution s9-9" in shown(run, capsys, solution="s9")
    with pytest.raises(ConfigError, match=r"4 ids begin so: s0-0, s0-1"):
        shown(run, capsys, solution="s0")
    with pytest.raises(ConfigError, match="no id"):
        shown(run, capsys, solution="zzz")


def test_a_run_that_is_not_there_names_the_nearest(run: Path) -> None:
    with pytest.raises(RunError, match="did you mean trial"):
        inspect("trail", None, None, None, 20, run.parent, False)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_shown_text_keeps_its_offsets_and_holds_no_control_character(text: str) -> None:
    safe = plain(text)
    assert len(safe) == len(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", safe)
