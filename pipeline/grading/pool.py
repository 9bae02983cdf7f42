"""Worker processes that compare answers, each with a hard limit of time and memory.

What they parse was written by models, so where this machine has bubblewrap they see no network, no process
and no file of it but Python and the system's libraries; elsewhere they have their limits alone. A worker
that takes too long, dies or says what it should not is killed and replaced, and the pair is undecided; one
that a text took over could still answer wrongly. Workers start when the first pair needs one. Threads wait
for them, so any event loop can use the pool.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

from pipeline.errors import PrerequisiteError
from pipeline.sandbox import command

log = logging.getLogger(__name__)

MEMORY_BYTES = 2 << 30
START_SECONDS = 180.0
STARTS = 3
MOST_ANSWER = 1 << 12
_SCRIPT = Path(__file__).with_name("worker.py")
_PACKAGES = ("math_verify", "latex2sympy2_extended", "antlr4", "sympy", "mpmath")
_RUNTIME = "antlr4-python3-runtime"
"""Its version is read from its metadata."""
_NUMBER = 499
"""Beyond those of zygotes."""
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
_UNGUARDED = [sys.executable, "-P", "-B", str(_SCRIPT), str(MEMORY_BYTES)]


class _Worker:
    """One process, used by one thread."""

    def __init__(self, words: list[str]) -> None:
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self.is_ready = self._line(START_SECONDS) is not None

    def compare(
        self, pred: str, gold: str, timeout_s: float
    ) -> tuple[bool | None, str | None] | None:
        """None when the worker died, was killed for taking too long, or doesn't answer as it should."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"pred": pred, "gold": gold}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._line(timeout_s)
        return None if line is None else _read(line)

    def _line(self, timeout_s: float) -> str | None:
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout_s, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            return self._process.stdout.readline(MOST_ANSWER) or None
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


def _read(line: str) -> tuple[bool | None, str | None] | None:
    """(same, why) as a worker writes it."""
    try:
        answer = json.loads(line)
        same, why = answer["same"], answer["why"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(same, bool | None) or not isinstance(why, str | None):
        return None
    return same, why


def _guarded() -> list[str] | None:
    """How a worker is started that is shut in; None where there is no bubblewrap."""
    try:
        found = Path(str(distribution(_RUNTIME).locate_file(""))).glob("antlr4_*.dist-info")
        files = {f"/packages/{path.name}": path for path in found} | {"/code/worker.py": _SCRIPT}
        python = command.python_within(_PACKAGES, files)
    except (PrerequisiteError, ImportError):  # what is absent is said when none starts at all
        return None
    user = command.user_of(_NUMBER)
    who = [] if user is None else [str(user)]
    return [*python, "/code/worker.py", str(MEMORY_BYTES), *who]


def _started(words: list[str]) -> _Worker | None:
    worker = _Worker(words)
    if worker.is_ready:
        return worker
    worker.close()
    return None


def _why_not(words: list[str]) -> str:
    """What a command says that ends at once."""
    try:
        done = subprocess.run(words, capture_output=True, timeout=60, env=_ENVIRONMENT, input=b"")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:300]
    return done.stderr.decode("utf-8", "replace").strip()[-300:] or f"exit code {done.returncode}"


class WorkerPool:
    """`workers` processes; a comparison that takes over `timeout_s` seconds is undecided."""

    def __init__(self, workers: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="grading")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._open: set[_Worker] = set()
        self._starting = threading.Lock()
        self._words: list[str] | None = None
        """How workers are started, once the first has."""
        self.replaced = 0
        """Workers killed or lost so far."""

    @property
    def is_shut_in(self) -> bool:
        """Whether bubblewrap shuts the workers in, once the first has started."""
        return self._words is not None and self._words is not _UNGUARDED

    async def compare(self, pred: str, gold: str) -> tuple[bool | None, str | None]:
        """(same, None), or (None, why). Raises PrerequisiteError when no worker can start."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._compare, pred, gold)

    def _compare(self, pred: str, gold: str) -> tuple[bool | None, str | None]:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = self._start()
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

    def _start(self) -> _Worker:
        """Shut in wherever the first one could be: what is compared must not choose. Raises
        PrerequisiteError."""
        with self._starting:
            guarded = _guarded() if self._words is None else None
            if guarded is not None:
                if worker := _started(guarded):
                    self._words = guarded
                    return worker
                log.warning(
                    "answers are compared by a process that bubblewrap doesn't shut in: %s",
                    _why_not(guarded),
                )
            self._words = self._words or _UNGUARDED
            for _ in range(STARTS):
                if worker := _started(self._words):
                    return worker
        raise PrerequisiteError(
            "answers can't be compared: math-verify doesn't start in a worker process; "
            "check `python -c 'import math_verify'`, or `pip install math-verify`"
        )

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._open:
            worker.close()
        self._open.clear()
