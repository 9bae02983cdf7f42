"""What goes is what nothing refers to: the run stays whole, and needs no call that it had."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InUseError
from pipeline.files import sha256_of
from pipeline.keep.clean import (
    ALL_CALLS,
    CALLS,
    DAMAGED,
    KINDS,
    ROWS,
    STRAY,
    TEMPORARY,
    Survey,
    clean,
)
from pipeline.lock import locked
from pipeline.records import Solution
from pipeline.review.decisions import Decision, Kind, decisions_of
from pipeline.run_folder import RunFolder
from tests.killing import made_calls, rows_of, run_in_child
from tests.test_resume import small_batch

DEAD = 2**22 + 1
"""No process has this number."""


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A run that was made with another seed and an annotator more before."""
    config = small_batch(tmp_path_factory.mktemp("clean"), problems=3)
    more = config.annotators | {"second": {"kind": "judge", "prompt": "first_error", "votes": 1}}
    run_in_child(config.model_copy(update={"seed": 8, "annotators": more}), None)
    run_in_child(config, None)
    return config


@pytest.fixture
def config(twice: RunConfig, tmp_path: Path) -> RunConfig:
    """A copy of it, to be cleaned."""
    shutil.copytree(twice.folder, tmp_path / "run")
    return twice.model_copy(update={"runs_dir": str(tmp_path)})


def cleaned(
    config: RunConfig, remove: bool = True, kinds: Sequence[str] = KINDS, all_calls: bool = False
) -> Survey:
    run = RunFolder(config.folder)
    annotators = make_annotators(config)
    return clean(run, config, annotators, remove=remove, kinds=kinds, all_calls=all_calls)


