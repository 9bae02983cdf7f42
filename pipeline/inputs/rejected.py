"""What is wrong with an input row, told so that it can be mended: file, row, field and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.files import replacing
from pipeline.records import content_hash

T = TypeVar("T")
EXCERPT = 120
SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("field", pa.string()),
        ("message", pa.string()),
        ("excerpt", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One bad row. `row` is 1-based: a line of JSONL, else a row of data; None is the whole file.

    `field` is the column's name in the file, or None where the row itself can't be read.
    """

    file: str
    row: int | None
    field: str | None
    message: str
    excerpt: str = ""

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        what = (
            f"{place}, {self.field}: {self.message}" if self.field else f"{place}: {self.message}"
        )
        return f"{what} (starts {self.excerpt!r})" if self.excerpt else what


@dataclass(frozen=True, slots=True)
class ReadResult(Generic[T]):
    """The good rows, and what is wrong with each of the others."""

    rows: list[T]
    rejected: list[Rejected]


class Collector(Generic[T]):
    """Gathers good and bad rows; in strict mode the first bad one raises InputError."""

    def __init__(self, strict: bool) -> None:
        self.rows: list[T] = []
        self.rejected: list[Rejected] = []
        self._strict = strict

    def reject(self, rejected: Rejected) -> None:
        if self._strict:
            raise InputError(f"{rejected}; strict mode stops at the first bad row")
        self.rejected.append(rejected)

    def result(self, path: str) -> ReadResult[T]:
        """Raises InputError, with the first faults, when no row is good."""
        if not self.rows:
            first = "; ".join(str(r) for r in self.rejected[:3]) or "it holds no rows at all"
            raise InputError(f"{path}: no good row, {len(self.rejected)} rejected: {first}")
        return ReadResult(self.rows, self.rejected)


def excerpt(text: str | bytes) -> str:
    """The start of a bad value, safe to print and to write as UTF-8."""
    if isinstance(text, bytes):
        text = text[: 4 * EXCERPT].decode("utf-8", "backslashreplace")
    text = text[: 2 * EXCERPT].encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def write_rejected(folder: Path, rejected: Sequence[Rejected]) -> Path | None:
    """Write one Parquet part into `folder`, named by its content; None where nothing is wrong.

    Parts of an earlier reading are removed: the folder tells of the latest one.
    """
    rows = [asdict(row) for row in rejected]
    path = folder / f"part-{content_hash(rows)}.parquet" if rows else None
    if path is not None and not path.exists():
        with replacing(path) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), temporary, compression="zstd")
    if folder.is_dir():
        for old in folder.glob("part-*.parquet"):
            if old != path:
                old.unlink()
    return path
