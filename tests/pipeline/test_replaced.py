"""What a problem's row was before it was corrected is on the disk, and counts nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.evaluate.said import of_run
from pipeline.files import write_json
from pipeline.join import annotated
from pipeline.keep.diff import diff
from pipeline.keep.merge import merge
from pipeline.keep.standing import NO_LABEL, rows_of_run, side_of_run
from pipeline.records import Label, Solution
from pipeline.replaced import replaced
from pipeline.report.write import write_report
from pipeline.review.pool import pool_of
from pipeline.run_folder import RunFolder
from pipeline.stages import key_of
from tests.flows.run_on_disk import write_run
from tests.killing import run_in_child
from tests.pipeline.dataset.items import batch
from tests.pipeline.report.rows import details
from tests.test_resume import small_batch

PROBLEMS = 6


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, RunFolder]:
    """One run whose gold answers of two rows were corrected between two nights; one that had them right."""
    folder = tmp_path_factory.mktemp("nights")
    config = small_batch(folder, "a", PROBLEMS)
    path = Path(config.problems.path)
    good = path.read_text()
    rows = [json.loads(line) for line in good.splitlines()]
    rows[1]["answer"] = rows[4]["answer"] = "1"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run_in_child(config, None)
    path.write_text(good)
    for name in ("a", "b"):
        run_in_child(small_batch(folder, name, PROBLEMS), None)
    return RunFolder(config.folder), RunFolder(config.folder.with_name("b"))


def kept_of(run: RunFolder) -> int:
    return sum(label.kept for label in run.labels.read(Label))


def test_the_old_rows_stay_on_disk_and_are_known_as_such(
    nights: tuple[RunFolder, RunFolder],
) -> None:
    corrected, right = nights
    assert len(list(corrected.solutions.read(Solution))) == 4 * (PROBLEMS + 2)
    assert len(replaced(corrected)) == 8
    assert replaced(right) == frozenset()


def test_the_summary_calls_no_replaced_problem_filtered(
    nights: tuple[RunFolder, RunFolder],
) -> None:
    summary = json.loads((nights[0].folder / "summary.json").read_text())
    assert (summary["problems"], summary["left_out"]) == (PROBLEMS, 0)


def test_an_evaluation_and_a_comparison_count_what_stands(
    nights: tuple[RunFolder, RunFolder],
) -> None:
    corrected, right = nights
    assert len(list(of_run(corrected, ["judge"]))) == 4 * PROBLEMS
    found = diff(side_of_run(corrected), side_of_run(right))
    assert found.alike
    assert found.same == 4 * PROBLEMS


@pytest.mark.parametrize("order", [1, -1])
def test_merged_with_one_that_was_right_at_once_nothing_contradicts(
    nights: tuple[RunFolder, RunFolder], tmp_path: Path, order: int
) -> None:
    done = merge(nights[::order], tmp_path / "both", refuse=True)
    assert (done.conflicts, done.filled) == (0, 0)
    assert (done.summary.solutions, done.summary.kept) == (4 * PROBLEMS, kept_of(nights[1]))
    both = [one.solution for one in annotated(RunFolder(tmp_path / "both"))]
    assert {one.gold for one in both} == {one.gold for one in nights[1].solutions.read(Solution)}


def test_nobody_is_asked_about_a_replaced_solution(nights: tuple[RunFolder, RunFolder]) -> None:
    corrected = nights[0]
    config = RunConfig.load(corrected.folder / "config.yaml")
    assert not replaced(corrected) & {one.solution.id for one in pool_of(config, corrected)}


def test_the_report_shows_what_stands(nights: tuple[RunFolder, RunFolder], tmp_path: Path) -> None:
    run = nights[0]
    config = RunConfig.load(run.folder / "config.yaml")
    write_report(config, run, tmp_path / "page.html", run.annotators())
    assert len(details((tmp_path / "page.html").read_text())) == 4 * PROBLEMS


def test_in_a_run_under_way_what_has_no_label_yet_is_undecided(tmp_path: Path) -> None:
    items = batch(3)
    run = write_run(tmp_path, "begun", items)
    first, *others = sorted({key_of(item.solution) for item in items})
    write_json(run.inputs, others)
    run.labels.replace_all("none yet", [], Label)
    rows = dict(rows_of_run(run))
    assert rows.keys() == {i.solution.id for i in items if key_of(i.solution) != first}
    assert {row.reason for row in rows.values()} == {NO_LABEL}
