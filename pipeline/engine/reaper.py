"""Ends the processes of a killed run. Started beside an in-process vLLM, as a plain script.

vLLM's engine core and workers outlive a parent that is killed by SIGKILL (tried with vLLM 0.32),
and would keep their memory for good. This script watches its parent, remembers which of its
descendants are vLLM's or multiprocessing's, and kills those when the parent is gone.

    python reaper.py PARENT_PID
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

PERIOD_S = 0.5
MARKS = (b"VLLM::", b"multiprocessing")


def _stat(pid: int) -> tuple[int, str] | None:
    """Parent and start time of a process; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return int(fields[1]), fields[19]


def _marked(pid: int) -> bool:
    try:
        return any(mark in Path(f"/proc/{pid}/cmdline").read_bytes() for mark in MARKS)
    except OSError:
        return False


def descendants(root: int) -> dict[int, str]:
    """Marked processes below `root`: pid -> start time."""
    stats = {int(name): _stat(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    below = {root}
    grown = True
    while grown:
        more = {pid for pid, stat in stats.items() if stat and stat[0] in below} - below
        below |= more
        grown = bool(more)
    found = {pid: stats[pid] for pid in below - {root} if _marked(pid)}
    return {pid: stat[1] for pid, stat in found.items() if stat}


def watch(parent: int) -> None:
    known: dict[int, str] = {}
    while os.getppid() == parent:
        known.update(descendants(parent))
        time.sleep(PERIOD_S)
    for pid in list(known):
        known.update(descendants(pid))
    for pid, started in known.items():
        now = _stat(pid)
        if now is not None and now[1] == started:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


if __name__ == "__main__":
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    watch(int(sys.argv[1]))
