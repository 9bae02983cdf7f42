"""One run of several: every solution once, no contradiction kept, and it is a run like any other."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset
from typer.testing import CliRunner

from annotators.registry import make_annotators
from flows.cli import app
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InUseError, RunError
from pipeline.join import Annotated, annotated
from pipeline.keep import merge as merge_module
from pipeline.keep.clean import clean
from pipeline.keep.merge import merge
from pipeline.lock import locked
from pipeline.records import Label, Outcome, Verdict, Vote
from pipeline.relabel import changed, relabel
from pipeline.review.pool import pool_of
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch, item


def other_ids(items: Sequence[Annotated], first_error: int | None) -> list[Annotated]:
    """The same texts as another run would have them."""
    made = []
    for one in items:
        key = f"b-{one.solution.id}"
        assert one.label is not None
        made.append(
            Annotated(
                replace(one.solution, id=key),
                {name: replace(v, solution_id=key) for name, v in one.verdicts.items()},
                replace(one.label, solution_id=key, first_error=first_error, reason=None),
            )
        )
    return made


def with_config(run: RunFolder, **changes: object) -> RunFolder:
    path = run.folder / "config.yaml"
    annotators = {"rollouts": {}, "judge": {"prompt": "first_error"}, "arithmetic": {}}
    raw = yaml.safe_load(path.read_text()) | {"annotators": annotators} | changes
    path.write_text(RunConfig.check(raw, "test").to_yaml())
    return run


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Of a's 12 solutions b has 4: two contradict, one is labelled only in b, one alike; and 4 of its own."""
    folder = tmp_path_factory.mktemp("merge")
    a = batch(3)
    by_label = {one.label.first_error: one for one in a if one.label is not None}
    b = [
        *other_ids([by_label[1], by_label[-1]], 2),
        *other_ids([by_label[None]], 0),
        *other_ids([by_label[0]], 0),
        *(item(7, attempt, 1, ("a\n", f"b{attempt}\n")) for attempt in range(4)),
    ]
    one = with_config(write_run(folder, "a", a), consensus={"rule": "agree"})
    two = with_config(write_run(folder, "b", b), consensus={"rule": "majority"}, seed=7)
    done = merge([one, two], folder / "both")
    assert (done.shared, done.conflicts, done.filled) == (4, 2, 1)
    return RunFolder(folder / "both")


def test_every_solution_is_there_once_and_says_where_it_is_from(merged: RunFolder) -> None:
    items = list(annotated(merged))
    assert len({one.solution.id for one in items}) == len(items) == 16
    assert sorted(one.solution.run or "" for one in items) == ["a"] * 11 + ["b"] * 5
    assert all(set(one.verdicts) == {"rollouts", "judge", "arithmetic"} for one in items)


def test_a_contradiction_is_set_aside_and_says_who_named_what(merged: RunFolder) -> None:
    reasons = {one.label.reason for one in annotated(merged) if one.label and one.label.reason}
    assert {r for r in reasons if r.startswith("runs disagree")} == {
        "runs disagree: a names step 1, b names step 2",
        "runs disagree: a names no error, b names step 2",
    }


def test_a_solution_that_one_run_alone_labels_is_taken_from_that_run(merged: RunFolder) -> None:
    (found,) = [i for i in annotated(merged) if i.solution.id == "b-s2-1"]
    assert found.label is not None
    assert (found.label.first_error, found.solution.run) == (0, "b")


def test_that_another_run_has_no_label_of_it_is_told(merged: RunFolder) -> None:
    card = (merged.dataset / "README.md").read_text()
    assert "1 that one run labels another has without a label" in card


def test_its_dataset_loads_and_the_card_says_what_differs(merged: RunFolder) -> None:
    rows = load_dataset(str(merged.dataset), "evidence")
    told = [row for split in rows.values() for row in split]
    assert len(told) == 16
    assert {row["run"] for row in told} == {"a", "b"}
    card = (merged.dataset / "README.md").read_text()
    assert "## Merged of several runs" in card
    assert "| consensus\\.rule | agree | majority |" in card
    assert "| seed | 0 | 7 |" in card
    assert "In a: agree over " in card
    assert "In b: majority over " in card