def files(config: RunConfig) -> dict[str, str]:
    return {
        str(path.relative_to(config.folder)): sha256_of(path)
        for path in config.folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def litter(folder: Path) -> list[Path]:
    """Of dead writers, of a living one, set aside, and not named."""
    part = next((folder / "solutions").glob("part-*.parquet"))
    places = [
        folder / "labels" / f".part-1.parquet.{DEAD}.tmp",
        folder / "calls" / "judge" / f".tmp-{DEAD}.parquet",
        folder / ".keep-x" / "copy",
        folder / ".dataset.new" / "half",
        folder / "verdicts" / "judge" / "part-0.parquet.damaged",
        folder / "solutions" / "part-0.parquet",
        folder / f".report.html.{os.getpid()}.tmp",
    ]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(part, place)
    return places


def test_nothing_is_changed_before_it_is_asked_for(config: RunConfig) -> None:
    litter(config.folder)
    before = files(config)
    found = cleaned(config, remove=False)
    assert files(config) == before
    assert {one.kind for one in found.found} == set(KINDS)
    assert found.bytes == sum(one.bytes for one in found.found) > 0


def test_litter_goes_and_what_a_living_process_writes_stays(config: RunConfig) -> None:
    before = files(config)
    *gone, living = litter(config.folder)
    found = cleaned(config, kinds=(TEMPORARY, DAMAGED, STRAY))
    assert {one.kind for one in found.found} == {TEMPORARY, DAMAGED, STRAY}
    assert not any(path.exists() for path in gone)
    living.unlink()
    assert files(config) == before


def test_what_goes_is_as_many_bytes_as_was_said(config: RunConfig) -> None:
    *_, living = litter(config.folder)
    living.unlink()

    def total() -> int:
        return sum(p.stat().st_size for p in config.folder.rglob("part-*") if p.is_file())

    before = total()
    found = cleaned(config, kinds=(STRAY, ROWS))
    assert total() == before - sum(one.bytes for one in found.found)


def test_a_cleaned_run_has_its_rows_and_makes_no_call_again(config: RunConfig) -> None:
    rows, calls = rows_of(config), made_calls(config)
    found = cleaned(config)
    assert {one.kind for one in found.found} == {ROWS, CALLS}
    second = config.folder / "verdicts" / "second"
    assert not second.exists()
    kept = {key: row for key, row in rows.items() if not key.startswith("second ")}
    assert rows_of(config) == kept
    assert cleaned(config).found == ()
    for stage in ("solutions", "verdicts", "labels"):  # all of it comes of the calls that are left
        shutil.rmtree(config.folder / stage)
    run_in_child(config, None)
    solutions = {row["id"] for key, row in kept.items() if key.startswith("solution ")}
    of_them = {key: row for key, row in kept.items() if key.split()[1] in solutions}
    assert rows_of(config) == of_them
    assert made_calls(config) == calls


def test_all_calls_go_only_where_that_is_said(config: RunConfig) -> None:
    rows = rows_of(config)
    assert ALL_CALLS not in {one.kind for one in cleaned(config, remove=False).found}
    found = cleaned(config, kinds=(STRAY,), all_calls=True)
    assert {one.kind for one in found.found} == {ALL_CALLS}
    assert not list((config.folder / "calls").rglob("part-*"))
    assert rows_of(config) == rows


@pytest.mark.parametrize("all_calls", [False, True])
@pytest.mark.parametrize("state", ["failed", "stopped", "running"])
def test_a_run_that_is_not_finished_keeps_rows_and_calls(
    config: RunConfig, state: str, all_calls: bool
) -> None:
    RunFolder(config.folder).end(state)
    before = files(config)
    found = cleaned(config, all_calls=all_calls)
    assert (found.found, len(found.left)) == ((), 1)
    assert state in found.left[0]
    assert files(config) == before


def test_a_run_in_use_is_refused(config: RunConfig) -> None:
    before = files(config)
    with locked(config.folder), pytest.raises(InUseError, match="in use by process"):
        cleaned(config)
    assert files(config) == before


def test_links_are_neither_followed_nor_removed(config: RunConfig, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f".x.{DEAD}.tmp").write_text("theirs")
    (config.folder / "calls" / "theirs").symlink_to(outside)
    (config.folder / f".y.{DEAD}.tmp").symlink_to(outside / f".x.{DEAD}.tmp")
    assert cleaned(config, kinds=(TEMPORARY, CALLS), all_calls=False).found != ()
    assert (outside / f".x.{DEAD}.tmp").read_text() == "theirs"
    assert (config.folder / "calls" / "theirs").is_symlink()


@pytest.mark.parametrize("place", ["mine", ".", "verdicts"])
def test_what_only_looks_like_parts_of_a_stage_stays(config: RunConfig, place: str) -> None:
    theirs = config.folder / place
    theirs.mkdir(exist_ok=True)
    for name in ("manifest.jsonl", "part-00000.parquet"):
        (theirs / name).write_text("")
    cleaned(config)
    assert (theirs / "part-00000.parquet").exists()


def test_an_unknown_kind_is_told(config: RunConfig) -> None:
    with pytest.raises(ConfigError, match="--only rubbish: should be one of temporary"):
        cleaned(config, kinds=("rubbish",))


@pytest.mark.slow
def test_killed_at_any_step_it_leaves_a_whole_run_that_is_cleaned_further(
    twice: RunConfig, tmp_path: Path
) -> None:
    rows = {key: row for key, row in rows_of(twice).items() if not key.startswith("second ")}
    for step in range(0, 100, 3):
        shutil.copytree(twice.folder, tmp_path / str(step) / "run")
        config = twice.model_copy(update={"runs_dir": str(tmp_path / str(step))})
        litter(config.folder)[-1].unlink()
        if not _killed(config, step):
            break
        found = {key: row for key, row in rows_of(config).items() if key in rows}
        assert found == rows, step
        cleaned(config)
        assert rows_of(config) == rows, step
        assert cleaned(config).found == (), step
    assert step > 10


def _killed(config: RunConfig, step: int) -> bool:
    """Clean in a child that dies at its nth change of a folder; False where it came to its end."""
    child = os.fork()
    if child == 0:
        left = step

        def dying(change):  # type: ignore[no-untyped-def]
            def one(*args, **options):  # type: ignore[no-untyped-def]
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return change(*args, **options)

            return one

        for name in ("unlink", "replace", "rename", "rmdir"):
            setattr(os, name, dying(getattr(os, name)))
        try:
            cleaned(config)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_what_people_decided_and_the_witness_made_of_it_stay(config: RunConfig) -> None:
    run = RunFolder(config.folder)
    one = next(iter(run.solutions.read(Solution)))
    decision = Decision(one.id, Kind.NAMED, 0, 1.0, False, 1.0, "2026-01-01T00:00:00+00:00")
    decisions_of(run.reviews, "ann").append(decision)
    run_in_child(config, None)
    assert "review" in run.annotators()
    before = files(config)
    cleaned(config, kinds=[ROWS])
    kept = {name for name in files(config) if "review" in name}
    assert kept == {name for name in before if "review" in name}
    assert any(name.startswith("verdicts/review/part-") for name in kept)
