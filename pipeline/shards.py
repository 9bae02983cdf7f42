"""A stage's rows on disk: immutable Parquet parts and the manifest that says which of them count.

A part is written to a temporary name, fsynced, renamed, and only then entered in `manifest.jsonl`
with its sha256 and row count, so a run killed at any instant leaves whole parts and maybe a stray
file that no one reads. Each entry carries the fingerprint of what made it (configuration, code and
model versions); rows of another fingerprint stay on disk and are not read.

Done-ness is known for each row: a batch may grow, and shards may be cut anew, without any row being
made twice.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrow import Record, to_table
from pipeline.errors import RunError
from pipeline.files import read_object, replacing, sha256_of, sync_folder, write_json
from pipeline.records import content_hash

log = logging.getLogger(__name__)

RecordT = TypeVar("RecordT", bound=Record)

_PART = re.compile(r"part-[0-9a-f]+\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of the manifest."""

    file: str
    sha256: str
    rows: int
    bytes: int
    fingerprint: str


class Store:
    """The parts of one stage. One process writes (the run's lock sees to it), any number read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.jsonl"

    def open(self, fingerprint: str) -> None:
        """Make `fingerprint` current; set damaged parts aside: their rows are made again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stray in self.folder.glob(".*.tmp"):
            stray.unlink()
        self._drop_torn_line()
        parts = self._parts()
        damaged = {part.file: problem for part in parts if (problem := self._damage(part))}
        if damaged:
            self._rewrite([part for part in parts if part.file not in damaged])
        for name, problem in damaged.items():
            path = self.folder / name
            log.warning("%s: %s; its rows are made again", path, problem)
            if path.exists():
                os.replace(path, path.with_name(name + ".damaged"))
        write_json(self.folder / "current.json", {"fingerprint": fingerprint})

    @property
    def fingerprint(self) -> str | None:
        """The current fingerprint; None where the stage has not begun."""
        current = read_object(self.folder / "current.json", ["fingerprint"])
        return None if current is None else str(current["fingerprint"])

    def parts(self) -> list[Part]:
        """The parts of the current fingerprint, in the order they were finished."""
        current = self.fingerprint
        return [part for part in self._parts() if part.fingerprint == current]

    def all_parts(self) -> list[Part]:
        """Those of every fingerprint."""
        return self._parts()

    def forget_others(self, fingerprint: str | None) -> None:
        """Remove the parts of other fingerprints than this (None: all). The manifest ceases to name them
        before they go, so a kill leaves files that no one reads."""
        self._drop_torn_line()
        parts = self._parts()
        self._rewrite([part for part in parts if part.fingerprint == fingerprint])
        kept = {part.file for part in self._parts()}
        for part in parts:
            if part.file not in kept:
                (self.folder / part.file).unlink(missing_ok=True)

    def read(
        self, kind: type[RecordT], columns: Collection[str] | None = None
    ) -> Iterator[RecordT]:
        """Rows of the current parts; where `columns` are named, no other field is set. Raises RunError
        naming a part that can't be read."""
        for part in self.parts():
            if columns is None:
                for batch in self._batches(part.file, None):
                    yield from self.made(kind, batch)
            else:
                for batch in self.part_batches(part.file, kind, columns):
                    yield from self.made(kind, batch, columns)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, object]]:
        """The same as plain dicts."""
        for part in self.parts():
            for batch in self._batches(part.file, columns):
                names = batch.schema.names
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield dict(zip(names, values, strict=True))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The same as Arrow has them, for what is counted of very many rows."""
        for part in self.parts():
            yield from self._batches(part.file, columns)

    def read_part(self, file: str, kind: type[RecordT]) -> list[RecordT]:
        """All rows of one part."""
        return [row for batch in self._batches(file, None) for row in self.made(kind, batch)]

    def part_batches(
        self, file: str, kind: type[Record], columns: Collection[str], lengths: Collection[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Of one part these columns, as the record's schema has them whatever version wrote it. Of the lists
        in `lengths` one leaf alone is read, which tells how many elements there are."""
        names = [name for name in kind.SCHEMA.names if name in columns]
        for batch in self._batches(file, names, lengths, lenient=True):
            stubs = [name for name in batch.schema.names if name not in columns]
            try:
                arrays = [kind.column(batch, name) for name in names]
            except (TypeError, ValueError) as error:
                raise self._other_version(error) from error
            arrays += [batch.column(name) for name in stubs]
            yield pa.RecordBatch.from_arrays(arrays, [*names, *stubs])

    def column(self, file: str, name: str) -> list[Any]:
        """One column of a part."""
        return [one for batch in self._batches(file, [name]) for one in batch.column(0).to_pylist()]

    def made(
        self,
        kind: type[RecordT],
        batch: pa.RecordBatch,
        columns: Collection[str] | None = None,
    ) -> list[RecordT]:
        """The rows of a batch (`Record.from_batch`). Raises RunError where they are none."""
        try:
            return list(kind.from_batch(batch, columns))
        except (TypeError, ValueError) as error:
            raise self._other_version(error) from error

    def _batches(
        self,
        file: str,
        columns: Collection[str] | None,
        lengths: Collection[str] = (),
        lenient: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Of one part, a batch in memory at a time."""
        path = self.folder / file
        try:
            with pq.ParquetFile(path) as parquet:
                missing = set(columns or ()) - set(parquet.schema_arrow.names)
                if missing and not lenient:
                    raise self._other_version(f"no column {', '.join(sorted(missing))}")
                leaves = None if columns is None else [*columns, *_first_leaves(parquet, lengths)]
                # parts are small: Arrow's threads would cost more than they read
                yield from parquet.iter_batches(1024, columns=leaves, use_threads=False)
        except FileNotFoundError as error:
            raise RunError(
                f"{path}: is gone; where a run or relabel is at work it has made others meanwhile, so try "
                "again, else run again to make its rows anew"
            ) from error
        except (OSError, pa.ArrowInvalid) as error:
            raise RunError(f"{path}: damaged ({error}); run again to make its rows anew") from error

    def _other_version(self, what: object) -> RunError:
        return RunError(
            f"{self.folder}: rows of another version of steplabel ({what}); give the run another name, or "
            "delete this folder: its rows are made again from the recorded calls"
        )

    def write(self, rows: Sequence[Record], kind: type[Record]) -> Part:
        """A new part of these rows, durable when this returns."""
        fingerprint = self.fingerprint
        assert fingerprint is not None, "open() comes first"
        return self._write(rows, kind, fingerprint)

    def drop(self, ids: Set[str], kind: type[Record]) -> None:
        """Leave the rows of these ids out of the current parts; a kill leaves all of them or none."""
        before, after = self._parts(), list[Part]()
        for part in before:
            if part.fingerprint == self.fingerprint:
                rows = self.read_part(part.file, kind)
                left = [row for row in rows if getattr(row, kind.SCHEMA.names[0]) not in ids]
                if len(left) < len(rows):
                    after += [self._file(left, kind, part.fingerprint)] if left else []
                    continue
            after.append(part)
        self._rewrite(after)
        for file in {part.file for part in before} - {part.file for part in after}:
            (self.folder / file).unlink(missing_ok=True)

    def _write(self, rows: Sequence[Record], kind: type[Record], fingerprint: str) -> Part:
        part = self._file(rows, kind, fingerprint)
        with self.manifest.open("a", encoding="utf-8") as file:
            file.write(_line(part))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.folder)
        return part

    def _file(self, rows: Sequence[Record], kind: type[Record], fingerprint: str) -> Part:
        """A part that the manifest doesn't name yet."""
        table = to_table(rows, kind)
        name = f"part-{content_hash(fingerprint, table.column(0).to_pylist())}.parquet"
        path = self.folder / name
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        return Part(name, sha256_of(path), len(rows), path.stat().st_size, fingerprint)

    def replace_all(self, fingerprint: str, rows: Iterable[Record], kind: type[Record]) -> None:
        """For derived stages: these rows, and no others, under a fingerprint of all they come from.
        Readers see the old rows until the new ones are whole. Does nothing when it is done already.
        """
        if self.is_whole(fingerprint):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._drop_torn_line()
        old = [part for part in self._parts() if part.fingerprint != fingerprint]
        self._rewrite(old)
        total = sum(self._write(chunk, kind, fingerprint).rows for chunk in chunked(rows, 8192))
        write_json(self.folder / "current.json", {"fingerprint": fingerprint})
        self._rewrite(self.parts())
        kept = {part.file for part in self.parts()}
        for path in self.folder.glob("part-*.parquet"):
            if path.name not in kept:
                path.unlink()
        write_json(self.folder / "done.json", {"fingerprint": fingerprint, "rows": total})

    def is_whole(self, fingerprint: str) -> bool:
        """Whether `replace_all` has written all rows of this fingerprint, and they are still good."""
        record = read_object(self.folder / "done.json", ["fingerprint", "rows"])
        if record is None or not record["fingerprint"] == fingerprint == self.fingerprint:
            return False
        self.open(fingerprint)
        return bool(sum(part.rows for part in self.parts()) == record["rows"])

    def _rewrite(self, parts: Sequence[Part]) -> None:
        with replacing(self.manifest) as temporary:
            temporary.write_text("".join(_line(part) for part in parts), encoding="utf-8")

    def _parts(self) -> list[Part]:
        try:
            lines = self.manifest.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        parts: dict[str, Part] = {}
        for number, line in enumerate(lines, 1):
            try:
                part = Part(**json.loads(line))
            except (ValueError, TypeError) as error:
                if number == len(lines):
                    break  # torn by a kill; open() removes it
                raise RunError(f"{self.manifest}: line {number} is damaged: {error}") from error
            if not isinstance(part.file, str) or not _PART.fullmatch(part.file):
                raise RunError(
                    f"{self.manifest}: line {number}: file: {str(part.file)[:200]!r} is no part of this "
                    "folder; it should be part-….parquet. Delete that line: its rows are made again from "
                    "the recorded calls"
                )
            parts[part.file] = part
        return list(parts.values())

    def _drop_torn_line(self) -> None:
        if not self.manifest.exists():
            return
        text = self.manifest.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            with replacing(self.manifest) as temporary:
                temporary.write_bytes(whole)

    def _damage(self, part: Part) -> str | None:
        path = self.folder / part.file
        if not path.exists():
            return "it is gone"
        if path.stat().st_size != part.bytes or sha256_of(path) != part.sha256:
            return "its contents changed"
        return None


def _first_leaves(parquet: pq.ParquetFile, columns: Collection[str]) -> list[str]:
    """The path of one leaf of each of these columns."""
    paths = [parquet.schema.column(number).path for number in range(len(parquet.schema))]
    first = {path.partition(".")[0]: path for path in reversed(paths)}
    return [first[name] for name in columns if name in first]


def _line(part: Part) -> str:
    return json.dumps(asdict(part)) + "\n"


ItemT = TypeVar("ItemT")


def chunked(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Lists of `size` items; the last may be shorter."""
    chunk: list[ItemT] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
