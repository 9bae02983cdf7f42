"""The one thread that writes a journal file: records that come within a few milliseconds of each
other share one write and one fsync."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import RunError
from pipeline.files import sync_folder

GROUP_S = 0.02
GROUP_BYTES = 1 << 22


class _Entry(NamedTuple):
    line: bytes
    durable: Callable[[int], None]
    told: Callable[[RunError | None], None]


class JournalWriter:
    """Appends lines to a new file at `path`. `submit` may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        sync_folder(path.parent)
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._size = 0
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        line: bytes,
        durable: Callable[[int], None],
        told: Callable[[RunError | None], None],
    ) -> None:
        """`durable(offset)` is called, then `told`, when the line is on disk; both in the writer's
        thread. Where it can't be written only `told` is, with the error."""
        self._queue.put(_Entry(line, durable, told))

    def close(self) -> None:
        """Write what is pending, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        running = True
        while running:
            group, running = self._next_group()
            if group:
                self._write(group)
        os.close(self._handle)

    def _next_group(self) -> tuple[list[_Entry], bool]:
        """Wait for a record, then for those that follow within GROUP_S: asleep, since a thread that
        each of them woke would take the interpreter from who makes them."""
        first = self._queue.get()
        if first is None:
            return [], False
        group = [first]
        size = len(first.line)
        time.sleep(GROUP_S)
        while size < GROUP_BYTES:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return group, False
            group.append(entry)
            size += len(entry.line)
        return group, True

    def _write(self, group: list[_Entry]) -> None:
        start = self._size
        try:
            if self._failure is not None:
                raise self._failure
            data = memoryview(b"".join(entry.line for entry in group))
            while data:
                data = data[os.write(self._handle, data) :]
            os.fsync(self._handle)
        except OSError as error:
            self._failure = error
            for entry in group:
                entry.told(RunError(f"{self.path}: can't record a call: {error}"))
            return
        for entry in group:
            entry.durable(start)
            start += len(entry.line)
            entry.told(None)
        self._size = start
