"""What a batch lends a cascade, so that it makes and runs its stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from pipeline.annotator import Annotator, LearningAnnotator, VotingAnnotator
from pipeline.consensus.evidence import FIRST
from pipeline.progress import StageProgress
from pipeline.shards import Store
from pipeline.stages import AnnotateStage, Solutions
from pipeline.told import Told


class StageOf(Protocol):
    """An annotator over solutions, as a stage."""

    def __call__(
        self,
        annotator: Annotator,
        solutions: Solutions,
        store: Store,
        *,
        told: Told | None = None,
    ) -> AnnotateStage: ...


@dataclass(frozen=True)
class Crew:
    """What a batch lends: how stages are made and run, what they have counted, an annotator that has learned
    from its own pilot, chosen among some solutions, the solutions that are annotated at all, and what the
    budget didn't pay for."""

    stage_of: StageOf
    run: Callable[[AnnotateStage], Awaitable[None]]
    calibrated: Callable[[LearningAnnotator, Set[str]], Awaitable[Annotator]]
    chosen: Solutions
    faults: Counter[str]
    unpaid: Set[str]
    progress: Mapping[str, StageProgress]


def asked_for(annotator: Annotator, part: str) -> Annotator:
    """As it is asked for a part of what it says: for a judge's first vote alone, or for all of them."""
    if isinstance(annotator, VotingAnnotator) and annotator.votes_apart > 1:
        return annotator.apart(first_only=part.endswith(FIRST))
    return annotator
