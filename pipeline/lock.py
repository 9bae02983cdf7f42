"""Who works in a run folder: one process at a time, by a lock that dies with its process.

A killed run, or a machine that went down, never blocks the next one.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from pipeline.errors import InUseError
from pipeline.files import make_folder, unwritable

log = logging.getLogger(__name__)

POLL_S = 1.0
A_MOMENT_S, OF_THE_DEAD_S = 0.2, 5.0
_open: set[TextIOWrapper] = set()


def _let_go_in_child() -> None:
    """A forked child (an engine's worker, say) must not keep the lock of a parent that was killed."""
    for file in _open:
        file.close()
    _open.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder. Raises InUseError that names the holder when another process has it."""
    make_folder(folder)
    try:
        file = (folder / ".lock").open("a+")
    except OSError as error:
        raise unwritable(folder, error) from error
    with file:
        if not _taken(file):
            raise InUseError(
                f"{folder}: in use by {_said(file)}; wait for it (`--wait` does), or give this run "
                "another name"
            )
        _open.add(file)
        try:
            file.seek(0)
            file.truncate()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            file.write(f"process {os.getpid()} on {os.uname().nodename} since {since}")
            file.flush()
            yield
        finally:
            _open.discard(file)


def _taken(file: TextIOWrapper) -> bool:
    """Tried for a moment: who only looks (`holder`) has it so long. Longer where the holder is dead: a child
    that it was making when it was killed keeps the lock until it is the program that it is to be."""
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = OF_THE_DEAD_S if _is_dead(_said(file)) else A_MOMENT_S
            if time.monotonic() - began > patience:
                return False
            time.sleep(0.02)
        else:
            return True


def _is_dead(holder: str) -> bool:
    """Whether it is a process of this machine that is no more."""
    found = re.fullmatch(r"process (\d{1,9}) on (\S+) since \S+", holder)
    if found is None or found[2] != os.uname().nodename:
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


@asynccontextmanager
async def waiting(folder: Path, wait: bool) -> AsyncIterator[None]:
    """Hold a run folder; with `wait`, once its holder has let go or died."""
    with ExitStack() as stack:
        told = False
        while True:
            try:
                stack.enter_context(locked(folder))
                break
            except InUseError as error:
                if not wait:
                    raise
                if not told:
                    log.warning("waiting: %s", error)
                told = True
                await asyncio.sleep(POLL_S)
        yield


def holder(folder: Path) -> str | None:
    """Who is at work there now ("process 123 on host since ..."); None: nobody."""
    try:
        file = (folder / ".lock").open()
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _said(file)
        return None


def _said(file: TextIOWrapper) -> str:
    file.seek(0)
    return file.read().strip() or "another process"


def start_of(pid: int) -> str | None:
    """When a process of this machine started, in ticks since boot, which tells it from a later one of its
    number; None where it is gone, or dead and not yet waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
