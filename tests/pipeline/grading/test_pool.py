"""Who compares answers is shut in where that can be, and elsewhere compares them all the same."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import PrerequisiteError
from pipeline.grading import pool as pool_module
from pipeline.grading.pool import WorkerPool, _guarded
from pipeline.sandbox import command

PROBE = """
import os, socket, sys
sys.path.insert(0, "/code")
from pipeline.sandbox.inside import isolation
port, *user = map(int, sys.argv[1:])
if user:
    isolation.drop_root(*user)
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
print(tried(lambda: open("/etc/passwd")))
print(tried(lambda: os.listdir("/home")))
print(tried(lambda: open("/tmp/file", "w")))
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 5)))
print(os.getuid(), len([name for name in os.listdir("/proc") if name.isdigit()]))
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
    assert Path("/etc/passwd").exists()
    assert Path("/home").exists()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()
        user = [] if (found := command.user_of(7)) is None else [str(found)]
        words = [*command.python_within(()), "-c", PROBE, str(port), *user]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    *tried, seen = done.stdout.splitlines()
    assert len(tried) == 4, done.stderr
    assert "done" not in tried
    uid, processes = map(int, seen.split())
    assert uid == int(user[0]) if user else uid == os.getuid()
    assert processes <= 2  # bubblewrap's first one, and itself


@pytest.mark.usefixtures("shut_in")
async def test_one_that_was_shut_in_is_never_replaced_by_one_that_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pool_of_one() as pool:
        assert await pool.compare("x+1", "1+x") == (True, None)
        monkeypatch.setattr(command, "python_within", lambda *_: ["false"])
        worker = next(iter(pool._open))._process
        worker.kill()
        worker.wait()
        for _ in range(50):  # what bubblewrap held dies a moment after it, and may answer once more
            if (said := (await pool.compare("x+1", "1+x"))[0]) is None:
                break
        assert said is None
        assert await pool.compare("x+1", "1+x") == (True, None)
        assert Path(command_of(pool)).name == "bwrap"


@pytest.mark.parametrize("how", ["not installed", "not allowed"])
async def test_without_a_sandbox_answers_are_compared_all_the_same(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if how == "not installed":
        monkeypatch.setattr(shutil, "which", lambda *_: None)
        assert _guarded() is None
    else:
        refuses = [sys.executable, "-c", "raise SystemExit('no namespaces for you')"]
        monkeypatch.setattr(command, "python_within", lambda *_: refuses)
    with pool_of_one() as pool:
        assert await pool.compare("x+1", "1+x") == (True, None)
        assert Path(command_of(pool)).name.startswith("python")
    assert ("no namespaces for you" in caplog.text) == (how == "not allowed")


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", '"same"', "{" * 4000, "x" * 100_000, '{"same": 1, "why": null}']
)
async def test_a_worker_that_answers_as_none_does_is_lost_and_the_pair_undecided(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies = (
        f"import sys; print('ready', flush=True); sys.stdin.readline(); print({said!r}, flush=True)"
    )
    monkeypatch.setattr(pool_module, "_guarded", lambda: None)
    monkeypatch.setattr(pool_module, "_UNGUARDED", [sys.executable, "-c", lies])
    with pool_of_one() as pool:
        assert await pool.compare("x+1", "1+x") == (None, "comparison over its limits")
        assert pool.replaced == 1
