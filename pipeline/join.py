"""Solutions with their verdicts and labels, read part by part.

Verdict shards are cut along the solutions, so the few parts read last hold nearly every verdict the
next solution needs; a batch larger than memory is joined in bounded memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Generic, TypeVar

import numpy as np

from pipeline.records import Label, Record, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import Store, chunked

RecordT = TypeVar("RecordT", bound=Record)

_PARTS_IN_MEMORY = 8
AT_ONCE = 1024
"""Solutions joined together."""
NOWHERE = -1
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
    """Rows of a store by solution id, the newest part winning. In memory are the ids (as bytes, sorted)
    and the parts read last."""

    def __init__(self, store: Store, kind: type[RecordT]) -> None:
        self._store = store
        self._kind = kind
        self._files = [part.file for part in store.parts()]
        self._loaded: OrderedDict[int, dict[str, RecordT]] = OrderedDict()
        newest_first = range(len(self._files))[::-1]
        ids = [_as_bytes(store.column(self._files[n], "solution_id")) for n in newest_first]
        parts = [np.full(len(of), n, np.int32) for of, n in zip(ids, newest_first, strict=True)]
        self._ids, first = np.unique(np.concatenate([*ids, _as_bytes([])]), return_index=True)
        self._parts = np.concatenate([*parts, np.empty(0, np.int32)])[first]

    def __contains__(self, solution_id: str) -> bool:
        return self._parts_of([solution_id]) != [NOWHERE]

    def get(self, solution_id: str) -> RecordT | None:
        return self.get_all([solution_id])[0]

    def get_all(self, solution_ids: Sequence[str]) -> list[RecordT | None]:
        """The row of each, in their order."""
        numbers = self._parts_of(solution_ids)
        return [
            None if number == NOWHERE else self._part(number)[one]
            for one, number in zip(solution_ids, numbers, strict=True)
        ]

    def _parts_of(self, solution_ids: Sequence[str]) -> list[int]:
        if not len(self._ids):
            return [NOWHERE] * len(solution_ids)
        wanted = _as_bytes(solution_ids)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        return list(np.where(self._ids[at] == wanted, self._parts[at], NOWHERE).tolist())

    def _part(self, number: int) -> dict[str, RecordT]:
        if number not in self._loaded:
            file = self._files[number]
            ids = self._store.column(file, "solution_id")
            rows = self._store.read_part(file, self._kind)
            self._loaded[number] = dict(zip(ids, rows, strict=True))
            if len(self._loaded) > _PARTS_IN_MEMORY:
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
    run: RunFolder, only: Callable[[str], bool] | None = None
) -> Iterator[Annotated]:
    """As `annotated`, where few are wanted: the first of them come at once. `only`: ids."""
    names = run.annotators()
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


def _as_bytes(ids: Sequence[str]) -> Any:
    """An array of so many bytes each as the longest has."""
    return np.array([one.encode() for one in ids], dtype=np.bytes_)


def annotated(
    run: RunFolder, annotators: Iterable[str] | None = None, labels: bool = True
) -> Iterator[Annotated]:
    """Every solution of the run, in the order of its parts, with the verdicts of `annotators` (of
    all that have any, by default)."""
    names = list(run.annotators() if annotators is None else annotators)
    indexes = [RowIndex(run.verdicts(name), Verdict) for name in names]
    label_index = RowIndex(run.labels, Label) if labels else None
    for solutions in chunked(run.solutions.read(Solution), AT_ONCE):
        ids = [solution.id for solution in solutions]
        found = zip(*(index.get_all(ids) for index in indexes), strict=True)
        said = found if indexes else repeat(())
        labelled = label_index.get_all(ids) if label_index else repeat(None)
        for solution, verdicts, label in zip(solutions, said, labelled, strict=False):
            by_name = zip(names, verdicts, strict=True)
            yield Annotated(solution, {n: v for n, v in by_name if v is not None}, label)
