"""The durable record of model calls: what resume and replay read.

A folder of append-only files `journal-000001.jsonl`, one JSON object a line that ends with its own
checksum, written by one thread that fsyncs in groups; `compact()` turns them into Parquet parts.
`await append(record)` returns when the record is on disk: the call is then finished for good.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.engine.journal_files import (
    CallRecord,
    decode_line,
    encode_line,
    read_line,
    scan_file,
)
from pipeline.engine.journal_parts import PartReader, write_part, write_rows
from pipeline.engine.journal_writer import JournalWriter
from pipeline.errors import RunError
from pipeline.records import Cost

log = logging.getLogger(__name__)

_OFFSET_BITS = 40


class CallJournal:
    """Calls by key. One process writes to a folder at a time; any number may read.

    Memory is 16 bytes a record that was there at opening, about 150 for one appended since.
    Raises RunError for a damaged file (naming it and the line) or a folder in use.
    A last line that was cut short by a crash was never acknowledged; a writer cuts it off.
    """

    def __init__(self, folder: str | Path, *, read_only: bool = False) -> None:
        self.folder = Path(folder)
        self.read_only = read_only
        self._mutex = threading.RLock()
        self._files: list[Path | PartReader] = []
        self._handles: dict[int, IO[bytes]] = {}
        self._fresh: dict[int, int] = {}
        self._woken: list[tuple[asyncio.Future[None], RunError | None]] = []
        self._writer: JournalWriter | None = None
        self._current = -1
        self._lock_file: IO[bytes] | None = None
        if not read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock_file = _lock(self.folder)
            for stale in self.folder.glob(".tmp-*"):
                stale.unlink()
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        """Read the keys of every file; the texts stay on disk."""
        keys: list[int] = []
        places: list[int] = []
        self.fingerprints: set[str] = set()
        for path in sorted(self.folder.glob("part-*.parquet")):
            part = PartReader(path)
            self._files.append(part)
            self.fingerprints |= part.fingerprints
            for row, key in enumerate(part.keys):
                keys.append(_short(key))
                places.append(_place(len(self._files) - 1, row))
        for path in sorted(self.folder.glob("journal-*.jsonl")):
            self._files.append(path)
            scan = scan_file(path, truncate=not self.read_only)
            self.fingerprints |= scan.fingerprints
            for key, offset in scan.entries:
                keys.append(_short(key))
                places.append(_place(len(self._files) - 1, offset))
        all_keys = np.array(keys, dtype=np.uint64)
        self._keys, first = np.unique(all_keys, return_index=True)
        self._places = np.array(places, dtype=np.int64)[first]

    def __len__(self) -> int:
        return len(self._keys) + len(self._fresh)

    def __contains__(self, key: str) -> bool:
        with self._mutex:
            return self._find(key) is not None

    def _find(self, key: str) -> int | None:
        short = _short(key)
        if short in self._fresh:
            return self._fresh[short]
        if not len(self._keys):
            return None
        at = int(np.searchsorted(self._keys, np.uint64(short)))
        if at < len(self._keys) and int(self._keys[at]) == short:
            return int(self._places[at])
        return None

    def get(self, key: str) -> CallRecord | None:
        """The durable record of `key`, or None."""
        with self._mutex:
            place = self._find(key)
            if place is None:
                return None
            record = self._read(place)
        return record if record.key == key else None

    def _read(self, place: int) -> CallRecord:
        number, offset = place >> _OFFSET_BITS, place & ((1 << _OFFSET_BITS) - 1)
        file = self._files[number]
        if isinstance(file, PartReader):
            return file.record(offset)
        handle = self._handles.get(number)
        if handle is None:
            handle = self._handles[number] = open(file, "rb")  # noqa: SIM115
        return decode_line(read_line(handle, offset), file, offset)

    def records(self) -> Iterator[CallRecord]:
        """Every durable record once, in the order they were written."""
        with self._mutex:
            places = sorted({*map(int, self._places), *self._fresh.values()})
        for place in places:
            with self._mutex:
                record = self._read(place)
            yield record

    def costs(self) -> dict[str, Cost]:
        """Of the durable records, each once, by the engine's fingerprint."""
        with self._mutex:
            places = {*map(int, self._places), *self._fresh.values()}
        by_file: dict[int, list[int]] = {}
        for place in places:
            by_file.setdefault(place >> _OFFSET_BITS, []).append(place)
        total: dict[str, Cost] = {}
        for number, of_file in by_file.items():
            file = self._files[number]
            if isinstance(file, PartReader) and len(of_file) == len(file.keys):
                found: Iterable[tuple[str, Cost]] = file.costs().items()
            else:
                records = (self._read(place) for place in of_file)
                found = ((record.fingerprint, record.cost) for record in records)
            for name, cost in found:
                total[name] = total.get(name, Cost()) + cost
        return total

    async def append(self, record: CallRecord) -> None:
        """Returns when `record` is durable. Raises RunError when it can't be written."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self.submit(record, lambda error: self._wake(loop, waiter, error))
        await waiter

    def submit(self, record: CallRecord, told: Callable[[RunError | None], None]) -> None:
        """Hand `record` to the writer thread, which calls `told` when it is durable, or can't be."""
        if self.read_only:
            raise RunError(f"{self.folder}: opened for reading only; nothing can be recorded")
        line = encode_line(record)
        with self._mutex:
            if self._writer is None:
                self._writer = self._new_writer()
            number = self._current

            def durable(offset: int) -> None:
                with self._mutex:
                    self._fresh[_short(record.key)] = _place(number, offset)
                    self.fingerprints.add(record.fingerprint)

            self._writer.submit(line, durable, told)

    def _wake(
        self,
        loop: asyncio.AbstractEventLoop,
        waiter: asyncio.Future[None],
        error: RunError | None,
    ) -> None:
        """In the writer's thread; those of a group together, since a call into the loop for each would
        cost more than its record."""
        with self._mutex:
            self._woken.append((waiter, error))
            if len(self._woken) > 1:
                return
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._mutex:
            woken, self._woken = self._woken, []
        for waiter, error in woken:
            if waiter.done():
                continue  # cancelled; its record is durable all the same
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _new_writer(self) -> JournalWriter:
        numbers = [int(p.stem.split("-")[1]) for p in self.folder.glob("journal-*.jsonl")]
        path = self.folder / f"journal-{max(numbers, default=0) + 1:06d}.jsonl"
        self._files.append(path)
        self._current = len(self._files) - 1
        return JournalWriter(path)

    def seal(self) -> None:
        """Finish the file being written; the next record begins another."""
        with self._mutex:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def compact(self) -> Path | None:
        """Turn the journal files into one zstd Parquet part; None when there are none.

        The part is written aside, fsynced and renamed before the files it replaces are removed,
        so a crash at any instant loses nothing. No append may run meanwhile.
        """
        if self.read_only:
            raise RunError(f"{self.folder}: opened for reading only; can't be compacted")
        self.seal()
        with self._mutex:
            paths = [file for file in self._files if isinstance(file, Path)]
            known: set[str] = set()
            for file in self._files:
                if isinstance(file, PartReader):
                    known.update(file.keys)
            part = write_part(self.folder, paths, known)
            self._forget()
            for path in paths:
                path.unlink()
            self._load()
        return part

    def keep_only(self, wanted: Callable[[CallRecord], bool]) -> None:
        """Remove the records that aren't wanted. Those of a part that are go to a part of their own first,
        so a crash at any instant loses none of them. No append may run meanwhile."""
        self.compact()
        with self._mutex:
            for reader in [file for file in self._files if isinstance(file, PartReader)]:
                kept = [row for row in range(len(reader.keys)) if wanted(reader.record(row))]
                if len(kept) < len(reader.keys):
                    write_rows(self.folder, reader, kept)
                    reader.path.unlink()
            self._forget()
            self._load()

    def _forget(self) -> None:
        for handle in self._handles.values():
            handle.close()
        for file in self._files:
            if isinstance(file, PartReader):
                file.close()
        self._handles.clear()
        self._files.clear()
        self._fresh.clear()

    def close(self) -> None:
        """Write what is pending and let go of the folder. Closing twice is harmless."""
        self.seal()
        with self._mutex:
            for handle in self._handles.values():
                handle.close()
            self._handles.clear()
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None


def compact_left(folder: Path) -> None:
    """What a run that was killed as it compacted has left: nobody needs those calls any more, but each would
    be on disk twice. A damaged file stays where it is, and a warning says so."""
    if not any(folder.glob("journal-*.jsonl")):
        return
    try:
        journal = CallJournal(folder)
        try:
            journal.compact()
        finally:
            journal.close()
    except RunError as error:
        log.warning("%s", error)


def _short(key: str) -> int:
    return int(key[:16], 16)


def _place(number: int, offset: int) -> int:
    return number << _OFFSET_BITS | offset


def _lock(folder: Path) -> IO[bytes]:
    """A POSIX lock: it ends with this process, and children do not inherit it."""
    file = open(folder / ".lock", "ab")  # noqa: SIM115
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise RunError(
            f"{folder}: another process (not {os.getpid()}) writes calls here; "
            "wait for it, or end it, and start again"
        ) from error
    return file
