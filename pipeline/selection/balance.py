"""No kind of solution outnumbers the others: of a kind with too many, those whose content hashes lowest stay.

A kind may have `ratio` times the rows of the lower median kind: of two kinds that is the smaller, of many a
few rare ones don't set the size of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import median_low
from typing import Any

from pipeline.columns import Reads
from pipeline.config import BalanceConfig
from pipeline.dataset.split import group
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome
from pipeline.selection.rule import in_order

_LATE = 10
"""Steps from here on are one kind."""


class Balance:
    """In memory: an entry a candidate and a problem."""

    reads = Reads(solution=frozenset({"outcome", "given", "level"}))

    def __init__(self, config: BalanceConfig) -> None:
        self._config = config
        self._kinds: dict[int, tuple[str, ...]] = {}
        self._problems: dict[int, str] = {}
        self._rates: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def see(self, item: Annotated, number: int | None) -> None:
        if "difficulty" in self._config.by:
            problem = group(item.solution.question)
            if item.solution.outcome is not Outcome.UNDECIDED and not item.solution.given:
                self._rates[problem][0] += item.solution.outcome is Outcome.CORRECT
                self._rates[problem][1] += 1
            if number is not None:
                self._problems[number] = problem
        if number is not None:
            self._kinds[number] = tuple(_KINDS[by](item) for by in self._config.by)

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        cells: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for number in in_order(left, keys):
            cells[self._cell(number)].append(number)
        if not cells:
            return
        most = int(self._config.ratio * median_low([len(cell) for cell in cells.values()]))
        for name, cell in cells.items():
            reason = f"too many of {', '.join(name)}"
            yield from ((number, reason) for number in cell[most:])

    def _cell(self, number: int) -> tuple[str, ...]:
        """With the problem's pass rate, which is known when all are seen."""
        return tuple(
            self._quarter(number) if by == "difficulty" else kind
            for by, kind in zip(self._config.by, self._kinds[number], strict=True)
        )

    def _quarter(self, number: int) -> str:
        right, decided = self._rates[self._problems[number]]
        if not decided:
            return "pass rate unknown"
        quarter = min(3, int(4 * right / decided))
        return f"pass rate {quarter / 4:g} to {(quarter + 1) / 4:g}"


def _first_error(item: Annotated) -> str:
    assert item.label is not None
    first_error = item.label.first_error
    assert first_error is not None
    if first_error == NO_ERROR:
        return "no error"
    return f"first error {first_error}" if first_error < _LATE else f"first error {_LATE} or later"


_KINDS: dict[str, Callable[[Annotated], str]] = {
    "outcome": lambda item: f"outcome {item.solution.outcome}",
    "first_error": _first_error,
    "difficulty": lambda item: "",
    "level": lambda item: f"level {item.solution.level or 'unknown'}",
}
