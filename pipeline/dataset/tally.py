"""What a dataset holds, counted: the figures of the card and of the split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.columns import Joined, Reads
from pipeline.records import Outcome

_EVIDENCE = {
    "probes": "rollouts from prefixes",
    "votes": "judge votes",
    "checks": "executed checks",
    "scores": "a score for each step",
}
READS = Reads(
    solution=frozenset({"outcome", "generator", "steps"}),
    label=frozenset({"first_error", "reason"}),
    verdict=frozenset({"first_error"}),
    lengths=frozenset(_EVIDENCE),
)
"""What is counted: of the evidence, whether there is any."""


@dataclass
class Tally:
    """Counts over labelled and undecided solutions.

    `decided`: how many solutions each annotator decided, of `seen`. `evidence`: the kinds of
    evidence each gave.
    """

    problems: int = 0
    solutions: int = 0
    steps: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong_kept: int = 0
    first_errors: Counter[int] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    evidence: dict[str, set[str]] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        return self.first_errors.total()

    def add(self, batch: Joined) -> None:
        """`batch` is labelled, with the columns of `READS`. Raises RunError for what is no row."""
        assert batch.labels is not None
        solutions, labels = batch.solutions.batch, batch.labels.batch
        outcomes = solutions.column("outcome").to_pylist()
        first_errors = labels.column("first_error").to_pylist()
        self.solutions += len(outcomes)
        self.steps += pc.sum(pc.list_value_length(solutions.column("steps")), min_count=0).as_py()
        self.outcomes.update(outcomes)
        self.generators.update(solutions.column("generator").to_pylist())
        for outcome, first_error, reason in zip(
            outcomes, first_errors, labels.column("reason").to_pylist(), strict=True
        ):
            if first_error is None:
                self.reasons[reason or "no reason given"] += 1
            else:
                self.first_errors[first_error] += 1
                self.wrong_kept += outcome == Outcome.INCORRECT
        for name, rows in batch.verdicts.items():
            if rows.batch.num_rows:
                self._add_verdicts(name, rows.batch)

    def _add_verdicts(self, name: str, verdicts: pa.RecordBatch) -> None:
        self.seen[name] += verdicts.num_rows
        self.decided[name] += verdicts.num_rows - verdicts.column("first_error").null_count
        kinds = self.evidence.setdefault(name, set())
        for kind, text in _EVIDENCE.items():
            at = verdicts.schema.get_field_index(kind)
            if text not in kinds and at >= 0:
                most = pc.max(pc.list_value_length(verdicts.column(at))).as_py()
                kinds.update([text] if most else [])
