"""How often each problem's solutions came out right: what a run filters by, and evidence.

Solutions that were begun for the policy (those of a tree that grew) say nothing of the bare problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from typing import Self

from pipeline.config import FilterConfig
from pipeline.records import Outcome, ProbeCount, Solution
from pipeline.shards import Store
from pipeline.stages import KEY_COLUMNS, key_of, key_of_row


class PassRates:
    def __init__(self) -> None:
        self._right: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()

    @classmethod
    def of(cls, solutions: Store) -> Self:
        """Counts of every problem that has a solution, undecided ones aside."""
        rates = cls()
        for row in solutions.rows(["outcome", "given", *KEY_COLUMNS]):
            if row.get("given"):  # a row of an earlier version has none
                continue
            key = key_of_row(row)
            rates._right[key] += row["outcome"] == Outcome.CORRECT
            rates._decided[key] += row["outcome"] != Outcome.UNDECIDED
        return rates

    def left_out(self, wanted: FilterConfig, problems: Set[str]) -> set[str]:
        """Keys of problems whose solutions are not annotated: pass rate out of bounds, or no longer
        among the inputs, `problems`. One without a decided solution stays."""
        out = set(self._decided) - problems
        for key, decided in self._decided.items():
            rate = self._right[key] / decided if decided else None
            if rate is not None and (
                not wanted.min_pass_rate <= rate <= wanted.max_pass_rate
                or (wanted.drop_never_right and rate == 0)
                or (wanted.drop_always_right and rate == 1)
            ):
                out.add(key)
        return out

    def siblings(self, solution: Solution) -> ProbeCount:
        """What the other solutions of the same problem came to: so many rollouts from its start."""
        key = key_of(solution)
        right = self._right[key] - (solution.outcome is Outcome.CORRECT)
        decided = self._decided[key] - (solution.outcome is not Outcome.UNDECIDED)
        if solution.given:
            return ProbeCount(0, self._right[key], self._decided[key])
        return ProbeCount(0, right, decided)
