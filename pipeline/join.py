"""Solutions with their verdicts and labels, read part by part.

Verdict shards are cut along the solutions, so the few parts read last hold nearly every verdict the
next solution needs; a batch larger than memory is joined in bounded memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import RunError
from pipeline.records import Label, Record, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import Store

RecordT = TypeVar("RecordT", bound=Record)

_PARTS_IN_MEMORY = 8


@dataclass(frozen=True, slots=True)
class Annotated:
    """One solution with all that is said of it; `label` is None before consensus. `left_out`: why a
    selection (`pipeline.selection`) keeps it from those who train."""

    solution: Solution
    verdicts: dict[str, Verdict]
    label: Label | None
    left_out: str | None = None


class RowIndex(Generic[RecordT]):
    """Rows of a store by solution id, the newest part winning."""

    def __init__(self, store: Store, kind: type[RecordT]) -> None:
        self._store = store
        self._kind = kind
        self._files = [part.file for part in store.parts()]
        self._part_of: dict[str, int] = {}
        self._loaded: OrderedDict[int, dict[str, dict[str, Any]]] = OrderedDict()
        for number in range(len(self._files)):
            rows = self._read(number, ["solution_id"])
            self._part_of.update((row["solution_id"], number) for row in rows)

    def _read(self, number: int, columns: list[str] | None = None) -> list[dict[str, Any]]:
        path = self._store.folder / self._files[number]
        try:
            rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
        except (OSError, pa.ArrowInvalid) as error:
            raise RunError(f"{path}: damaged ({error}); run again to make its rows anew") from error
        return rows

    def __contains__(self, solution_id: str) -> bool:
        return solution_id in self._part_of

    def get(self, solution_id: str) -> RecordT | None:
        number = self._part_of.get(solution_id)
        return None if number is None else self._kind.from_row(self._part(number)[solution_id])

    def _part(self, number: int) -> dict[str, dict[str, Any]]:
        if number not in self._loaded:
            self._loaded[number] = {row["solution_id"]: row for row in self._read(number)}
            if len(self._loaded) > _PARTS_IN_MEMORY:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(number)
        return self._loaded[number]


def annotated(
    run: RunFolder, annotators: Iterable[str] | None = None, labels: bool = True
) -> Iterator[Annotated]:
    """Every solution of the run, in the order of its parts, with the verdicts of `annotators` (of
    all that have any, by default)."""
    names = run.annotators() if annotators is None else annotators
    indexes = {name: RowIndex(run.verdicts(name), Verdict) for name in names}
    label_index = RowIndex(run.labels, Label) if labels else None
    for solution in run.solutions.read(Solution):
        found = {name: index.get(solution.id) for name, index in indexes.items()}
        yield Annotated(
            solution,
            {name: verdict for name, verdict in found.items() if verdict is not None},
            label_index.get(solution.id) if label_index else None,
        )
