"""What the posterior goes by: a solution's rollouts and outcome, and what its other witnesses named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome
from pipeline.search.batches import Batch, batches, posteriors
from pipeline.search.belief import Belief, Seen
from pipeline.search.hints import Hint
from pipeline.search.priors import Array, Priors
from pipeline.told import hint_of

FIRST = " @1"
"""Ends the name of a judge of whose votes only the first is heard: it errs otherwise than all of them. The
space keeps its place among the others by name."""


class Evidence(NamedTuple):
    """All that is known of one solution: rollouts, its own outcome among them, and hints."""

    seen: Seen
    hints: tuple[Hint, ...]

    @classmethod
    def of(
        cls,
        item: Annotated,
        witnesses: Sequence[str],
        counting: Collection[str],
        known: Collection[str] = (),
    ) -> Evidence:
        """`counting`: witnesses by rollouts, whose counts are heard and not what they make of them.
        `known`: names of which a reliability was learned, those of first votes among them."""
        solution, steps = item.solution, len(item.solution.steps)
        right, wrong = np.zeros(steps + 1), np.zeros(steps + 1)
        right[-1] = solution.outcome is Outcome.CORRECT
        wrong[-1] = solution.outcome is Outcome.INCORRECT
        hints = []
        for name in witnesses:
            verdict = item.verdicts.get(name)
            if verdict is None:
                continue
            for probe in verdict.probes:
                right[probe.prefix] += probe.right
                wrong[probe.prefix] += probe.decided - probe.right
            if name not in counting:
                first = len(verdict.votes) == 1 and name + FIRST in known
                hint = hint_of(name + FIRST if first else name, verdict)
                hints += [hint] if hint.answers else []
        return cls(Seen(right, wrong), tuple(hints))


def posteriors_of(rows: Sequence[Evidence], priors: Priors) -> list[Array]:
    """P(first error = e) for e = -1..T-1 (T+1,) of each."""
    return posteriors([row.seen for row in rows], [row.hints for row in rows], priors)


def certain(posteriors: Sequence[Array], truth: Sequence[int | None]) -> list[Array]:
    """The posteriors, but where gold says the first error that one alone."""
    return [
        of_one if known is None else np.eye(len(of_one))[known - NO_ERROR]
        for of_one, known in zip(posteriors, truth, strict=True)
    ]


def in_batches(rows: Sequence[Evidence]) -> list[Batch]:
    return list(batches([row.seen for row in rows], [row.hints for row in rows], most=1024))


def log_evidence(rows: Sequence[Batch], priors: Priors) -> float:
    """Log chance of all that is seen and said, a solution."""
    beliefs = [Belief(priors, batch.seen, batch.heard(priors.reliability)) for batch in rows]
    total = sum(float(belief.log_evidence.sum()) for belief in beliefs)
    return total / max(1, sum(len(batch.rows) for batch in rows))
