"""One process at a time works in a run folder, and a dead one never blocks it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.errors import InUseError
from pipeline.lock import holder, locked, waiting

ROOT = Path(__file__).resolve().parents[2]


def test_the_holder_is_named_with_process_host_and_since(tmp_path: Path) -> None:
    with locked(tmp_path):
        said = holder(tmp_path)
        assert said is not None
        assert said.startswith(f"process {os.getpid()} on {os.uname().nodename} since 2")
        with pytest.raises(InUseError, match=re.escape(said)), locked(tmp_path):
            pass
    assert holder(tmp_path) is None


def test_a_child_that_outlives_a_killed_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    read, write = os.pipe()
    parent = os.fork()
    if parent == 0:  # holds the folder, and has a child as an engine has its workers
        with locked(tmp_path):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            os.write(write, f"{child}\n".encode())
            time.sleep(60)
        os._exit(0)
    child = int(os.read(read, 20))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    try:
        with locked(tmp_path):
            assert str(os.getpid()) in (tmp_path / ".lock").read_text()
    finally:
        os.kill(child, signal.SIGKILL)
        for pipe in (read, write):
            os.close(pipe)


@pytest.mark.parametrize("dead", [True, False])
def test_a_lock_that_a_dead_holder_left_to_a_child_for_a_moment_is_waited_for(
    tmp_path: Path, dead: bool
) -> None:
    holder_of_it = subprocess.Popen(["sleep", "0" if dead else "60"])
    if dead:
        holder_of_it.wait()
    with (tmp_path / ".lock").open("w") as file:  # as the child has it that is not yet its program
        file.write(f"process {holder_of_it.pid} on {os.uname().nodename} since 2026-01-01")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        end = threading.Timer(1.0, fcntl.flock, (file, fcntl.LOCK_UN))
        end.start()
        try:
            with ExitStack() as stack:
                if not dead:
                    stack.enter_context(pytest.raises(InUseError))
                stack.enter_context(locked(tmp_path))
        finally:
            end.join()
            holder_of_it.kill()
            holder_of_it.wait()


async def test_one_that_waits_begins_when_the_holder_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(tmp_path),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    asyncio.get_running_loop().call_later(0.2, other.kill)
    async with waiting(tmp_path, wait=True):
        assert other.returncode is not None or await other.wait()
    assert f"in use by process {other.pid}" in caplog.text


async def test_one_that_does_not_wait_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(InUseError):
        async with waiting(tmp_path, wait=False):
            pass
