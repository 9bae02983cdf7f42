"""A disk that is full or can't be written, and files that were damaged, lost or made by another version."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import pipeline.batch
import pipeline.run_folder
from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.errors import RunError, StepLabelError
from pipeline.files import sha256_of
from pipeline.records import Solution
from pipeline.run_folder import RunFolder
from tests.faults.conftest import Rows, Saw
from tests.faults.own_mounts import in_child, read_only, small_disk, writable_again
from tests.killing import made_calls, rows_of, run_in_child, run_once
from tests.test_resume import small_batch

PROBLEMS = 12


def run(config: RunConfig) -> None:
    asyncio.run(run_batch(config, make_annotators(config)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A finished run, not to be touched."""
    config = small_batch(tmp_path_factory.mktemp("whole"), "whole", PROBLEMS)
    run_once(config)
    return config


@pytest.fixture(scope="module")
def alone(whole: RunConfig) -> Rows:
    return rows_of(whole)


@pytest.fixture
def copy(whole: RunConfig, tmp_path: Path) -> RunConfig:
    config = whole.model_copy(update={"runs_dir": str(tmp_path / "runs")})
    shutil.copytree(whole.folder, config.folder)
    return config


def test_a_full_disk_stops_a_run_and_space_lets_it_go_on(
    tmp_path: Path, alone: Rows, saw: Saw
) -> None:
    """Space is given a little at a time, so that it ends in calls, parts, labels and dataset in turn."""
    disk, out = tmp_path / "disk", tmp_path / "out"
    disk.mkdir()
    config = small_batch(tmp_path, "full", PROBLEMS)
    config = config.model_copy(update={"runs_dir": str(disk / "runs")})

    def fill() -> None:
        pipeline.batch.check_disk = lambda *_: None  # there was room when it began
        size = 8 << 20
        small_disk(disk, size)
        told: list[StepLabelError] = []
        ballast, left = disk / "ballast", 16 << 10
        while True:
            ballast.write_bytes(bytes(size - left))
            try:
                run(config)
                break
            except StepLabelError as error:
                told.append(error)
            ballast.unlink()
            left += left // 2
        assert len(told) > 5
        assert all("No space left on device" in str(error) for error in told)
        assert {error.exit_code for error in told} == {5}
        said = str(told[-1]).replace(str(config.folder), "FOLDER")
        out.write_text(json.dumps({"told": said, "rows": rows_of(config)}))

    in_child(fill)
    found = json.loads(out.read_text())
    shown = f"exit code 5: `{found['told']}`"
    saw("a full disk, again and again", shown, found["rows"], json.loads(json.dumps(alone)))


def test_a_file_that_may_not_grow_stops_a_run_with_the_reason(
    tmp_path: Path, alone: Rows, saw: Saw, capfd: pytest.CaptureFixture[str]
) -> None:
    config = small_batch(tmp_path, "quota", PROBLEMS)
    config.folder.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            run(config)
        except RunError as error:
            os.write(1, str(error).replace(str(config.folder), "FOLDER").encode())
            os._exit(5)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    said = capfd.readouterr().out.splitlines()[-1]
    assert "File too large" in said
    run(config)
    saw("a limit on the size of files", f"exit code 5: `{said}`", rows_of(config), alone)


def test_a_folder_that_can_only_be_read_is_told_before_any_call(
    copy: RunConfig, alone: Rows, tmp_path: Path, saw: Saw
) -> None:
    out = tmp_path / "out"

    def lock() -> None:
        read_only(config.folder.parent)
        with pytest.raises(RunError, match="Read-only file system") as told:
            run(config)
        out.write_text(str(told.value).replace(str(config.folder), "FOLDER"))
        with pytest.raises(RunError, match="Read-only file system"):
            run(config.model_copy(update={"name": "new"}))
        writable_again(config.folder.parent)
        run(config)

    config = copy
    shutil.rmtree(config.folder / "labels")
    in_child(lock)
    saw(
        "a run folder that can only be read",
        f"exit code 5: `{out.read_text()}`",
        rows_of(config),
        alone,
    )