def test_it_is_inspected_reported_compared_cleaned_and_published_like_a_run(
    merged: RunFolder, tmp_path: Path
) -> None:
    run = str(merged.folder)
    for words in (
        ["inspect", run],
        ["status", run],
        ["report", run, "--out", str(tmp_path / "page.html")],
        ["diff", run, run],
        ["publish", run, f"file://{tmp_path}/there"],
    ):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (words, done.output, done.exception)
    assert (tmp_path / "there" / "README.md").is_file()
    config = RunConfig.load(merged.folder / "config.yaml")
    assert clean(merged, config, make_annotators(config)).found == ()


def test_it_is_neither_run_further_nor_relabelled(merged: RunFolder) -> None:
    config = changed(merged, [])
    with pytest.raises(RunError, match="was merged of a, b; run those"):
        merged.begin(config, "f00d")
    with pytest.raises(RunError, match="was merged of a, b; relabel those"):
        relabel(config, merged, ())
    with pytest.raises(RunError, match="was merged of a, b; review"):
        pool_of(config, merged)


def test_the_configurations_are_kept(merged: RunFolder) -> None:
    kept = sorted(path.name for path in (merged.folder / "merged").iterdir())
    assert kept == ["1-a.yaml", "2-b.yaml"]


@pytest.fixture
def two(tmp_path: Path) -> list[RunFolder]:
    items = [item(1, first_error=2), item(2)]
    return [write_run(tmp_path, "a", items), write_run(tmp_path, "b", other_ids(items, 1))]


def test_a_contradiction_is_refused_where_that_is_asked(
    two: list[RunFolder], tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="runs disagree: a names step 2, b names step 1"):
        merge(two, tmp_path / "both", refuse=True)
    assert not (tmp_path / "both" / "run.json").exists()


def test_what_it_is_made_of_is_finished_and_not_in_use(
    two: list[RunFolder], tmp_path: Path
) -> None:
    with locked(two[0].folder), pytest.raises(InUseError):
        merge(two, tmp_path / "both")
    two[1].end("failed")
    with pytest.raises(RunError, match="is not finished"):
        merge(two, tmp_path / "both")


@pytest.mark.parametrize("stage", ["solutions", "verdicts/judge", "labels"])
def test_what_it_is_made_of_is_whole(two: list[RunFolder], tmp_path: Path, stage: str) -> None:
    runs = [with_config(run) for run in two]
    shutil.rmtree(runs[1].folder / stage)
    with pytest.raises(RunError, match=f"b: {stage} is gone or incomplete: 0 of 2 rows"):
        merge(runs, tmp_path / "both")


def test_another_run_is_not_overwritten(two: list[RunFolder], tmp_path: Path) -> None:
    third = write_run(tmp_path, "third", batch(1))
    for runs, folder in ((two, third.folder), ([two[0]], tmp_path / "x"), (two, two[0].folder)):
        with pytest.raises(RunError):
            merge(runs, folder)
    assert len(list(annotated(third))) == 4


def test_what_it_is_made_of_is_of_this_version(two: list[RunFolder], tmp_path: Path) -> None:
    info = two[1].folder / "run.json"
    info.write_text(info.read_text().replace('"format": 1', '"format": 0'))
    with pytest.raises(RunError, match="run format 0"):
        merge(two, tmp_path / "both")


def test_a_summary_of_another_version_is_told(two: list[RunFolder], tmp_path: Path) -> None:
    (two[0].folder / "summary.json").write_text('{"stages": {"judge": {"cost": {}, "tokens": 3}}}')
    with pytest.raises(RunError, match=r"summary\.json: of another version"):
        merge(two, tmp_path / "both")


