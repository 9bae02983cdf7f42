"""What the list of a page shows and filters by: one entry a solution in each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Verdict
from pipeline.stages import key_of

UNDECIDED = -2
ABSENT = -3
"""No verdict of this annotator; no label, since a filter left the problem out."""
_HEAD_CHARS = 140
_STRIP = 60
_MARKS = {1: "+", -1: "-", 0: "0", None: "?"}


@dataclass
class Names:
    """Texts by number, each once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def texts(self) -> list[str]:
        return list(self.numbers)


class Index:
    """Columns of solutions, in the order in which they are added.

    `label` and `said` hold first errors, -1 none, UNDECIDED or ABSENT; `strip` a mark a step.
    """

    def __init__(self, witnesses: Sequence[str]) -> None:
        self.witnesses = list(witnesses)
        self._problems: dict[str, tuple[str, str]] = {}
        self._places, self._reasons = Names(), Names()
        self._generators, self._levels = Names(), Names()
        self._sorted_by: list[tuple[Any, ...]] = []
        self._columns: dict[str, list[Any]] = {
            name: []
            for name in (
                *("id", "problem", "attempt", "outcome", "steps", "label", "reason"),
                *("confidence", "truth", "tokens", "generator", "level", "strip"),
            )
        }
        self._said: list[list[int]] = [[] for _ in witnesses]

    def __len__(self) -> int:
        return len(self._sorted_by)

    def add(self, item: Annotated, truth: int | None) -> None:
        solution, label = item.solution, item.label
        problem = key_of(solution)  # ids repeat where runs were merged
        self._problems.setdefault(problem, (solution.problem_id, _head(solution.question)))
        reason = "left out by the filter" if label is None else (label.reason or "no reason given")
        kept = label is not None and label.kept
        tokens = sum(one.cost.completion_tokens for one in item.verdicts.values())
        row = {
            "id": solution.id,
            "problem": self._places.of(problem),
            "attempt": solution.index,
            "outcome": solution.outcome,
            "steps": len(solution.steps),
            "label": ABSENT if label is None else _named(label.first_error),
            "reason": -1 if kept else self._reasons.of(reason),
            "confidence": None if label is None else _rounded(label.confidence),
            "truth": _named(truth),
            "tokens": tokens + solution.cost.completion_tokens,
            "generator": self._generators.of(solution.generator),
            "level": self._levels.of(solution.level or ""),
            "strip": _strip(item),
        }
        for name, column in self._columns.items():
            column.append(row[name])
        for place, name in enumerate(self.witnesses):
            self._said[place].append(_said(item.verdicts.get(name)))
        self._sorted_by.append((_natural(solution.problem_id), solution.index, solution.id))

    def data(self, starts: Sequence[int], total: int) -> dict[str, Any]:
        """`starts`: first row of each chunk of details; `total`: solutions that the run has."""
        return {
            "total": total,
            "witnesses": self.witnesses,
            "problems": [problem_id for problem_id, _ in self._problems.values()],
            "heads": [head for _, head in self._problems.values()],
            "reasons": self._reasons.texts(),
            "generators": self._generators.texts(),
            "levels": self._levels.texts(),
            "rows": self._columns,
            "said": self._said,
            "order": sorted(range(len(self)), key=self._sorted_by.__getitem__),
            "starts": list(starts),
        }


def _named(first_error: int | None) -> int:
    return UNDECIDED if first_error is None else first_error


def _said(verdict: Verdict | None) -> int:
    return ABSENT if verdict is None else _named(verdict.first_error)


def _rounded(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, 4)


def _strip(item: Annotated) -> str:
    n = min(_STRIP, len(item.solution.steps))
    if item.label is None or item.label.first_error is None:
        return "?" * n
    if not item.label.step_labels and item.label.first_error == NO_ERROR:
        return "+" * n
    return "".join(_MARKS.get(one, "?") for one in item.label.step_labels[:n])


def _head(question: str) -> str:
    """The question's beginning, on one line."""
    text = " ".join(question[: 4 * _HEAD_CHARS].split())
    return text if len(text) <= _HEAD_CHARS else text[: _HEAD_CHARS - 1] + "…"


def _natural(text: str) -> list[tuple[int, int | str]]:
    """ "gsm8k-9" before "gsm8k-10"."""
    parts = re.findall(r"[0-9]{1,15}|[^0-9]+", text[:200])
    return [(0, int(p)) if p[0] in "0123456789" else (1, p) for p in parts]
