"""Columns of a run, joined: a batch of solutions with their verdicts and labels, as Arrow has them.

Who reads very many rows says which columns they need (`Reads`); the others stay on disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.arrow import Record
from pipeline.records import Label, Solution, Verdict
from pipeline.shards import Store

PARTS_IN_MEMORY = 8
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Reads:
    """Names of columns that are needed; ids are always read. Without a column of a verdict no verdict is
    read, but for how many elements its lists in `lengths` have."""

    solution: frozenset[str] = frozenset()
    label: frozenset[str] = frozenset()
    verdict: frozenset[str] = frozenset()
    lengths: frozenset[str] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        """What either needs."""
        return Reads(
            self.solution | other.solution,
            self.label | other.label,
            self.verdict | other.verdict,
            self.lengths | other.lengths,
        )


EVERYTHING = Reads(*(frozenset(kind.SCHEMA.names) for kind in (Solution, Label, Verdict)))


class Places:
    """Where each solution's row lies in a store, the newest winning. In memory: the ids, as bytes, sorted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.files = [part.file for part in store.parts()]
        ids, parts, rows = [as_bytes([])], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for number in reversed(range(len(self.files))):
            here = as_bytes(store.column(self.files[number], "solution_id"))[::-1]
            ids.append(here)
            parts.append(np.full(len(here), number, np.int32))
            rows.append(np.arange(len(here), dtype=np.int32)[::-1])
        self._ids, first = np.unique(np.concatenate(ids), return_index=True)
        self._parts, self._rows = np.concatenate(parts)[first], np.concatenate(rows)[first]

    def of(self, solution_ids: Sequence[str]) -> tuple[Any, Any]:
        """For each: the number of its part in `files`, or NOWHERE; and its row there."""
        if not len(self._ids):
            return (np.full(len(solution_ids), NOWHERE, np.int32),) * 2
        wanted = as_bytes(solution_ids)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        return np.where(self._ids[at] == wanted, self._parts[at], NOWHERE), self._rows[at]


def as_bytes(ids: Sequence[str]) -> Any:
    """An array of so many bytes each as the longest has."""
    return np.array([one.encode() for one in ids], dtype=np.bytes_)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one store, of a batch of solutions. `there`: for each solution, is there a row? `batch`: those
    that are, in the order of the solutions."""

    store: Store
    kind: type[Record]
    there: Any
    batch: pa.RecordBatch

    def records(self, columns: frozenset[str]) -> list[Any]:
        """For each solution its row, of these columns; None where there is none. Raises RunError for what is
        no row."""
        made = self.store.made(self.kind, self.batch, columns | {self.kind.SCHEMA.names[0]})
        if len(made) == len(self.there):
            return made
        rows = iter(made)
        return [next(rows) if there else None for there in self.there.tolist()]

    def of(self, solutions: Any) -> Rows:
        """Of the solutions alone for which this is true."""
        kept = self.batch.filter(pa.array(solutions[self.there], pa.bool_()))
        return replace(self, there=self.there[solutions], batch=kept)


class Rowstore:
    """Columns of a store, by solution id; the parts read last stay in memory."""

    def __init__(
        self,
        places: Places,
        kind: type[Record],
        columns: Collection[str],
        lengths: Collection[str] = (),
    ) -> None:
        self._places = places
        self._kind = kind
        self._columns = frozenset(columns) | {"solution_id"}
        self._lengths = frozenset(lengths) - self._columns
        self._loaded: OrderedDict[int, pa.Table] = OrderedDict()

    def rows(self, solution_ids: Sequence[str]) -> Rows:
        """Raises RunError for a part that can't be read."""
        parts, rows = self._places.of(solution_ids)
        there = parts != NOWHERE
        parts, rows = parts[there], rows[there]
        order, tables = [], []
        for number in np.unique(parts).tolist():
            here = np.flatnonzero(parts == number)
            order.append(here)
            tables.append(_taken(self._part(number), rows[here]))
        table = self._kind.SCHEMA.empty_table()
        if tables:
            table = pa.concat_tables(tables, promote_options="default")
            table = _taken(table, np.argsort(np.concatenate(order), kind="stable"))
        return Rows(self._places.store, self._kind, there, _whole(table))

    def _part(self, number: int) -> pa.Table:
        if number not in self._loaded:
            file, store = self._places.files[number], self._places.store
            batches = store.part_batches(file, self._kind, self._columns, self._lengths)
            self._loaded[number] = pa.Table.from_batches(list(batches)).combine_chunks()
            if len(self._loaded) > PARTS_IN_MEMORY:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(number)
        return self._loaded[number]


def _taken(table: pa.Table, rows: Any) -> pa.Table:
    """These rows; without a copy where they lie one after the other, as they mostly do."""
    if (np.diff(rows) == 1).all():
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))


def _whole(table: pa.Table) -> pa.RecordBatch:
    """As one batch."""
    found = table.combine_chunks().to_batches()
    return found[0] if found else pa.RecordBatch.from_pylist([], table.schema)


@dataclass(frozen=True, slots=True)
class Joined:
    """A batch of solutions, with what was read of their verdicts and labels."""

    solutions: Rows
    verdicts: Mapping[str, Rows]
    labels: Rows | None

    @property
    def size(self) -> int:
        return int(self.solutions.batch.num_rows)

    def labelled(self) -> Joined:
        """Those alone that a rule looked at; it may have left them undecided."""
        if self.labels is None or self.labels.there.all():
            return self
        return self.of(self.labels.there)

    def of(self, kept: Any) -> Joined:
        """The solutions alone for which this is true."""
        return Joined(
            self.solutions.of(kept),
            {name: rows.of(kept) for name, rows in self.verdicts.items()},
            None if self.labels is None else self.labels.of(kept),
        )
