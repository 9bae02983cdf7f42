"""Compacted calls: Parquet parts with small row groups, so that one call is read cheaply."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.journal_files import CallRecord, decode_row
from pipeline.errors import RunError
from pipeline.files import sync_folder
from pipeline.records import Cost, content_hash

ROWS_A_GROUP = 256
GROUPS_KEPT = 16


class PartReader:
    """Calls of one part by row number; the row groups read last are kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            names = self._file.read(["key", "fingerprint"])
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self.keys: list[str] = names["key"].to_pylist()
        self.fingerprints: set[str] = set(names["fingerprint"].unique().to_pylist())
        self._groups: OrderedDict[int, pa.Table] = OrderedDict()

    def record(self, row: int) -> CallRecord:
        group, within = divmod(row, ROWS_A_GROUP)
        table = self._groups.pop(group, None)
        if table is None:
            try:
                table = self._file.read_row_group(group)
            except (pa.ArrowException, OSError) as error:
                raise self._damaged(error) from error
        self._groups[group] = table
        if len(self._groups) > GROUPS_KEPT:
            self._groups.popitem(last=False)
        return CallRecord.from_row(table.slice(within, 1).to_pylist()[0])

    def costs(self) -> dict[str, Cost]:
        """Of its calls, by the engine's fingerprint."""
        names = [field.name for field in Cost.SCHEMA]
        try:
            table = self._file.read(["fingerprint", "cost"])
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        sums = (
            table.flatten().group_by("fingerprint").aggregate([(f"cost.{n}", "sum") for n in names])
        )
        return {
            row["fingerprint"]: Cost(*(row[f"cost.{name}_sum"] or 0 for name in names))
            for row in sums.to_pylist()
        }

    def _damaged(self, error: Exception) -> RunError:
        told = str(error).splitlines()[0][:200]
        return RunError(
            f"{self.path}: a part of the recorded calls is damaged ({told}); restore the file, or delete "
            "it: those of its calls that are still needed are made again"
        )

    def close(self) -> None:
        self._groups.clear()
        self._file.close()


def write_part(folder: Path, journals: Sequence[Path], known: Iterable[str]) -> Path | None:
    """One Parquet part of the records in `journals` whose key is not in `known`; None if there is
    nothing to write."""
    return _write(folder, _batches(journals, set(known)))


def write_rows(folder: Path, part: PartReader, rows: Sequence[int]) -> Path | None:
    """One Parquet part of some of the records of another; None if there is nothing to write."""
    starts = range(0, len(rows), ROWS_A_GROUP)
    batches = ([part.record(row).to_row() for row in rows[i : i + ROWS_A_GROUP]] for i in starts)
    return _write(folder, batches)


def _write(folder: Path, batches: Iterable[list[dict[str, Any]]]) -> Path | None:
    """Written aside, fsynced, then renamed to a name made of its keys."""
    keys: list[str] = []
    aside = folder / f".tmp-{os.getpid()}.parquet"
    with pq.ParquetWriter(
        aside, CallRecord.SCHEMA, compression="zstd", write_page_checksum=True
    ) as writer:
        for batch in batches:
            keys += [row["key"] for row in batch]
            table = pa.Table.from_pylist(batch, schema=CallRecord.SCHEMA)
            writer.write_table(table, row_group_size=ROWS_A_GROUP)
    if not keys:
        aside.unlink()
        return None
    with open(aside, "rb") as file:
        os.fsync(file.fileno())
    part = folder / f"part-{content_hash(keys)}.parquet"
    os.replace(aside, part)
    sync_folder(folder)
    return part


def _batches(journals: Sequence[Path], seen: set[str]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for path in journals:
        offset = 0
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # cut short by a crash or a full disk, so never acknowledged
                row = decode_row(line[:-1], path, offset)
                offset += len(line)
                if row["key"] in seen:
                    continue
                seen.add(row["key"])
                batch.append(row)
                if len(batch) == ROWS_A_GROUP:
                    yield batch
                    batch = []
    if batch:
        yield batch
