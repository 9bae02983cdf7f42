"""Rules of consensus on the same verdicts, where the true first errors are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.consensus import Rule
from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.learning import Learned, learned_from, threshold_for
from pipeline.evaluate.panel import UNDECIDED, Bools, Floats, Ints
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome

COUNTING = ("rollouts",)


class Weighed(NamedTuple):
    """What the posterior says of every solution, forced: how sure it is and whether it is right (n,).
    `pilot`: how sure it was of those that it learned from."""

    learned: Learned
    sure: Floats
    right: Bools
    pilot: Floats

    def from_threshold(self, precision: float) -> tuple[Bools, bool]:
        """Which are kept for a precision that is wanted, and whether it leaves any out."""
        threshold, kept = threshold_for(self.pilot, precision)
        return self.sure >= threshold, kept < 1.0

    def surest(self, share: float) -> Bools:
        chosen = np.zeros(len(self.sure), dtype=bool)
        chosen[np.argsort(-self.sure, kind="stable")[: round(share * len(self.sure))]] = True
        return chosen


def weighed(
    items: Sequence[Annotated],
    truth: Ints,
    witnesses: Sequence[str],
    pilot: Sequence[Annotated],
    gold: Sequence[Annotated] = (),
    gold_truth: Sequence[int] = (),
) -> Weighed:
    """Learn from the pilot, and from gold rows beside it, and fuse `items`."""
    rows = [Evidence.of(item, witnesses, COUNTING) for item in (*pilot, *gold)]
    known = [*([None] * len(pilot)), *gold_truth]
    learned = learned_from(rows, known, COUNTING, 0.95)
    found = posteriors_of([Evidence.of(i, witnesses, COUNTING) for i in items], learned.priors)
    best = np.array([int(of_one.argmax()) + NO_ERROR for of_one in found])
    return Weighed(
        learned,
        np.array([learned.sure(of_one) for of_one in found]),
        best == truth,
        np.array([learned.sure(of_one) for of_one in posteriors_of(rows, learned.priors)]),
    )


def named_by(
    rule: Rule, items: Sequence[Annotated], witnesses: Sequence[str], vetoes: Sequence[str]
) -> Ints:
    """First errors of the labels that a rule keeps (n,), UNDECIDED of the others."""
    labels = (rule(item.solution, item.verdicts, witnesses, vetoes) for item in items)
    return np.array([UNDECIDED if one.first_error is None else one.first_error for one in labels])


def by_outcome(items: Sequence[Annotated]) -> Ints:
    """No error where the answer is right; nothing of the others."""
    right = (item.solution.outcome is Outcome.CORRECT for item in items)
    return np.array([NO_ERROR if one else UNDECIDED for one in right])


def precision(bootstrap: Bootstrap, right: Bools, kept: Bools) -> Figure:
    return bootstrap.share(right, kept)


def gap(bootstrap: Bootstrap, sure: Floats, right: Bools, kept: Bools) -> Figure:
    """Mean stated confidence of the kept, less their precision."""
    return bootstrap.ratio(np.where(kept, sure - right, 0.0), kept.astype(float))


def lost(
    bootstrap: Bootstrap, right: Bools, kept: Bools, other_right: Bools, other_kept: Bools
) -> Figure:
    """Precision of the first less that of the other, on the same draws."""
    moments = _moments(right & kept, kept, other_right & other_kept, other_kept)
    return bootstrap.figure(moments, lambda s: s[:, 0] / s[:, 1] - s[:, 2] / s[:, 3], len(kept))


def error_ratio(
    bootstrap: Bootstrap, right: Bools, kept: Bools, other_right: Bools, other_kept: Bools
) -> Figure:
    """Share of wrong labels among the kept, over the other's."""
    moments = _moments(~right & kept, kept, ~other_right & other_kept, other_kept)
    return bootstrap.figure(moments, lambda s: (s[:, 0] / s[:, 1]) / (s[:, 2] / s[:, 3]), len(kept))


def share_at(sure: Floats, right: Bools, wanted: float) -> float:
    """The largest share whose surest labels are right as often as wanted."""
    order = np.argsort(-sure, kind="stable")
    exact = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(exact >= wanted)
    return float((enough[-1] + 1) / len(order)) if len(enough) else 0.0


def _moments(*columns: Bools) -> NDArray[np.float64]:
    return np.stack(columns, 1).astype(np.float64)
