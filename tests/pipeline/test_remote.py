"""A run that is kept at a URL: what another machine finds there, whatever happened to the first."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline import remote_holder
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InUseError, RunError
from pipeline.remote import Remote, keep_now, remote_run
from pipeline.review.decisions import Decision, Kind, decisions_of, standing
from tests.killing import made_calls, rows_of, run_once
from tests.test_resume import small_batch


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_holder, "SETTLE_S", 0.0)


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


def elsewhere(remote: Remote) -> Remote:
    """As if its process were one of another machine."""
    remote.holder.me = {"process": 7, "started": "1", "machine": "another"}
    return remote


def pair(tmp_path: Path) -> tuple[Remote, Remote]:
    """One on another machine, and one here."""
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    return elsewhere(one), two


def test_a_second_machine_is_told_who_works_there_until_that_one_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(tmp_path)
    one.hold()
    with pytest.raises(InUseError, match=f"process 7 on {os.uname().nodename}"):
        two.hold()
    monkeypatch.setattr(remote_holder, "DEAD_S", 0.05)
    time.sleep(0.1)
    two.hold()


def test_a_process_that_died_on_this_machine_is_known_to_be_dead_at_once(tmp_path: Path) -> None:
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    one.holder.me |= {"process": 2**22 + 1}
    one.hold()
    two.hold()
    two.holder.let_go()
    one.holder.me |= {"process": os.getpid(), "started": "1"}  # its number was given out again
    one.hold()
    two.hold()


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_clock_that_is_wrong_makes_nobody_dead_and_nobody_immortal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    one, two = pair(tmp_path)
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + jump)
    one.hold()
    monkeypatch.undo()
    monkeypatch.setattr(remote_holder, "SETTLE_S", 0.0)
    with pytest.raises(InUseError, match="in use by process 7"):
        two.hold()
    monkeypatch.setattr(remote_holder, "DEAD_S", 0.05)
    time.sleep(0.1)
    two.hold()


@pytest.mark.parametrize("jump", [-1e9, 0, 1e9])
def test_where_a_store_tells_no_times_who_waits_hears_whether_the_holder_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    one, two = pair(tmp_path)

    def untold(self: object, path: str) -> None:
        raise NotImplementedError

    monkeypatch.setattr(type(one.place.fs), "modified", untold)
    monkeypatch.setattr(remote_holder, "DEAD_S", 0.2)
    with monkeypatch.context() as patched:
        true_time = time.time
        patched.setattr(time, "time", lambda: true_time() + jump)
        one.hold()
    for _ in range(3):
        with pytest.raises(InUseError, match="in use by process 7"):
            two.hold()
        time.sleep(0.1)
        one.holder.beat()
    with pytest.raises(InUseError, match="in use by process 7"):
        two.hold()
    time.sleep(0.3)
    two.hold()
    assert not list((tmp_path / "store").glob("now-*"))


def test_a_store_that_is_slow_to_show_what_was_written_makes_nobody_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(tmp_path)
    one.hold()
    modified = type(one.place.fs).modified

    def late(self: object, path: str) -> Any:
        if "now-" in path:
            raise FileNotFoundError(path)
        return modified(self, path)

    monkeypatch.setattr(type(one.place.fs), "modified", late)
    with pytest.raises(RunError, match="now-"):
        two.hold()


def test_of_two_that_begin_in_the_same_instant_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(tmp_path)
    monkeypatch.setattr(remote_holder, "SETTLE_S", 0.3)
    together = threading.Barrier(2)

    def hold(remote: Remote) -> bool:
        found = remote.holder._found

        def both_find_nobody() -> Any:
            seen = found()
            remote.holder._found = found  # type: ignore[method-assign]
            together.wait()
            return seen

        remote.holder._found = both_find_nobody  # type: ignore[method-assign]
        try:
            remote.hold()
        except InUseError:
            return False
        return True

    with ThreadPoolExecutor() as threads:
        assert sorted(threads.map(hold, (one, two))) == [False, True]


def test_who_was_taken_over_learns_it_and_leaves_the_other_one_s_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(tmp_path)
    one.hold()
    monkeypatch.setattr(remote_holder, "DEAD_S", 0.0)
    two.hold()
    monkeypatch.undo()
    with pytest.raises(InUseError, match="taken over by process"):
        one.holder.beat()
    folder_of(one.folder, manifest="one's")
    with pytest.raises(InUseError, match="taken over by process"):
        one.keep()
    one.holder.let_go()
    two.holder.check()
    with pytest.raises(InUseError, match="in use"):
        elsewhere(Remote(f"file://{tmp_path}/store", tmp_path / "three")).hold()


async def test_a_run_that_was_taken_over_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_holder, "BEAT_S", 0.01)
    url, here = f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1")

    async def work() -> None:
        async with remote_run(url, here, wait=False):
            elsewhere(Remote(url, tmp_path / "two")).holder._say()
            await asyncio.sleep(60)

    with pytest.raises(InUseError, match="taken over by process 7"):
        await work()
    assert not (tmp_path / "store" / "index.json").exists()


def test_a_dead_holder_s_late_sign_of_life_is_none(tmp_path: Path) -> None:
    one, two = pair(tmp_path)
    one.hold()
    one.holder.let_go()
    one.holder.beat()
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


async def test_a_review_keeps_what_was_decided_when_it_ends(tmp_path: Path) -> None:
    url, here = f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1")
    await keep_now(url, here)
    row = Decision("a", Kind.NAMED, 1, 1.0, False, 1.0, "2026-01-01T00:00:00.000+00:00")
    decisions_of(here / "reviews", "ann").append(row)
    await keep_now(url, here)
    Remote(url, tmp_path / "there").fetch()
    assert decisions_of(tmp_path / "there" / "reviews", "ann").rows() == [row]


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


def test_what_is_gone_from_the_store_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = kept(tmp_path, small_batch(tmp_path, problems=2))
    run_once(config)
    rows, made = rows_of(config), len(made_calls(config))
    store = tmp_path / "store" / "run"
    for lost in ("solutions/*-part-*", "verdicts/judge/*-manifest.jsonl", "calls/judge/*-part-*"):
        next(store.glob(lost)).unlink()
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert 0 < len(made_calls(config)) < made
    assert caplog.text.count("it is gone; what was in it is made again") == 3
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert made_calls(config) == []


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
