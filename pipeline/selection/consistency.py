"""PROF, the process consistency filter (Ye et al. 2025, arXiv 2509.03403): of each problem the solutions
whose steps and whose final answer tell the same stay.

A solution's consistency is the mean value of its steps, less lambda where it has one step or H and more,
times 1 where its answer is right and -1 where it is wrong. The least consistent of the right and of the
wrong ones go: first of the larger group until both are as many, then of both in turn, until `keep` of
all are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from pipeline.columns import Reads
from pipeline.config import ConsistencyConfig
from pipeline.dataset.split import group
from pipeline.join import Annotated
from pipeline.records import Outcome

INCONSISTENT = {
    Outcome.CORRECT: "right answer, but among the lowest step values of its problem (PROF)",
    Outcome.INCORRECT: "wrong answer, but among the highest step values of its problem (PROF)",
}


class Consistency:
    """In memory: one entry a candidate. One without step values has no process reward: it stays."""

    def __init__(self, config: ConsistencyConfig) -> None:
        self._config = config
        steps = Reads(label=frozenset({"values"}))
        scores = Reads(verdict=frozenset({"scores"}))
        self.reads = Reads(solution=frozenset({"outcome"})) | (scores if config.scores else steps)
        self._known: dict[int, tuple[str, Outcome, float]] = {}

    def see(self, item: Annotated, number: int | None) -> None:
        values = [value for value in self._values(item) if value is not None]
        outcome = item.solution.outcome
        if number is None or not values or outcome is Outcome.UNDECIDED:
            return
        steps = len(item.solution.steps)
        odd = steps == 1 or steps >= self._config.long_steps
        reward = fmean(values) - (self._config.penalty if odd else 0.0)
        sign = 1 if outcome is Outcome.CORRECT else -1
        self._known[number] = (group(item.solution.question), outcome, sign * reward)

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        of_problem: defaultdict[str, dict[Outcome, list[int]]] = defaultdict(
            lambda: {Outcome.CORRECT: [], Outcome.INCORRECT: []}
        )
        for number in left:
            if number in self._known:
                problem, outcome, _ = self._known[number]
                of_problem[problem][outcome].append(number)
        for groups in of_problem.values():
            for numbers in groups.values():  # the most consistent first; equals by content
                numbers.sort(key=lambda number: (-self._known[number][2], keys[number]))
            go = sum(map(len, groups.values()))
            go -= max(1, round(self._config.keep * go))
            for _ in range(go):
                outcome = max(groups, key=lambda one: (len(groups[one]), one is Outcome.CORRECT))
                yield groups[outcome].pop(), INCONSISTENT[outcome]

    def _values(self, item: Annotated) -> Sequence[float | None]:
        if self._config.scores is not None:
            verdict = item.verdicts.get(self._config.scores)
            return () if verdict is None else verdict.scores
        return () if item.label is None else item.label.values
