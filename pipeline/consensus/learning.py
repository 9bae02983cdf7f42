"""How each witness errs, learned from a pilot of the run: with little gold or none.

EM in the family of Dawid and Skene (1979): how often a judge or a check names the very first error,
misses it, names one too early or too late, or sounds a false alarm, and where (`pipeline.search.hints`),
together with the chances that rollouts rest on (`pipeline.search.belief`). Gold, where there is some,
fixes the truth of its rows, and makes stated confidence true (`pipeline.consensus.calibration`).

Witnesses that err together are one witness in part: each is weighed by 1 / (1 + the correlations of its
errors with the others'), so that a copy adds nothing. One that repeats the other's errors only now and
then is found out in part.

Of a single judge nobody else can say whether it sounds false alarms at right answers or sees errors that
rollouts can't. So fits are compared that start elsewhere or hold the share of such errors: where some
explain the verdicts nearly as well as the best and state another confidence, the witnesses can't tell how
far each is to be trusted, and that needs gold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.consensus.calibration import ENOUGH, UNCHANGED, Calibration, calibrated
from pipeline.consensus.evidence import Evidence, log_evidence, posteriors_of
from pipeline.records import NO_ERROR
from pipeline.search.belief import BROAD, Array, Priors
from pipeline.search.fit import fit_priors
from pipeline.search.hints import START, ZONES, Reliability

SAME = 0.01
"""Difference of stated precisions, from one possible fit to another, up to which they are identified."""
DOUBT = 0.02
"""Log evidence a solution by which a fit must beat another to rule it out. A model as rough as this one
may be so far from the truth: in simulated panels, whose witnesses it doesn't err quite like, the true
shares explained the verdicts up to .02 less well than the best fit did."""
UNSEEN = (0.01, 0.05, 0.1, 0.15, 0.25, 0.35)
"""Shares of the errors that rollouts see nothing of, each tried."""
DOUBTFUL = Reliability(
    clean=(0.35, *(0.06,) * ZONES, 0.2, *(0.03,) * ZONES),
    flawed=(0.2, 0.15, 0.08, 0.07, 0.08, 0.07, 0.1, 0.1, 0.04, 0.04, 0.04, 0.03),
)
TRUSTING = Reliability(
    clean=(0.85, *(0.01,) * ZONES, 0.07, *(0.006,) * ZONES),
    flawed=(0.05, 0.7, 0.03, 0.02, 0.03, 0.02, 0.02, 0.09, 0.01, 0.01, 0.01, 0.01),
)
STARTS = (START, DOUBTFUL, TRUSTING)
CHANCE = 2.0
"""Standard errors that a correlation is taken to be due to chance: a check speaks of few solutions."""
REWEIGHED = 2
SETTLED = 0.02
"""Change of a weight up to which a fit stands."""


@dataclass(frozen=True)
class Learned:
    """`priors` hold how each witness errs; `counting` are those by rollouts. A label is kept from
    `threshold` on; of the pilot's solutions these were the share `kept`, whose mean confidence was
    `stated`. `binding`: whether the wanted precision leaves any out. `spread`: the most that the
    confidence in those labels differs from one possible fit to another; 0 where gold says it."""

    priors: Priors
    counting: tuple[str, ...]
    threshold: float
    kept: float
    stated: float
    binding: bool
    spread: float
    calibration: Calibration = UNCHANGED

    def sure(self, posterior: Array) -> float:
        """Confidence in the likeliest first error."""
        return self.calibration(float(posterior.max()))

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
    priors, *others = possible(rows, truth, begun)
    found = posteriors_of(rows, priors)
    best = [int(of_one.argmax()) for of_one in found]
    known = [row for row, one in enumerate(truth) if one is not None]
    calibration = calibrated(
        np.array([found[row].max() for row in known]),
        np.array([best[row] + NO_ERROR == truth[row] for row in known]),
    )
    sure = np.array([calibration(float(of_one.max())) for of_one in found])
    threshold, kept = threshold_for(sure, precision)
    chosen = np.flatnonzero(sure >= threshold) if kept else range(len(rows))
    by_gold = len(known) >= ENOUGH
    return Learned(
        priors,
        counting,
        threshold,
        kept,
        float(np.mean(sure[chosen])) if kept else 0.0,
        kept < 1.0,
        0.0 if by_gold else _spread(rows, best, chosen, [priors, *others]),
        calibration,
    )


def possible(rows: Sequence[Evidence], truth: Sequence[int | None], begun: Priors) -> list[Priors]:
    """The fit that explains what was seen and said best, and those that explain it nearly as well."""
    fits = [fitted(rows, truth, start, begun) for start in STARTS]
    weights = {name: of.weight for name, of in fits[0].reliability.items()}
    if weights:
        fits += [_fit(rows, truth, START, begun, weights, share) for share in UNSEEN]
    explained = [log_evidence(rows, priors) for priors in fits]
    order = np.argsort([-one for one in explained], kind="stable")
    return [fits[one] for one in order if explained[one] >= max(explained) - DOUBT]


def _spread(
    rows: Sequence[Evidence], best: Sequence[int], chosen: Iterable[int], fits: Sequence[Priors]
) -> float:
    """The most that the mean confidence in the `best` of the `chosen` rows differs between fits."""
    stated = []
    for priors in fits:
        found = posteriors_of(rows, priors)
        stated.append(float(np.mean([found[row][best[row]] for row in chosen] or [0.0])))
    return max(stated) - min(stated)


def fitted(
    rows: Sequence[Evidence], truth: Sequence[int | None], start: Reliability, begun: Priors
) -> Priors:
    """Fit, weigh the witnesses by how far they err together, and fit again; at the drifts of `begun`."""
    names = sorted({hint.name for row in rows for hint in row.hints})
    weights = dict.fromkeys(names, 1.0)
    for last in (False,) * REWEIGHED + (True,):
        priors = _fit(rows, truth, start, begun, weights)
        if last:
            break
        before, weights = weights, weights_of(rows, truth, priors, names)
        if all(abs(weights[name] - before[name]) <= SETTLED for name in names):
            break
    return priors


def _fit(
    rows: Sequence[Evidence],
    truth: Sequence[int | None],
    start: Reliability,
    begun: Priors,
    weights: Mapping[str, float],
    unseen: float | None = None,
) -> Priors:
    return fit_priors(
        [row.seen for row in rows],
        [row.hints for row in rows],
        slips=True,
        unseen=unseen,
        trust={name: replace(start, weight=weight) for name, weight in weights.items()},
        truth=truth,
        drifts=False,
        start=begun,
    )


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
    0 where nothing can be said. Less what chance may make of so few; below 0 it counts as none."""
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
    if scale <= 1e-9:
        return 0.0
    return common / float(np.sqrt(scale)) - CHANCE / float(np.sqrt(both.sum()))


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
