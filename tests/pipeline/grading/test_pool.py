"""Who compares answers is shut in where that can be, and elsewhere compares them all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import PrerequisiteError
from pipeline.grading.pool import _PACKAGES, WorkerPool, _ways
from pipeline.sandbox import command

PROBE = """
import os, socket, sys
sys.path.insert(0, "/code")
from pipeline.sandbox.inside import isolation
if len(sys.argv) > 1:
    isolation.drop_root(int(sys.argv[1]))
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
print(tried(lambda: open(sys.executable + "/../../../etc/passwd")))
print(tried(lambda: os.listdir("/home")))
print(tried(lambda: open("/tmp/file", "w")))
print(tried(lambda: socket.create_connection(("127.0.0.1", 22), 1)))
print(os.getuid(), sorted(p for p in os.listdir("/proc") if p.isdigit()))
"""


@contextmanager
def pool_of_one() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, 60.0)
    try:
        yield pool
    finally:
        pool.close()


def command_of(pool: WorkerPool) -> str:
    (worker,) = pool._open
    return str(worker._process.args[0])  # type: ignore[index]


@pytest.fixture
def shut_in() -> None:
    """Skips where this machine has no sandbox, and says why."""
    try:
        words = [*command.python_within(()), "-c", "print(6 * 7)"]
    except PrerequisiteError as error:
        pytest.skip(str(error))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.stdout != "42\n":
        pytest.skip(f"bubblewrap doesn't start here: {done.stderr}")


@pytest.mark.usefixtures("shut_in")
async def test_answers_are_compared_where_there_is_nothing_to_steal() -> None:
    with pool_of_one() as pool:
        assert await pool.compare(r"\frac{x^2-1}{x-1}", "x+1") == (True, None)
        assert Path(command_of(pool)).name == "bwrap"


@pytest.mark.usefixtures("shut_in")
def test_who_compares_sees_no_file_no_network_and_no_process_of_the_machine() -> None:
    user = command.user_of(7)
    words = [*command.python_within(_PACKAGES), "-c", PROBE, *([str(user)] if user else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    *tried, seen = done.stdout.splitlines()
    assert len(tried) == 4, done.stderr
    assert "done" not in tried
    uid, _, processes = seen.partition(" ")
    assert int(uid) == (user or os.getuid()) != 0
    assert processes.count("'") <= 4  # bubblewrap's first process, and itself


@pytest.mark.parametrize("how", ["not installed", "not allowed"])
async def test_without_a_sandbox_answers_are_compared_all_the_same(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "not installed":
        monkeypatch.setattr(shutil, "which", lambda *_: None)
        assert len(list(_ways())) == 1
    else:
        monkeypatch.setattr(command, "python_within", lambda *_: ["false"])
    with pool_of_one() as pool:
        assert await pool.compare("x+1", "1+x") == (True, None)
        assert Path(command_of(pool)).name.startswith("python")
