"""Who works with a run that is kept at a URL: one process, until it lets go or has died."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InUseError, RunError
from pipeline.remote import Remote, holder
from tests.pipeline.remote.conftest import elsewhere, folder_of, pair


def test_a_second_machine_is_told_who_works_there_until_that_one_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(tmp_path)
    one.hold()
    with pytest.raises(InUseError, match=f"process 7 on {os.uname().nodename}"):
        two.hold()
    monkeypatch.setattr(holder, "DEAD_S", 0.05)
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
    monkeypatch.setattr(holder, "SETTLE_S", 0.0)
    with pytest.raises(InUseError, match="in use by process 7"):
        two.hold()
    monkeypatch.setattr(holder, "DEAD_S", 0.05)
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
    monkeypatch.setattr(holder, "DEAD_S", 0.2)
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
    monkeypatch.setattr(holder, "SETTLE_S", 0.3)
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
    monkeypatch.setattr(holder, "DEAD_S", 0.0)
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


def test_a_dead_holder_s_late_sign_of_life_is_none(tmp_path: Path) -> None:
    one, two = pair(tmp_path)
    one.hold()
    one.holder.let_go()
    one.holder.beat()
    two.hold()