def test_a_folder_that_holds_something_else_is_left_as_it_is(
    two: list[RunFolder], tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    for name in ("merged", "labels"):
        (theirs / name).mkdir(parents=True)
        (theirs / name / "precious").write_text("theirs")
    with pytest.raises(RunError, match="holds 'labels'"):
        merge(two, theirs)
    assert sorted(p.name for p in theirs.rglob("*")) == ["labels", "merged", *["precious"] * 2]


def test_an_answer_that_runs_grade_differently_is_set_aside(
    two: list[RunFolder], tmp_path: Path
) -> None:
    (clean_one,) = other_ids([item(2)], None)
    wrong = replace(clean_one.solution, outcome=Outcome.INCORRECT, gold="5")
    third = write_run(tmp_path, "c", [replace(clean_one, solution=wrong)])
    done = merge([two[0], third], tmp_path / "graded")
    assert (done.conflicts, done.filled) == (1, 0)
    labels = {one.solution_id: one for one in RunFolder(tmp_path / "graded").labels.read(Label)}
    reason = "runs disagree: a calls its answer correct, c calls its answer incorrect"
    assert (labels["s2-0"].first_error, labels["s2-0"].reason) == (None, reason)


def test_of_an_earlier_merge_in_the_same_folder_nothing_is_left(
    two: list[RunFolder], tmp_path: Path
) -> None:
    both = RunFolder(tmp_path / "both")
    merge([with_config(run) for run in two], both.folder)
    assert "rollouts" in both.annotators()
    merge(
        [with_config(run, annotators={"judge": {"prompt": "first_error"}}) for run in two],
        both.folder,
    )
    assert both.annotators() == ["judge"]


def test_no_path_of_this_machine_is_written_into_the_dataset(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / place, "night", [item(n)]) for n, place in enumerate("ab")]
    merge(runs, tmp_path / "both")
    both = RunFolder(tmp_path / "both")
    assert {one.solution.run for one in annotated(both)} == {"1-night", "2-night"}
    assert str(tmp_path) not in (both.dataset / "README.md").read_text()


def test_no_password_of_a_url_is_written_into_the_dataset(tmp_path: Path) -> None:
    runs = [
        with_config(
            write_run(tmp_path, name, [item(n)]),
            problems={"path": f"https://me:secret@host/{name}.jsonl"},
        )
        for n, name in enumerate("ab")
    ]
    merge(runs, tmp_path / "both")
    card = (tmp_path / "both" / "dataset" / "README.md").read_text()
    assert "host/a" in card
    assert "secret" not in card


def test_what_people_decided_stays_among_the_verdicts(two: list[RunFolder], tmp_path: Path) -> None:
    said = Verdict("s1-0", REVIEW, 2, votes=(Vote(2, "a person, by the steps alone"),))
    two[0].verdicts(REVIEW).open("v1")
    two[0].verdicts(REVIEW).write([said], Verdict)
    merge(two, tmp_path / "both")
    both = RunFolder(tmp_path / "both")
    assert list(both.verdicts(REVIEW).read(Verdict)) == [said]


@pytest.mark.parametrize("items", [[], [item(3)]])
def test_a_run_without_solutions_adds_nothing(tmp_path: Path, items: list[Annotated]) -> None:
    runs = [write_run(tmp_path, "a", []), write_run(tmp_path, "b", items)]
    merge(runs, tmp_path / "both")
    assert len(list(annotated(RunFolder(tmp_path / "both")))) == len(items)


@pytest.mark.slow
def test_killed_at_any_change_of_a_folder_the_same_call_makes_it_whole(
    two: list[RunFolder], tmp_path: Path
) -> None:
    merge(two, tmp_path / "both")
    both = RunFolder(tmp_path / "both")
    whole, kills, replace_file = list(annotated(both)), 0, os.replace
    while True:
        child = os.fork()
        if child == 0:
            left = 5 * kills

            def dying(*names):  # type: ignore[no-untyped-def]
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                replace_file(*names)

            os.replace = dying  # type: ignore[assignment]
            try:
                merge(two, both.folder)
            finally:
                os._exit(0)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            break
        kills += 1
        assert both.info["state"] == "running" or kills == 1
    assert list(annotated(both)) == whole
    assert both.info["state"] == "finished"
    assert kills > 2


def test_a_full_disk_is_told_and_the_same_call_goes_on(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "a", batch(60)), write_run(tmp_path, "b", batch(1))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(RunError, match="can't be written: File too large"):
            merge(runs, tmp_path / "both")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    merge(runs, tmp_path / "both")
    assert RunFolder(tmp_path / "both").info["state"] == "finished"


def test_killed_in_the_middle_the_same_call_makes_it_whole(
    two: list[RunFolder], tmp_path: Path
) -> None:
    child = os.fork()
    if child == 0:
        merge_module.write_report = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        try:
            merge(two, tmp_path / "both")
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    both = RunFolder(tmp_path / "both")
    assert both.info["state"] == "running"
    merge(two, both.folder)
    assert both.info["state"] == "finished"
    assert len(list(annotated(both))) == 2


def test_a_name_that_is_none_is_told_before_anything_is_made(tmp_path: Path) -> None:
    runs = [RunFolder(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(ConfigError, match="is no name of a run"):
        merge(runs, tmp_path / "-x")
    assert not (tmp_path / "-x").exists()
