"""`steplabel relabel`: other rules over stored verdicts; nothing is sampled, and the folder stays true."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset

from flows.commands.relabel import relabel
from pipeline import files
from pipeline.config import RunConfig
from pipeline.engine.room import EngineRoom
from pipeline.errors import ConfigError, InputError, RunError
from pipeline.finish import Finish
from pipeline.keep.diff import diff
from pipeline.keep.standing import side_of_run
from pipeline.records import Label, Solution
from pipeline.review.decisions import Decision, Kind, decisions_of
from pipeline.run_folder import RunFolder
from tests.killing import made_calls, rows_of, run_in_child
from tests.test_resume import small_batch

MAJORITY = ["consensus.rule=majority", "consensus.vetoes=[]"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """A finished run; from here on no engine may be loaded, and its inputs are gone."""
    config = small_batch(tmp_path, problems=6)
    run_in_child(config, None)
    Path(config.problems.path).unlink()

    def refuse(*_: object) -> None:
        raise AssertionError("an engine was asked for")

    monkeypatch.setattr(EngineRoom, "__init__", refuse)
    return config


def again(config: RunConfig, *overrides: str) -> None:
    relabel(str(config.folder), list(overrides), Path("runs"))


def written(config: RunConfig) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((config.folder / "config.yaml").read_text())
    return found


def test_labels_follow_the_new_rule_and_no_call_is_made(config: RunConfig) -> None:
    calls, before = made_calls(config), rows_of(config)
    again(config, *MAJORITY)
    after = rows_of(config)
    changed = {key for key in before if before[key] != after[key]}
    assert before.keys() == after.keys()
    assert changed
    assert all(key.startswith("label ") for key in changed)
    assert made_calls(config) == calls


def test_the_folder_says_by_which_rules_it_was_labelled(config: RunConfig) -> None:
    stages = json.loads((config.folder / "summary.json").read_text())["stages"].keys()
    again(config, *MAJORITY)
    assert written(config)["consensus"]["rule"] == "majority"
    info = RunFolder(config.folder).info
    assert info["state"] == "finished"
    assert info["relabelled"]["versions"]
    loaded = RunConfig.load(config.folder / "config.yaml")
    assert info["config_fingerprint"] == loaded.fingerprint
    card = (config.folder / "dataset" / "README.md").read_text()
    assert "majority" in card
    summary = json.loads((config.folder / "summary.json").read_text())
    kept = sum(one.kept for one in RunFolder(config.folder).labels.read(Label))
    assert summary["kept"] == kept
    assert summary["stages"].keys() == stages
    assert summary["stages"]["judge"]["planned_tokens"]


def test_the_old_rules_bring_the_old_rows_back(config: RunConfig) -> None:
    before, was = rows_of(config), written(config)
    again(config, *MAJORITY)
    again(config, "consensus.rule=agree", "consensus.vetoes=[arithmetic]")
    assert rows_of(config) == before
    assert written(config) == was


def test_the_posterior_learns_from_stored_verdicts(config: RunConfig) -> None:
    again(config, "consensus.rule=posterior", "consensus.precision=0.9")
    assert (config.folder / "calibrate" / "consensus" / "learned.json").is_file()
    assert all(
        one.confidence is not None or one.reason
        for one in RunFolder(config.folder).labels.read(Label)
    )


def test_views_can_be_changed_and_the_labels_stay(config: RunConfig) -> None:
    before = rows_of(config)
    again(config, "dataset.views=[first_error]")
    assert rows_of(config) == before
    assert not (config.folder / "dataset" / "stepwise").exists()


@pytest.mark.parametrize("override", ["generate.samples=2", "seed=9", "name=other", "consensus=1"])
def test_only_what_verdicts_can_show_may_be_set(config: RunConfig, override: str) -> None:
    before = (config.folder / "config.yaml").read_text()
    with pytest.raises(ConfigError, match="below consensus and dataset"):
        again(config, override)
    assert (config.folder / "config.yaml").read_text() == before


def test_a_witness_without_verdicts_is_told(config: RunConfig) -> None:
    with pytest.raises(ConfigError, match="no annotator is named 'second'"):
        again(config, "consensus.witnesses=[judge, second]")


def test_where_no_witness_is_left_nothing_is_labelled_anew(config: RunConfig) -> None:
    before = rows_of(config)
    with pytest.raises(ConfigError, match=r"name one at least of arithmetic, judge, rollouts"):
        again(config, "consensus.witnesses=[]")
    assert rows_of(config) == before


def test_killed_before_its_rules_are_written_it_still_knows_the_old_ones(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(config.folder)
    with monkeypatch.context() as patch:
        for name in ("write_text", "write_json"):
            patch.setattr(f"pipeline.relabel.{name}", _stops_after_one(name))
        with pytest.raises(KeyboardInterrupt):
            again(config, *MAJORITY)
    assert (run.info["state"], written(config)["consensus"]["rule"]) == ("running", "agree")
    again(config, *MAJORITY)
    found = diff(side_of_run(run, before=True), side_of_run(run))
    assert found.config["consensus.rule"] == ("agree", "majority")


def _stops_after_one(name: str) -> Callable[[Path, object], None]:
    """That function, and then an interrupt, as a kill would come between two files."""
    write = getattr(files, name)

    def written_and_stopped(path: Path, value: object) -> None:
        write(path, value)
        raise KeyboardInterrupt

    return written_and_stopped


def test_one_that_was_killed_is_ended_by_the_same_call(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Finish, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(config, *MAJORITY)
    assert RunFolder(config.folder).info["state"] == "running"
    again(config)
    assert RunFolder(config.folder).info["state"] == "finished"
    assert written(config)["consensus"]["rule"] == "majority"


def test_a_run_that_is_not_finished_is_told(config: RunConfig) -> None:
    RunFolder(config.folder).end("failed")
    with pytest.raises(RunError, match="is not finished"):
        again(config, *MAJORITY)
    with pytest.raises(RunError, match="holds no run"):
        relabel(str(config.folder / "nowhere"), [], Path("runs"))


def cut(manifest: Path) -> None:
    """Half of its lines, as a copy that broke off leaves them."""
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[: len(lines) // 2]))


@pytest.mark.parametrize("how", ["gone", "empty", "cut"])
@pytest.mark.parametrize("stage", ["solutions", "verdicts/judge", "labels"])
def test_rows_that_are_gone_are_not_taken_for_never_said(
    config: RunConfig, stage: str, how: str
) -> None:
    folder = config.folder / stage
    if how == "gone":
        shutil.rmtree(folder)
    else:
        (cut if how == "cut" else lambda path: path.write_text(""))(folder / "manifest.jsonl")
    before = {path: path.stat().st_mtime_ns for path in config.folder.rglob("*.json")}
    with pytest.raises(RunError, match=f"{stage} is gone or incomplete.*steplabel run"):
        again(config, *MAJORITY)
    assert {path: path.stat().st_mtime_ns for path in config.folder.rglob("*.json")} == before


def test_views_and_a_selection_are_made_of_the_stored_labels_and_told(
    config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    views = "dataset.views=[stepwise, soft, math_shepherd, evidence]"
    again(config, views, "dataset.select.balance={by: [outcome], ratio: 1}")
    said = capsys.readouterr().out
    summary = json.loads((config.folder / "summary.json").read_text())
    assert {path.name for path in (config.folder / "dataset").iterdir()} >= {"stepwise", "evidence"}
    left_out = summary["not_selected"]
    assert all(reason in " ".join(said.split()) for reason in left_out)
    assert sum(left_out.values()) > 0
    again(config, views, "dataset.select.balance={by: [outcome], ratio: 1}")
    assert json.loads((config.folder / "summary.json").read_text())["not_selected"] == left_out


def test_what_it_changed_can_be_told_and_why(config: RunConfig) -> None:
    run = RunFolder(config.folder)
    was = {one.solution_id: one.first_error for one in run.labels.read(Label)}
    again(config, "consensus.witnesses=[judge]")
    now = {one.solution_id: one.first_error for one in run.labels.read(Label)}
    found = diff(side_of_run(run, before=True), side_of_run(run))
    assert {c.id: (c.before, c.after) for c in found.changes} == {
        key: (was[key], now[key]) for key in was if was[key] != now[key]
    }
    assert found.changes
    assert set(found.causes) == {"consensus.witnesses"} == set(found.config)
    again(config, "dataset.views=[first_error]")
    assert diff(side_of_run(run, before=True), side_of_run(run)).alike


def test_what_people_decided_is_the_label_and_is_shown(config: RunConfig) -> None:
    run = RunFolder(config.folder)
    one = next(s for s in run.solutions.read(Solution) if s.outcome == "incorrect")
    row = Decision(one.id, Kind.NAMED, 0, 1.0, False, 1.0, "2026-01-01T00:00:00+00:00")
    decisions_of(run.reviews, "ann").append(row)
    again(config)
    label = next(label for label in run.labels.read(Label) if label.solution_id == one.id)
    assert (label.first_error, label.agreed[0]) == (0, "review")
    splits = load_dataset(str(run.dataset), "evidence")
    told = next(row for split in splits.values() for row in split if row["id"] == one.id)
    assert told["label"] == 0
    assert "review" in {verdict["annotator"] for verdict in told["verdicts"]}
    assert "people decided 1 solution" in " ".join(
        json.loads((run.folder / "summary.json").read_text())["learned"]
    )
    card = (run.dataset / "README.md").read_text()
    assert "what people decided" in card
    assert "People decided on some of them" in card
    assert "No human" not in card
    again(config, "consensus.reviews=false")
    assert "review" not in run.annotators()
    assert "No human labelled anything" in (run.dataset / "README.md").read_text()


@pytest.mark.parametrize("label", [0, 40])
def test_gold_that_is_of_no_solution_leaves_the_run_as_it_was(
    config: RunConfig, tmp_path: Path, label: int
) -> None:
    run = RunFolder(config.folder)
    one = next(run.solutions.read(Solution))
    (gold := tmp_path / "gold.jsonl").write_text(
        json.dumps({"id": one.id if label else "another", "label": label}) + "\n"
    )
    before = (run.folder / "config.yaml").read_text(), run.info
    with pytest.raises(InputError, match=r"consensus\.gold: none of the 1 rows"):
        again(config, "consensus.rule=posterior", f"consensus.gold={gold}")
    assert ((run.folder / "config.yaml").read_text(), run.info) == before


def test_a_rule_that_fails_leaves_the_run_as_it_was(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(config.folder)
    before = (run.folder / "config.yaml").read_text(), run.info, rows_of(config)

    def fails(*_: object, **__: object) -> None:
        raise InputError("nothing to learn from")

    monkeypatch.setattr("pipeline.finish.label_run", fails)
    with pytest.raises(InputError, match="nothing to learn from"):
        again(config, *MAJORITY)
    assert ((run.folder / "config.yaml").read_text(), run.info, rows_of(config)) == before


def test_what_was_paid_and_what_waits_is_still_told(config: RunConfig) -> None:
    path = config.folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dollars": 0.25, "unpaid": 3}))
    again(config, *MAJORITY)
    told = json.loads(path.read_text())
    assert (told["dollars"], told["unpaid"]) == (0.25, 3)
    assert any("3 rows wait" in warning for warning in told["warnings"])
