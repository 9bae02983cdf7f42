"""The processes that one `steplabel up` started, and all that these started in turn.

Each carries a mark in its environment, which children inherit. So they are found exactly, also when
`up` itself was killed, and no process of anybody else is ever touched. Linux only (/proc).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.files import read_json
from pipeline.lock import start_of

MARK = "STEPLABEL_UP"
SERVICE = "STEPLABEL_UP_SERVICE"
DRAIN_S = 30.0
END_S = 10.0


def home() -> Path:
    """Where Prefect keeps what it knows on this machine; ours lies in a folder below."""
    return Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser() / "steplabel"


def facts_of_up() -> dict[str, Any] | None:
    """What the `up` of this machine, or one that was killed, says of itself; None where there is none."""
    facts: dict[str, Any] | None = read_json(home() / "up.json")
    return facts


class Process(NamedTuple):
    """`started` in clock ticks since boot: a number that is given out again is not mistaken for it."""

    pid: int
    started: str
    command: str
    service: str


def marked(mark: str, service: str | None = None) -> list[Process]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := _read(int(name), mark)) is not None:
            found.append(process)
    return [p for p in found if service in (None, p.service)]


def _read(pid: int, mark: str) -> Process | None:
    place = Path(f"/proc/{pid}")
    try:
        environment = (place / "environ").read_bytes().split(b"\0")
        if f"{MARK}={mark}".encode() not in environment:
            return None
        command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    started = start_of(pid)
    services = [e[len(SERVICE) + 1 :] for e in environment if e.startswith(f"{SERVICE}=".encode())]
    if started is None:
        return None
    return Process(pid, started, command, services[0].decode() if services else "")


def end(processes: list[Process], first: signal.Signals, grace_s: float) -> None:
    """Send `first`; what still lives after `grace_s` is killed. Returns when all are gone, or after END_S
    more, as a process that waits for a disk can't be killed."""
    _send(processes, first)
    deadline = time.monotonic() + grace_s
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.1)
    _send(processes, signal.SIGKILL)
    deadline = time.monotonic() + END_S
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)


def end_all(mark: str) -> int:
    """How many there were. The worker goes first, so that it starts nothing more; the runs it started
    may end what they are at; the server goes last, and hears how they ended."""
    there = marked(mark)
    end([p for p in there if "prefect worker start" in p.command], signal.SIGKILL, 0.0)
    end([p for p in marked(mark, "worker") if _is_run(p)], signal.SIGTERM, DRAIN_S)
    end(marked(mark, "worker"), signal.SIGKILL, 0.0)
    end(marked(mark), signal.SIGTERM, END_S)
    return len(there)


def _is_run(process: Process) -> bool:
    return "prefect.engine" in process.command


def _lives(process: Process) -> bool:
    return start_of(process.pid) == process.started


def _send(processes: list[Process], number: signal.Signals) -> None:
    for process in processes:
        if _lives(process):
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue
