"""A run that is kept at a URL: what another machine finds there, whatever happened to the first."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import pipeline.remote
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InUseError, RunError
from pipeline.remote import Remote
from tests.killing import made_calls, rows_of, run_once
from tests.test_resume import small_batch


def folder_of(path: Path, **files: str) -> Path:
    """A run's folder with these files in it; `_` parts folders, and a part's name begins with `part`."""
    for name, text in files.items():
        place = path / "solutions" / (f"{name}.parquet" if name.startswith("part") else name)
        place = place.with_name(place.name.replace("part", "part-", 1))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return path


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in (folder / "solutions").glob("*") if p.is_file()}


def kept(tmp_path: Path, batch: RunConfig) -> RunConfig:
    raw = batch.model_dump(mode="json") | {"remote": f"file://{tmp_path}/store"}
    return RunConfig.check(raw, "test")


def test_a_machine_without_state_goes_on_and_makes_no_call_again(tmp_path: Path) -> None:
    config = kept(tmp_path, small_batch(tmp_path, problems=4))
    run_once(config)
    rows = rows_of(config)
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert made_calls(config) == []
    here, there = config.folder / "dataset", tmp_path / "store" / "run" / "dataset"
    files = [path.relative_to(here) for path in here.rglob("*") if path.is_file()]
    assert all((there / file).read_bytes() == (here / file).read_bytes() for file in files)
    grown = kept(tmp_path, small_batch(tmp_path, problems=6))
    shutil.rmtree(config.folder)
    run_once(grown)
    assert all(rows_of(grown)[key] == row for key, row in rows.items())


def test_each_machine_goes_on_from_what_the_last_one_left(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1", part1="a")
    assert (one.fetch(), one.keep()) == (0, 2)
    assert two.fetch() == 2
    folder_of(two.folder, manifest="12", part2="b")
    assert two.keep() == 2
    assert one.fetch() == 2
    assert contents(one.folder) == {"manifest": "12", "part-1.parquet": "a", "part-2.parquet": "b"}
    assert one.fetch() == one.keep() == 0


def test_a_copy_that_is_cut_off_anywhere_is_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = folder_of(tmp_path / "here", manifest="1", part1="a")
    remote = Remote(f"file://{tmp_path}/store", here)
    remote.keep()
    before = contents(here)
    folder_of(here, manifest="12", part1="other", part2="b", learned="{}")
    after = contents(here)
    write = remote._fs.__class__.put_file
    seen = []
    for steps in range(6):
        left = [steps]

        def put(self: Any, source: str, path: str, left: list[int] = left, **_: Any) -> None:
            if left[0] == 0:
                Path(path).write_bytes(b"")  # half of it
                raise OSError("cut off")
            left[0] -= 1
            write(self, source, path)

        monkeypatch.setattr(remote._fs.__class__, "put_file", put)
        try:
            remote.keep()
        except RunError:
            pass
        monkeypatch.undo()
        other = Remote(f"file://{tmp_path}/store", tmp_path / f"other-{steps}")
        other.fetch()
        seen.append(contents(other.folder))
    assert seen[0] == before
    assert seen[-1] == after
    assert all(found in (before, after) for found in seen)


def test_a_second_machine_is_told_who_works_there_until_that_one_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    one._me = {"process": 7, "host": "elsewhere"}
    one.hold()
    with pytest.raises(InUseError, match="process 7 on elsewhere"):
        two.hold()
    monkeypatch.setattr(pipeline.remote, "DEAD_S", 0.05)
    time.sleep(0.1)
    two.hold()
    two.let_go()
    monkeypatch.undo()
    one._me = {"process": 2**22 + 1, "host": os.uname().nodename}  # no such process here
    one.hold()
    two.hold()


def test_a_machine_that_was_thought_dead_overwrites_nothing(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1")
    one.keep()
    two.fetch()
    folder_of(two.folder, manifest="two's")
    two.keep()
    folder_of(one.folder, manifest="one's")
    with pytest.raises(RunError, match="another machine has kept"):
        one.keep()
    three = Remote(f"file://{tmp_path}/store", tmp_path / "three")
    three.fetch()
    assert contents(three.folder) == {"manifest": "two's"}


def test_calls_that_were_not_kept_stay_beside_those_that_were(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    for remote, text in ((one, "one's"), (two, "two's")):
        calls = remote.folder / "calls" / "judge"
        calls.mkdir(parents=True)
        (calls / "journal-000001.jsonl").write_text(text)
    one.keep()
    two.fetch()
    found = sorted((two.folder / "calls" / "judge").iterdir())
    assert [path.read_text() for path in found] == ["one's", "two's"]


def test_a_copy_of_another_version_or_with_a_password_is_refused(tmp_path: Path) -> None:
    remote = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1"))
    remote.keep()
    remote._write("index.json", {"format": 0})
    with pytest.raises(RunError, match="another name"):
        remote.fetch()
    raw = small_batch(tmp_path).model_dump(mode="json") | {"remote": "ftp://me:secret@host/x"}
    with pytest.raises(ConfigError, match="password"):
        RunConfig.check(raw, "test")


def test_content_that_is_not_what_was_kept_is_told(tmp_path: Path) -> None:
    remote = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "here", part1="a"))
    remote.keep()
    next((tmp_path / "store" / "solutions").iterdir()).write_text("b")
    with pytest.raises(RunError, match="not what was kept"):
        Remote(f"file://{tmp_path}/store", tmp_path / "there").fetch()


@pytest.mark.parametrize(
    "name", ["../theirs", "solutions/../../theirs", "/tmp/theirs", ".ssh/config"]
)
def test_an_index_can_t_name_a_file_outside_the_run(tmp_path: Path, name: str) -> None:
    one = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "one", part1="a"))
    one.keep()
    index = tmp_path / "store" / "index.json"
    index.write_text(index.read_text().replace("solutions/part-1.parquet", name))
    two = Remote(f"file://{tmp_path}/store", tmp_path / "two")
    with pytest.raises(RunError, match="no file of a run"):
        two.fetch()
    assert not (tmp_path / "theirs").exists()
