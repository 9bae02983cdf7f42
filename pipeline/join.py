"""Solutions with their verdicts and labels, read part by part.

Verdict shards are cut along the solutions, so the few parts read last hold nearly every verdict the
next solution needs; a batch larger than memory is joined in bounded memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from pipeline.arrow import Record, rows_of
from pipeline.columns import (
    EVERYTHING,
    NOWHERE,
    PARTS_IN_MEMORY,
    Joined,
    Places,
    Reads,
    Rows,
    Rowstore,
)
from pipeline.records import Label, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import Store, chunked

RecordT = TypeVar("RecordT", bound=Record)

FEW = 32


@dataclass(frozen=True, slots=True)
class Annotated:
    """One solution with all that is said of it; `label` is None before consensus. `left_out`: why a
    selection (`pipeline.selection`) keeps it from those who train."""

    solution: Solution
    verdicts: dict[str, Verdict]
    label: Label | None
    left_out: str | None = None


class RowIndex(Generic[RecordT]):
    """Rows of a store by solution id, the newest winning, for who asks for one at a time. In memory are the
    ids and the parts read last."""

    def __init__(self, store: Store, kind: type[RecordT]) -> None:
        self._kind = kind
        self._places = Places(store)
        self._loaded: OrderedDict[int, list[RecordT]] = OrderedDict()

    def __contains__(self, solution_id: str) -> bool:
        return bool(self._places.of([solution_id])[0][0] != NOWHERE)

    def get(self, solution_id: str) -> RecordT | None:
        return self.get_all([solution_id])[0]

    def get_all(self, solution_ids: Sequence[str]) -> list[RecordT | None]:
        """The row of each, in their order."""
        parts, rows = self._places.of(solution_ids)
        return [
            None if part == NOWHERE else self._part(part)[row]
            for part, row in zip(parts.tolist(), rows.tolist(), strict=True)
        ]

    def _part(self, number: int) -> list[RecordT]:
        if number not in self._loaded:
            file = self._places.files[number]
            self._loaded[number] = self._places.store.read_part(file, self._kind)
            if len(self._loaded) > PARTS_IN_MEMORY:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(number)
        return self._loaded[number]


class Seeker(Generic[RecordT]):
    """The same for a few solutions of very many: ids of parts are read as they are needed, those first
    that lie in the store about where the solutions do in theirs."""

    def __init__(self, store: Store, kind: type[RecordT]) -> None:
        self._store = store
        self._kind = kind
        self._files = [part.file for part in store.parts()]
        self._ids: dict[int, dict[str, int]] = {}
        self._rows: dict[int, list[RecordT]] = {}

    def get_all(self, solution_ids: Sequence[str], place: float) -> list[RecordT | None]:
        """`place`: 0 at the beginning of the solutions' store, 1 at its end."""
        found: dict[str, RecordT] = {}
        middle = place * len(self._files)
        for number in sorted(range(len(self._files)), key=lambda n: abs(n + 0.5 - middle)):
            if number not in self._ids:
                ids = self._store.column(self._files[number], "solution_id")
                self._ids[number] = {one: row for row, one in enumerate(ids)}
            here = self._ids[number]
            for one in solution_ids:
                if one in here and one not in found:
                    found[one] = self._part(number)[here[one]]
            if len(found) == len(solution_ids):
                break
        return [found.get(one) for one in solution_ids]

    def _part(self, number: int) -> list[RecordT]:
        if number not in self._rows:
            self._rows = {number: self._store.read_part(self._files[number], self._kind)}
        return self._rows[number]


def some_annotated(
    run: RunFolder, names: Sequence[str], only: Callable[[str], bool] | None = None
) -> Iterator[Annotated]:
    """As `annotated`, where few are wanted: the first of them come at once. `names`: the annotators; `only`:
    ids."""
    seekers = [Seeker(run.verdicts(name), Verdict) for name in names]
    labels = Seeker(run.labels, Label)
    parts = run.solutions.parts()
    total, before = sum(part.rows for part in parts), 0
    for part in parts:
        ids = run.solutions.column(part.file, "id") if only else ()
        if not only or any(map(only, ids)):
            solutions = run.solutions.read_part(part.file, Solution)
            wanted = [s for s in solutions if only is None or only(s.id)]
            for some in chunked(wanted, FEW):
                place, few = before / total, [s.id for s in some]
                said = [seeker.get_all(few, place) for seeker in seekers]
                for row, label in enumerate(labels.get_all(few, place)):
                    verdicts = {n: v for n, of in zip(names, said, strict=True) if (v := of[row])}
                    yield Annotated(some[row], verdicts, label)
        before += part.rows


class Join:
    """The solutions of a run, in the order of its parts, with the verdicts of `annotators` (of all that have
    any, by default). May be read several times; where each row lies is found out once."""

    def __init__(
        self, run: RunFolder, annotators: Iterable[str] | None = None, labels: bool = True
    ) -> None:
        self._solutions = run.solutions
        names = run.annotators() if annotators is None else annotators
        self._verdicts = {name: run.verdicts(name) for name in names}
        self._labels = run.labels if labels else None
        self._places: dict[Path, Places] = {}

    def batches(self, reads: Reads = EVERYTHING) -> Iterator[Joined]:
        """Columns, joined. Raises RunError for a part that can't be read."""
        labels = self._rowstore(self._labels, Label, reads.label) if self._labels else None
        verdicts = {
            name: self._rowstore(store, Verdict, reads.verdict, reads.lengths)
            for name, store in self._verdicts.items()
            if reads.verdict or reads.lengths
        }
        for part in self._solutions.parts():
            columns = reads.solution | {"id"}
            for batch in self._solutions.part_batches(part.file, Solution, columns):
                ids = batch.column("id").to_pylist()
                said = {name: store.rows(ids) for name, store in verdicts.items()}
                solutions = Rows(self._solutions, Solution, np.ones(len(ids), bool), batch)
                yield Joined(solutions, said, labels.rows(ids) if labels else None)

    def items(self, reads: Reads = EVERYTHING) -> Iterator[Annotated]:
        """The same as records. A field that was not asked for is not there (AttributeError)."""
        for batch in self.batches(reads):
            yield from items_of(batch, reads)

    def _rowstore(
        self, store: Store, kind: type[Record], columns: frozenset[str], *lengths: frozenset[str]
    ) -> Rowstore:
        if store.folder not in self._places:
            self._places[store.folder] = Places(store)
        return Rowstore(self._places[store.folder], kind, columns, *lengths)


def items_of(
    batch: Joined, reads: Reads, left_out: Iterable[str | None] = repeat(None)
) -> list[Annotated]:
    """A batch as records, of what `reads` names. Without a column of the verdicts an item has none, not even
    an empty dict: who takes them for none there would be wrong."""
    solutions = batch.solutions.records(reads.solution)
    fields: dict[str, Iterable[Any]] = {"solution": solutions, "left_out": left_out}
    fields["label"] = repeat(None) if batch.labels is None else batch.labels.records(reads.label)
    if reads.verdict:
        said = {name: rows.records(reads.verdict) for name, rows in batch.verdicts.items()}
        each = zip(*said.values(), strict=True) if said else repeat(())
        fields["verdicts"] = (
            {name: one for name, one in zip(said, of, strict=True) if one is not None}
            for of in each
        )
    return rows_of(Annotated, len(solutions), fields)


def annotated(
    run: RunFolder, annotators: Iterable[str] | None = None, labels: bool = True
) -> Iterator[Annotated]:
    """Every solution of the run, with all that is said of it (`Join`)."""
    return Join(run, annotators, labels).items()
