"""What a dataset holds, counted: the figures of the card and of the split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.dataset.split import group
from pipeline.join import Annotated
from pipeline.records import Outcome, Verdict

_EVIDENCE = {
    "probes": "rollouts from prefixes",
    "votes": "judge votes",
    "checks": "executed checks",
    "scores": "a score for each step",
}


@dataclass
class Tally:
    """Counts over labelled and undecided solutions; those that no rule looked at are passed over.

    `problems`: question (see `split.group`) -> has it a solution with a label that is not left out?
    `decided`: how many solutions each annotator decided, of `seen`. `evidence`: the kinds of
    evidence each gave.
    """

    problems: dict[str, bool] = field(default_factory=dict)
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

    def add(self, item: Annotated) -> None:
        if item.label is None:
            return
        solution, label = item.solution, item.label
        problem = group(solution.question)
        known = self.problems.get(problem, False)
        self.problems[problem] = known or (label.kept and item.left_out is None)
        self.solutions += 1
        self.steps += len(solution.steps)
        self.outcomes[solution.outcome] += 1
        self.generators[solution.generator] += 1
        if label.first_error is None:
            self.reasons[label.reason or "no reason given"] += 1
        else:
            self.first_errors[label.first_error] += 1
            self.wrong_kept += solution.outcome is Outcome.INCORRECT
        for name, verdict in item.verdicts.items():
            self._add_verdict(name, verdict)

    def _add_verdict(self, name: str, verdict: Verdict) -> None:
        self.seen[name] += 1
        self.decided[name] += verdict.decided
        kinds = self.evidence.setdefault(name, set())
        kinds.update(text for kind, text in _EVIDENCE.items() if getattr(verdict, kind))
