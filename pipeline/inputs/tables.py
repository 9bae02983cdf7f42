"""Rows of CSV (or tabs for commas), Parquet and Arrow files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.inputs.lines import MAX_LINE, TOO_LONG, LineFault, read_lines
from pipeline.inputs.rejected import Rejected, excerpt
from pipeline.inputs.rows import Row

BATCH = 256


def read_csv(path: Path) -> Iterator[Row | Rejected]:
    """Rows under a header line. A quoted cell may hold line breaks, up to the longest line."""
    name = str(path)
    csv.field_size_limit(MAX_LINE)
    long_lines: list[int] = []
    tabs = ".tsv" in Path(path.name.lower()).suffixes
    delimiter, between = ("\t", "tabs") if tabs else (",", "commas")
    reader = csv.reader(_decoded(path, long_lines), strict=True, delimiter=delimiter)
    header: list[str] | None = None
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except LineFault as error:
            yield Rejected(name, None, None, str(error))
            return
        except csv.Error as error:
            number += header is not None
            message = (
                f"broken quoting near line {reader.line_num} ({error}); "
                'close every quote, and write " in a cell as ""'
            )
            yield Rejected(name, number, None, message)
            if header is None:
                return
            continue
        if not cells:
            continue
        if header is None:
            header = cells
            if fault := _header_fault(cells):
                yield Rejected(name, None, None, fault, excerpt(",".join(cells)))
                return
            continue
        number += 1
        if long_lines and long_lines[-1] == reader.line_num:
            yield Rejected(name, number, None, TOO_LONG)
        elif len(cells) != len(header):
            message = (
                f"has {len(cells)} cells, the header has {len(header)}; quote cells with {between}"
            )
            yield Rejected(name, number, None, message, excerpt(delimiter.join(cells)))
        else:
            yield Row(name, number, dict(zip(header, cells, strict=True)))


def _decoded(path: Path, long_lines: list[int]) -> Iterator[str]:
    """Lines as text; bytes that are not UTF-8 become lone surrogates, which the field checks find."""
    for number, line, too_long in read_lines(path):
        if too_long:
            long_lines.append(number)
            line = line.replace(b'"', b"'")
        yield line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape") + "\n"


def _header_fault(cells: list[str]) -> str | None:
    if cells[0].startswith(("\udcff\udcfe", "\udcfe\udcff")):
        return "the file is UTF-16; save it as UTF-8"
    if twice := sorted({cell for cell in cells if cells.count(cell) > 1}):
        return f"the header names {twice[0]!r} twice; rename one of them"
    return None


def read_parquet(path: Path) -> Iterator[Row | Rejected]:
    """Rows in batches, so that a large file needs little memory."""
    name = str(path)
    try:
        with pq.ParquetFile(path) as file:
            yield from _rows(name, file.iter_batches(batch_size=BATCH))
    except pa.ArrowException as error:
        yield Rejected(
            name, None, None, f"not a whole Parquet file ({_short(error)}); copy it again"
        )


def read_arrow(path: Path) -> Iterator[Row | Rejected]:
    """Rows of a data file that datasets' save_to_disk wrote."""
    name = str(path)
    try:
        with pa.memory_map(name) as source, pa.ipc.open_stream(source) as stream:
            yield from _rows(name, stream)
    except pa.ArrowException as error:
        yield Rejected(name, None, None, f"not a whole Arrow file ({_short(error)}); copy it again")


def _rows(name: str, batches: Iterable[pa.RecordBatch]) -> Iterator[Row | Rejected]:
    number = 0
    for batch in batches:
        for start in range(0, len(batch), BATCH):
            part = batch.slice(start, BATCH)
            try:
                rows = part.to_pylist()
            except UnicodeDecodeError:
                rows = [None] * len(part)
            for offset, row in enumerate(rows):
                number += 1
                if row is None:
                    yield _one(name, number, part.slice(offset, 1))
                else:
                    yield Row(name, number, row)


def _one(name: str, number: int, batch: pa.RecordBatch) -> Row | Rejected:
    """A row of a batch in which some text is not UTF-8."""
    for column in batch.schema.names:
        try:
            batch.column(column).to_pylist()
        except UnicodeDecodeError as error:
            message = f"is not valid UTF-8 at byte {error.start}; write the column as UTF-8"
            return Rejected(name, number, column, message)
    return Row(name, number, batch.to_pylist()[0])


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:120].rstrip(". ")