def damage(path: Path, how: str) -> None:
    raw = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    else:
        middle = slice(len(raw) // 2, len(raw) // 2 + 64)  # more than a page's header may hold
        path.write_bytes(
            raw[: middle.start] + bytes(b ^ 0xFF for b in raw[middle]) + raw[middle.stop :]
        )


@pytest.mark.parametrize("how", ["corrupted", "truncated", "deleted"])
def test_a_damaged_part_of_each_stage_is_made_again_from_the_recorded_calls(
    copy: RunConfig, alone: Rows, saw: Saw, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    stores = ("solutions", "verdicts/rollouts", "verdicts/judge", "verdicts/arithmetic", "labels")
    victims = [next((copy.folder / s).glob("part-*.parquet")) for s in stores]
    victims.append(next((copy.folder / "dataset").glob("*/train-*.parquet")))
    for path in victims:
        damage(path, how)
    dataset = sha256_of(victims[-1]) if how != "deleted" else ""
    made = made_calls(copy)
    run_once(copy)
    assert made_calls(copy) == made
    assert sha256_of(victims[-1]) != dataset
    said = next(r.getMessage() for r in caplog.records if "made again" in r.getMessage())
    shown = (
        f"a warning for each: `{said.replace(str(copy.folder), 'FOLDER')}`; no call is made again"
    )
    saw(f"a {how} part of each stage, and a file of the dataset", shown, rows_of(copy), alone)


@pytest.mark.parametrize("how", ["corrupted", "truncated"])
def test_damaged_calls_are_named_and_not_taken_for_good_ones(
    copy: RunConfig, alone: Rows, saw: Saw, how: str
) -> None:
    part = next((copy.folder / "calls" / "judge").glob("part-*.parquet"))
    damage(part, how)
    shutil.rmtree(copy.folder / "verdicts" / "judge")
    with pytest.raises(RunError, match="damaged") as told:
        run(copy)
    part.unlink()
    run(copy)
    shown = f"exit code 5: `{str(told.value).replace(str(copy.folder), 'FOLDER')}`"
    saw(f"a {how} record of calls that is needed", shown, rows_of(copy), alone)


def older(folder: Path, column: str) -> None:
    """Its parts as a version without the column would have written them."""
    entries = []
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        path = folder / entry["file"]
        pq.write_table(pq.read_table(path).drop_columns([column]), path)
        entry |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        entries.append(json.dumps(entry) + "\n")
    (folder / "manifest.jsonl").write_text("".join(entries))


def test_rows_of_an_older_version_are_read_with_what_they_lack_left_open(copy: RunConfig) -> None:
    older(RunFolder(copy.folder).solutions.folder, "level")
    run(copy)
    rows = list(RunFolder(copy.folder).solutions.read(Solution))
    assert len(rows) == 4 * PROBLEMS
    assert {row.level for row in rows} == {None}


@pytest.mark.parametrize(
    ("store", "column"),
    [("solutions", "gold"), ("solutions", "steps"), ("verdicts/judge", "solution_id")],
)
def test_rows_that_lack_what_is_needed_are_told_and_made_again(
    copy: RunConfig, alone: Rows, saw: Saw, store: str, column: str
) -> None:
    older(copy.folder / store, column)
    with pytest.raises(RunError, match="another version") as told:
        run(copy)
    shutil.rmtree(copy.folder / store)
    run_once(copy)
    shown = f"exit code 5: `{str(told.value).replace(str(copy.folder), 'FOLDER')}`"
    saw("parts with the schema of an older version", shown, rows_of(copy), alone)


def test_a_run_folder_of_another_version_is_refused(copy: RunConfig) -> None:
    info = copy.folder / "run.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"format": 0}))
    with pytest.raises(RunError, match="give this run another name"):
        run(copy)


def test_a_clock_that_jumps_changes_no_row_and_no_waiting(
    tmp_path: Path, alone: Rows, saw: Saw
) -> None:
    config = small_batch(tmp_path, "clock", PROBLEMS)
    true_time, chance, year = time.time, random.Random(5), 365 * 86400.0
    child = os.fork()
    if child == 0:
        time.time = lambda: true_time() + chance.choice((-30, -1, 0, 1, 30)) * year
        pipeline.run_folder.now = lambda: f"{chance.randint(1971, 2099)}-01-01T00:00:00+00:00"
        try:
            run(config)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run_in_child(config, None)
    saw(
        "a clock that jumps by 30 years",
        "dates that are wrong, and nothing else",
        rows_of(config),
        alone,
    )
