"""Parquet files of one split of one view: written as rows come, named when all are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.layout import SplitFacts

ROWS_AT_ONCE = 256
GROUP_BYTES = 32 << 20
_CHUNKING = {"min_chunk_size": 256 << 10, "max_chunk_size": 1 << 20, "norm_level": 0}


class SplitWriter:
    """Rows into `<folder>/<split>-00000-of-000NN.parquet`, `rows_per_file` each, zstd, in row
    groups of about 32 MiB, with page index and content-defined chunks, so that an upload of a
    changed dataset sends only what changed. In memory: one row group."""

    def __init__(self, folder: Path, split: str, schema: pa.Schema, rows_per_file: int) -> None:
        self._folder = folder
        self._split = split
        self._schema = schema
        self._rows_per_file = rows_per_file
        self._rows: list[Mapping[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._packed_bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._files: list[Path] = []
        self._in_file = 0
        self._total = 0
        self._table_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._total += 1
        self._in_file += 1
        if len(self._rows) >= ROWS_AT_ONCE:
            self._pack()
        if self._in_file == self._rows_per_file:
            self._end_file()

    def add_table(self, rows: pa.RecordBatch) -> None:
        """The same of many at once."""
        self._pack()
        while rows.num_rows:
            some = rows.slice(0, min(ROWS_AT_ONCE, self._rows_per_file - self._in_file))
            rows = rows.slice(some.num_rows)
            self._total += some.num_rows
            self._in_file += some.num_rows
            self._keep(pa.Table.from_batches([some]))
            if self._in_file == self._rows_per_file:
                self._end_file()

    def close(self) -> SplitFacts:
        """Finish, and give the files their names, now that their number is known."""
        if self._in_file:
            self._end_file()
        names = list(self._names(len(self._files)))
        for path, name in zip(self._files, names, strict=True):
            path.rename(self._folder / name)
        return SplitFacts(
            tuple(f"{self._folder.name}/{name}" for name in names),
            self._total,
            self._table_bytes,
            sum((self._folder / name).stat().st_size for name in names),
        )

    def _names(self, n: int) -> Iterator[str]:
        return (f"{self._split}-{i:05}-of-{n:05}.parquet" for i in range(n))

    def _pack(self) -> None:
        if self._rows:
            packed = pa.Table.from_pylist(self._rows, schema=self._schema)
            self._rows = []
            self._keep(packed)

    def _keep(self, packed: pa.Table) -> None:
        self._tables.append(packed)
        self._packed_bytes += packed.nbytes
        if self._packed_bytes >= GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        if self._writer is None:
            path = self._folder / f"{self._split}-{len(self._files):05}.unnamed"
            self._files.append(path)
            self._writer = pq.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                write_page_index=True,
                use_content_defined_chunking=_CHUNKING,
            )
        if self._tables:
            group = pa.concat_tables(self._tables).combine_chunks()
            self._table_bytes += group.nbytes
            self._writer.write_table(group, row_group_size=max(1, group.num_rows))
            self._tables = []
            self._packed_bytes = 0

    def _end_file(self) -> None:
        self._pack()
        if self._tables or self._writer is None:
            self._write_group()
        assert self._writer is not None
        self._writer.close()
        self._writer = None
        self._in_file = 0
