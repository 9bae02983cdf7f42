"""`steplabel report`, and the page that a run writes at its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.commands.relabel import relabel
from flows.commands.report import report
from pipeline.errors import RunError
from pipeline.records import Label
from pipeline.run_folder import RunFolder
from tests.killing import run_in_child
from tests.pipeline.report.rows import details, unpack
from tests.test_resume import small_batch


def test_a_run_ends_with_its_page(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    page = RunFolder(config.folder).report
    text = page.read_text(encoding="utf-8")
    assert len(details(text)) == 16
    assert unpack(text, "index")["witnesses"] == ["rollouts", "judge", "arithmetic"]
    summary = json.loads((config.folder / "summary.json").read_text())
    assert summary["report"] == str(page.resolve())
    assert "Cost by stage" in text


def test_a_finished_run_started_again_leaves_its_page(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    run_in_child(config, None)
    page = RunFolder(config.folder).report
    before = page.stat()
    run_in_child(config, None)
    assert page.stat().st_ino == before.st_ino
    page.unlink()
    run_in_child(config, None)
    assert page.exists()


def test_other_rules_make_another_page(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=6)
    run_in_child(config, None)
    page = RunFolder(config.folder).report
    before = labels_of(page)
    relabel(str(config.folder), ["consensus.rule=majority", "consensus.vetoes=[]"], Path("runs"))
    after = labels_of(page)
    assert after != before
    rows = RunFolder(config.folder).labels.read(Label)
    assert {one.solution_id: (one.first_error, one.reason) for one in rows} == after


def labels_of(page: Path) -> dict[str, tuple[int | None, str | None]]:
    """First error, or why none, by solution."""
    labels = [row["label"] for row in details(page.read_text(encoding="utf-8"))]
    return {one["solution_id"]: (one["first_error"], one["reason"]) for one in labels}


def test_the_command_makes_it_again_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    out = tmp_path / "there" / "page.html"
    report("run", out, None, "processbench", tmp_path / "runs")
    assert out.read_bytes() == RunFolder(config.folder).report.read_bytes()
    assert str(out) in capsys.readouterr().out
    with pytest.raises(RunError, match="holds no run"):
        report("nowhere", None, None, "processbench", tmp_path / "runs")


def test_gold_that_is_named_is_shown(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    page = RunFolder(config.folder).report
    ids = unpack(page.read_text(encoding="utf-8"), "index")["rows"]["id"]
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps({"id": one, "label": 0}) + "\n" for one in ids[:8]))
    report("run", None, str(gold), "processbench", tmp_path / "runs")
    text = page.read_text(encoding="utf-8")
    assert sorted(unpack(text, "index")["rows"]["truth"]) == [-2] * 8 + [0] * 8
    assert "Against the known first errors" in text
