"""What a finished run says of itself: counts, quality against the oracle where there is one, cost.

Everything is computed from the rows on disk, so the summary of a resumed run, or of one that was
made a year ago, is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.evaluate import Score, score
from pipeline.files import read_json, write_json
from pipeline.join import annotated
from pipeline.plan import Plan
from pipeline.progress import StageProgress
from pipeline.records import Cost, Outcome, Solution
from pipeline.run_folder import RunFolder

Oracle = Callable[[Solution], "int | None"]
"""The true first error of a solution, None where it isn't known."""


@dataclass(frozen=True, slots=True)
class StageCost:
    rows: int
    cost: Cost
    seconds: float
    planned_tokens: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """`quality` has a row for each annotator and one for "kept labels": over all solutions, and
    over those with a wrong outcome. `kept_share` is of all solutions."""

    problems: int
    solutions: int
    outcomes: Mapping[str, int]
    cut: int
    kept: int
    kept_wrong_outcome: int
    reasons: Mapping[str, int]
    first_errors: Mapping[int, int]
    quality: tuple[tuple[str, str, Score], ...]
    stages: Mapping[str, StageCost]
    faults: int
    rejected: int
    filtered: int
    dataset: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def solve_rate(self) -> float | None:
        """Right share of the decided solutions."""
        right = self.outcomes.get(Outcome.CORRECT, 0)
        decided = right + self.outcomes.get(Outcome.INCORRECT, 0)
        return right / decided if decided else None

    @property
    def kept_share(self) -> float:
        return self.kept / self.solutions if self.solutions else 0.0

    @property
    def kept_share_wrong_outcome(self) -> float | None:
        wrong = self.outcomes.get(Outcome.INCORRECT, 0)
        return self.kept_wrong_outcome / wrong if wrong else None

    @property
    def cost(self) -> Cost:
        return sum((stage.cost for stage in self.stages.values()), Cost())

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages.values())
