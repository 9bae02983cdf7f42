"""A run that is kept at a URL: what another machine finds there, whatever happened to the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.errors import ConfigError, RunError
from pipeline.remote import Remote
from pipeline.review.decisions import Decision, Kind, decisions_of, standing
from tests.pipeline.remote.conftest import contents, folder_of
from tests.test_resume import small_batch


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
    store = type(remote.place.fs)
    write = store.put_file
    seen = []
    for steps in range(6):
        left = [steps]

        def put(self: Any, source: str, path: str, left: list[int] = left, **_: Any) -> None:
            if left[0] == 0:
                Path(path).write_bytes(b"")  # half of it
                raise OSError("cut off")
            left[0] -= 1
            write(self, source, path)

        monkeypatch.setattr(store, "put_file", put)
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


@pytest.mark.parametrize("after", range(4))
def test_a_fetch_that_is_cut_off_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1", part1="a", part2="b", part3="c")
    one.keep()
    store = type(two.place.fs)
    get, left = store.get_file, [after]

    def cut_off(self: Any, *paths: str, **_: Any) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        get(self, *paths)

    monkeypatch.setattr(store, "get_file", cut_off)
    with pytest.raises(KeyboardInterrupt):
        two.fetch()
    monkeypatch.undo()
    Remote(f"file://{tmp_path}/store", two.folder).fetch()
    assert contents(two.folder) == contents(one.folder)


def test_what_people_decided_on_two_machines_is_put_together(tmp_path: Path) -> None:
    one, two, three = (Remote(f"file://{tmp_path}/store", tmp_path / n) for n in ("1", "2", "3"))

    def decide(remote: Remote, solution: str, minute: int) -> None:
        at = f"2026-01-01T00:{minute:02}:00.000+00:00"
        row = Decision(solution, Kind.NAMED, minute, 1.0, False, 1.0, at)
        decisions_of(remote.folder / "reviews", "ann").append(row)

    def minutes(remote: Remote) -> list[int | None]:
        return [row.first_error for row in decisions_of(remote.folder / "reviews", "ann").rows()]

    folder_of(one.folder, manifest="1")
    decide(one, "a", 1)
    one.keep()
    two.fetch()
    decide(one, "a", 4)
    decide(two, "a", 3)
    decide(two, "b", 5)
    two.keep()
    one.fetch()
    assert minutes(one) == [1, 3, 4, 5]
    one.keep()
    decide(two, "b", 6)
    two.fetch()
    two.keep()
    three.fetch()
    assert minutes(two) == minutes(three) == [1, 3, 4, 5, 6]
    assert standing(decisions_of(three.folder / "reviews", "ann").rows())["a"].first_error == 4


def test_decisions_that_were_never_kept_stay(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1")
    one.keep()
    mine = two.folder / "reviews" / "ann.jsonl"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    two.fetch()
    assert mine.read_text() == "mine"


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


def test_calls_that_are_compacted_while_a_copy_is_made_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Remote(f"file://{tmp_path}/store", tmp_path / "one")
    for stage in ("first", "second"):
        calls = remote.folder / "calls" / stage
        calls.mkdir(parents=True)
        (calls / "journal-000001.jsonl").write_text(stage)
    put = remote._put

    def put_and_compact(source: Path, key: str) -> None:
        put(source, key)
        if (journal := calls / "journal-000001.jsonl").exists():
            journal.rename(calls / "part-1.parquet")

    monkeypatch.setattr(remote, "_put", put_and_compact)
    remote.keep()
    other = Remote(f"file://{tmp_path}/store", tmp_path / "two")
    other.fetch()
    assert (other.folder / "calls/second/part-1.parquet").read_text() == "second"


def test_a_copy_of_another_version_or_with_a_password_is_refused(tmp_path: Path) -> None:
    remote = Remote(f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1"))
    remote.keep()
    remote.place.write("index.json", {"format": 0})
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


def test_a_folder_of_another_past_becomes_what_was_kept_but_for_its_calls(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    assert two.fetch() == 0
    folder_of(one.folder, manifest="1")
    one.keep()
    rounds, calls = two.folder / "cascade" / "rounds" / "003", two.folder / "calls" / "judge"
    for folder in (rounds, calls):
        folder.mkdir(parents=True)
        (folder / "part-1.parquet").write_text("two's")
    folder_of(two.folder, part2="b", learned="{}")
    two.fetch()
    assert contents(two.folder) == {"manifest": "1"}
    assert not list(rounds.iterdir())
    assert [path.name for path in calls.iterdir()] == ["part-1.parquet"]


def test_a_run_that_never_had_to_do_with_the_copy_is_left_as_it_is(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    folder_of(one.folder, manifest="1", part1="a")
    one.keep()
    folder_of(two.folder, manifest="2", part2="b")
    before = contents(two.folder)
    with pytest.raises(RunError, match="never kept at"):
        two.fetch()
    elsewhere_too = Remote(f"file://{tmp_path}/other", two.folder)
    elsewhere_too.fetch()
    elsewhere_too.keep()
    with pytest.raises(RunError, match="never kept at"):
        two.fetch()
    assert contents(two.folder) == before
