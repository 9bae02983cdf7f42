"""Worker processes that compare answers, each with a hard limit of time and memory.

What they parse was written by models, so where this machine has bubblewrap they see no file, no network and
no process of it; elsewhere they have their limits alone. A worker that takes too long, or dies, is killed
and replaced, and the pair is undecided. Workers start when the first pair needs one. Threads wait for
them, so any event loop can use the pool.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

from pipeline.errors import PrerequisiteError
from pipeline.sandbox import command

MEMORY_BYTES = 2 << 30
START_SECONDS = 180.0
_SCRIPT = Path(__file__).with_name("worker.py")
_PACKAGES = ("math_verify", "latex2sympy2_extended", "antlr4", "sympy", "mpmath")
_RUNTIME = "antlr4-python3-runtime"
"""Its version is read from its metadata."""
_NUMBER = 499
"""Beyond those of zygotes."""
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}


class _Worker:
    """One process, used by one thread."""

    def __init__(self) -> None:
        for words in _ways():
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                text=True,
                encoding="utf-8",
            )
            if self._line(START_SECONDS) is not None:
                return
            self.close()
        raise PrerequisiteError(
            "answers can't be compared: math-verify doesn't start in a worker process; "
            "check `python -c 'import math_verify'`, or `pip install math-verify`"
        )

    def compare(
        self, pred: str, gold: str, timeout_s: float
    ) -> tuple[bool | None, str | None] | None:
        """None when the worker died or was killed for taking too long."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"pred": pred, "gold": gold}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._line(timeout_s)
        if line is None:
            return None
        answer = json.loads(line)
        return answer["same"], answer["why"]

    def _line(self, timeout_s: float) -> str | None:
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout_s, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            return self._process.stdout.readline() or None
        finally:
            alarm.cancel()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # a line that the dead worker never read


def _ways() -> Iterator[list[str]]:
    """How a worker is started: shut in, and where that can't be, with limits alone."""
    limits = [str(MEMORY_BYTES)]
    try:
        found = Path(str(distribution(_RUNTIME).locate_file(""))).glob("antlr4_*.dist-info")
        files = {f"/packages/{path.name}": path for path in found} | {"/code/worker.py": _SCRIPT}
        user = command.user_of(_NUMBER)
        who = [] if user is None else [str(user)]
        yield [*command.python_within(_PACKAGES, files), "/code/worker.py", *limits, *who]
    except (PrerequisiteError, ImportError):
        pass  # no bubblewrap; or the next way will say what is absent
    yield [sys.executable, "-P", "-B", str(_SCRIPT), *limits]


class WorkerPool:
    """`workers` processes; a comparison that takes over `timeout_s` seconds is undecided."""

    def __init__(self, workers: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="grading")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._open: set[_Worker] = set()
        self.replaced = 0
        """Workers killed or lost so far."""

    async def compare(self, pred: str, gold: str) -> tuple[bool | None, str | None]:
        """(same, None), or (None, why). Raises PrerequisiteError when no worker can start."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._compare, pred, gold)

    def _compare(self, pred: str, gold: str) -> tuple[bool | None, str | None]:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = _Worker()
            with self._lock:
                self._open.add(worker)
        answer = worker.compare(pred, gold, self._timeout_s)
        if answer is not None:
            return answer
        self._own.worker = None
        with self._lock:
            self._open.discard(worker)
            self.replaced += 1
        worker.close()
        return None, "comparison over its limits"

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._open:
            worker.close()
        self._open.clear()
