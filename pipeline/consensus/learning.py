"""How each witness errs, learned from a pilot of the run: with little gold or none.

EM in the family of Dawid and Skene (1979): how often a judge or a check names the very first error,
misses it, names one too early or too late, or sounds a false alarm (`pipeline.search.hints`), together
with the chances that rollouts rest on (`pipeline.search.belief`). Gold, where there is some, fixes the
truth of its rows.

Witnesses that err together are one witness in part: each is weighed by 1 / (1 + the correlations of its
errors with the others'), so that a copy adds nothing. One that repeats the other's errors only now and
then is found out in part, and slips of a single judge not at all. Where what is stated depends on where
the fit starts, the witnesses can't tell how far each is to be trusted, and that needs gold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.consensus.evidence import Evidence, confidence, posteriors_of
from pipeline.records import NO_ERROR
from pipeline.search.belief import BROAD, Array, Priors
from pipeline.search.fit import fit_priors
from pipeline.search.hints import START, Reliability

SAME = 0.01
"""Difference of stated precisions, from one start to another, up to which a fit is identified."""
DOUBTFUL = Reliability(
    clean=(0.35, 0.0, 0.3, 0.0, 0.2, 0.0, 0.15, 0.0),
    flawed=(0.2, 0.15, 0.15, 0.15, 0.1, 0.1, 0.08, 0.07),
)
TRUSTING = Reliability(
    clean=(0.85, 0.0, 0.05, 0.0, 0.07, 0.0, 0.03, 0.0),
    flawed=(0.05, 0.7, 0.05, 0.05, 0.02, 0.09, 0.02, 0.02),
)
STARTS = (START, DOUBTFUL, TRUSTING)
REWEIGHED = 2
SETTLED = 0.02
"""Change of a weight up to which a fit stands."""


@dataclass(frozen=True)
class Learned:
    """`priors` hold how each witness errs; `counting` are those by rollouts. A label is kept from
    `threshold` on; of the pilot's solutions these were the share `kept`, whose mean confidence was
    `stated`. `binding`: whether the wanted precision leaves any out. `spread`: the most that the
    confidence in those labels differs from one start to another."""

    priors: Priors
    counting: tuple[str, ...]
    threshold: float
    kept: float
    stated: float
    binding: bool
    spread: float

    @property
    def identified(self) -> bool:
        return self.spread <= SAME


def learned_from(
    rows: Sequence[Evidence],
    truth: Sequence[int | None],
    counting: tuple[str, ...],
    precision: float,
) -> Learned:
    """`truth`: the first error of each row, None where gold doesn't say it. Of no rows it is what a fit
    starts from."""
    drifting = fit_priors([row.seen for row in rows])
    begun = replace(BROAD, drift=drifting.drift, flawed_drift=drifting.flawed_drift)
    fits = [fitted(rows, truth, start, begun) for start in STARTS]
    found = [posteriors_of(rows, priors) for priors in fits]
    sure = np.array([confidence(of_one) for of_one in found[0]])
    threshold, kept = threshold_for(sure, precision)
    chosen = np.flatnonzero(sure >= threshold) if kept else range(len(rows))
    best = [int(of_one.argmax()) for of_one in found[0]]
    stated = [float(np.mean([of[row][best[row]] for row in chosen] or [0.0])) for of in found]
    return Learned(
        fits[0],
        counting,
        threshold,
        kept,
        stated[0] if kept else 0.0,
        kept < 1.0,
        max(stated) - min(stated),
    )


def fitted(
    rows: Sequence[Evidence], truth: Sequence[int | None], start: Reliability, begun: Priors
) -> Priors:
    """Fit, weigh the witnesses by how far they err together, and fit again; at the drifts of `begun`."""
    seen, hints = [row.seen for row in rows], [row.hints for row in rows]
    names = sorted({hint.name for of_one in hints for hint in of_one})
    weights = dict.fromkeys(names, 1.0)
    for last in (False,) * REWEIGHED + (True,):
        trust = {name: replace(start, weight=weights[name]) for name in names}
        priors = fit_priors(
            seen, hints, slips=True, trust=trust, truth=truth, drifts=False, start=begun
        )
        if last:
            break
        before, weights = weights, weights_of(rows, truth, priors, names)
        if all(abs(weights[name] - before[name]) <= SETTLED for name in names):
            break
    return priors


def weights_of(
    rows: Sequence[Evidence], truth: Sequence[int | None], priors: Priors, names: Sequence[str]
) -> dict[str, float]:
    """What part of a witness of its own each is: 1 / (1 + the sum of the correlations of its errors with
    those of each other one). Errors are expected ones, of what most of its votes named, under the
    posterior or the gold."""
    named = np.full((len(names), len(rows)), np.nan)
    for row, evidence in enumerate(rows):
        for hint in evidence.hints:
            named[names.index(hint.name), row] = hint.top
    found = posteriors_of(rows, priors)
    for row, known in enumerate(truth):
        if known is not None:
            found[row] = np.eye(len(found[row]))[known - NO_ERROR]
    clean = np.array([of_one[0] for of_one in found])
    right = np.array(
        [_chance_of_each(of_one, who) for of_one, who in zip(found, named.T, strict=True)]
    )
    right = right.reshape(len(rows), len(names)).T
    weights = {}
    for a, name in enumerate(names):
        together = (
            _correlation(clean, named[[a, b]], right[[a, b]]) for b in range(len(names)) if a != b
        )
        weights[name] = 1 / (1 + sum(max(0.0, one) for one in together))
    return weights


def _chance_of_each(posterior: Array, named: Array) -> Array:
    """P(what each witness named), 0 where it named nothing."""
    places = np.nan_to_num(named - NO_ERROR).astype(int)
    return np.where(np.isnan(named), 0.0, posterior[np.minimum(places, len(posterior) - 1)])


def _correlation(clean: Array, named: Array, right: Array) -> float:
    """Of two witnesses' errors (2, n), where both named something: within solutions without an error
    and within those with one, since both may find one of the two harder. `right`: P(what each named);
    0 where nothing can be said."""
    both = ~np.isnan(named).any(axis=0)
    (a, b), (p, q), clean = named[:, both], right[:, both], clean[both]
    none_a, none_b = a == NO_ERROR, b == NO_ERROR
    same = a == b
    common = spread_a = spread_b = 0.0
    for share, right_a, right_b in (
        (clean, np.where(none_a, clean, 0.0), np.where(none_b, clean, 0.0)),
        (1 - clean, np.where(none_a, 0.0, p), np.where(none_b, 0.0, q)),
    ):
        total = max(float(share.sum()), 1e-9)
        wrong_a, wrong_b = float((share - right_a).sum()), float((share - right_b).sum())
        # were a right, b would be too where both named the same step or none
        both_right = np.where(same | (none_a & none_b), np.minimum(right_a, right_b), 0.0)
        both_wrong = float((share - right_a - right_b + both_right).sum())
        common += both_wrong - wrong_a * wrong_b / total
        spread_a += wrong_a - wrong_a**2 / total
        spread_b += wrong_b - wrong_b**2 / total
    scale = spread_a * spread_b
    return common / float(np.sqrt(scale)) if scale > 1e-9 else 0.0


def threshold_for(sure: Array, precision: float) -> tuple[float, float]:
    """(confidence from which to keep, share kept): the most whose mean confidence is the precision. Equal
    confidences stay together."""
    if not len(sure):
        return precision, 0.0
    ranked = np.sort(sure)[::-1]
    means = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    ends = np.append(ranked[1:] < ranked[:-1], True)
    enough = np.flatnonzero(ends & (means >= precision))
    if not len(enough):
        return 1.0, 0.0
    kept = int(enough[-1]) + 1  # the mean falls as more are kept
    return float(ranked[kept - 1]), kept / len(ranked)
