"""The index of a copy may be anybody's: it names no file outside the run, and what is damaged is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.remote import Remote
from tests.pipeline.remote.conftest import folder_of

NAMES = [
    "../theirs",
    "solutions/../../theirs",
    "/tmp/theirs",
    ".ssh/config",
    "solutions/.ssh/config",
    "solutions/\0",
    "calls/judge/journal-x.jsonl",
    "solutions",
    "reviews/deeper/ann.jsonl",
    "reviews/ann.py",
]


def test_a_file_that_an_index_may_not_name_is_not_kept(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1")
    for name in (
        "reviews/notes.txt",
        "reviews/old/ann.jsonl",
        "calls/judge/mine.jsonl",
        "reviews/part-1.parquet",
        "labels/.x/part-1.parquet",
    ):
        (one.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (one.folder / name).write_text("mine")
    assert one.keep() == 1
    assert two.fetch() == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_index_can_t_name_a_file_outside_the_run(tmp_path: Path, name: str) -> None:
    one = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "one", part1="a"))
    one.keep()
    index = one.place.read("index.json")
    assert index is not None
    index["files"] = {name: index["files"]["solutions/part-1.parquet"]}
    one.place.write("index.json", index)
    two = Remote(f"file://{tmp_path}/store", tmp_path / "two")
    with pytest.raises(RunError, match="no file of a run"):
        two.fetch()
    assert not (tmp_path / "theirs").exists()


def test_an_index_can_t_have_a_file_outside_the_run_read_or_removed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("a")
    one = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "one", part1="a"))
    one.keep()
    index = one.place.read("index.json")
    assert index is not None
    for kept_there in index["files"].values():
        kept_there["key"] = "../precious"
    one.place.write("index.json", index)
    two = Remote(f"file://{tmp_path}/store", tmp_path / "two")
    two.fetch()
    (two.folder / "solutions" / "part-1.parquet").unlink()
    folder_of(two.folder, part2="b")
    two.keep()
    assert precious.read_text() == "a"
    for wrong in ({"sha256": "../../precious"}, {"sha256": 3}, None):
        index["files"] = {"solutions/part-1.parquet": wrong}
        one.place.write("index.json", index)
        with pytest.raises(RunError, match=r"index\.json: (names|damaged)"):
            Remote(f"file://{tmp_path}/store", tmp_path / "three").fetch()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "files": [], "serial": 1}', "[" * 9999]
)
def test_an_index_or_a_holder_that_is_damaged_is_told(tmp_path: Path, text: str) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for name in ("index.json", "holder.json"):
        (store / name).write_text(text)
    remote = Remote(f"file://{store}", tmp_path / "here")
    with pytest.raises(RunError, match=r"index\.json: damaged|another name"):
        remote.fetch()
    with pytest.raises(RunError, match=r"holder\.json: damaged"):
        remote.hold()
