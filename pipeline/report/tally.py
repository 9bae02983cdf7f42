"""What the pictures of a report count, over every solution of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from pipeline.columns import Reads
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome
from pipeline.stages import KEY_COLUMNS, key_of

SILENT = "silent"
CLEAN = "no error"
FLAWED = "an error"
BINS = 20
COUNTED = Reads(
    solution=frozenset({*KEY_COLUMNS, "outcome"}),
    label=frozenset({"first_error", "reason", "confidence"}),
    verdict=frozenset({"first_error"}),
)


@dataclass
class Pair:
    """How often two both name something, and the same."""

    both: int = 0
    same: int = 0


@dataclass
class Tally:
    """Counts of a run. `by_outcome`: (outcome, what its label says) -> solutions; `said`: the same for
    each witness; `first_errors`: of the labels; `confidence`: labels in BINS equal bins of what they
    state."""

    witnesses: Sequence[str]
    solutions: int = 0
    left_out: int = 0
    problems: set[str] = field(default_factory=set)
    by_outcome: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_errors: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    confidence: Counter[int] = field(default_factory=Counter)
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        return self.first_errors.total()

    @property
    def wrong(self) -> int:
        return sum(n for (outcome, _), n in self.by_outcome.items() if outcome == Outcome.INCORRECT)

    @property
    def kept_wrong(self) -> int:
        return self.wrong - self.by_outcome[Outcome.INCORRECT, SILENT]

    def add(self, item: Annotated) -> None:
        if item.label is None:
            self.left_out += 1
            return
        label = item.label
        self.solutions += 1
        self.problems.add(key_of(item.solution))  # ids repeat where runs were merged
        self.by_outcome[item.solution.outcome.value, _kind(label.first_error)] += 1
        if label.first_error is None:
            self.reasons[label.reason or "no reason given"] += 1
        else:
            self.first_errors[label.first_error] += 1
        if label.kept and label.confidence is not None and 0 <= label.confidence <= 1:
            self.confidence[min(BINS - 1, int(label.confidence * BINS))] += 1
        named = {name: verdict.first_error for name, verdict in item.verdicts.items()}
        for name, first_error in named.items():
            self.said[name, _kind(first_error)] += 1
        for a, b in combinations(self.witnesses, 2):
            first, second = named.get(a), named.get(b)
            if first is not None and second is not None:
                pair = self.pairs.setdefault((a, b), Pair())
                pair.both += 1
                pair.same += first == second


def _kind(first_error: int | None) -> str:
    if first_error is None:
        return SILENT
    return CLEAN if first_error == NO_ERROR else FLAWED
