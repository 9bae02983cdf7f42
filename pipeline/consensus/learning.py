"""How each witness errs, learned from a pilot of the run: with little gold or none.

EM in the family of Dawid and Skene (1979): how often a judge or a check names the very first error,
misses it, names one too early or too late, or sounds a false alarm, and where (`pipeline.search.hints`),
together with the chances that rollouts rest on (`pipeline.search.priors`). Gold, where there is some,
fixes the truth of its rows, and makes stated confidence true (`pipeline.consensus.calibration`).

Witnesses that stumble over the same steps are told from such as agree because they are right by where
they agree on what rollouts rule out; a copy adds nothing.

Of a single judge nobody else can say whether it sounds false alarms at right answers or sees errors that
rollouts can't, and of two whether they see them together or stumble together; and of a small pilot
chance alone says much. So fits are compared that start elsewhere, among them where all repeat each other,
or that hold the share of such errors, or how often witnesses repeat each other: where some explain the
verdicts nearly as well as the best and state another confidence, the witnesses can't tell how far each is
to be trusted, and that needs gold. What is learned is the fit in the middle of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.consensus.calibration import ENOUGH, UNCHANGED, Calibration, calibrated
from pipeline.consensus.evidence import Evidence, certain, in_batches, log_evidence, posteriors_of
from pipeline.records import NO_ERROR
from pipeline.search.fit import NOTHING_HELD, Held, fit_priors
from pipeline.search.hints import START, ZONES, Reliability
from pipeline.search.priors import BROAD, Array, Priors

SAME = 0.01
"""Difference of stated precisions, from one possible fit to another, up to which they are identified."""
DOUBT = 0.02
"""Log evidence a solution by which a fit must beat another to rule it out. A model as rough as this one
may be so far from the truth: in simulated panels, whose witnesses it doesn't err quite like, the true
shares explained the verdicts up to .02 less well than the best fit did."""
CHANCE = 3.3
"""Log evidence, of all solutions together, that a number held at its true value loses to the best fit by
chance alone in 1 of 100 pilots (half of chi-squared's quantile for one degree of freedom; Wilks, 1938)."""
UNSEEN = (0.01, 0.08, 0.2, 0.35)
"""Shares of the errors that rollouts see nothing of, each tried."""
OWN = (0.4, 0.6, 0.8)
"""How often a witness speaks for itself after others, each tried. The true one explained simulated
panels as well as the best fit did, but for chance."""
DOUBTFUL = Reliability(
    clean=(0.35, *(0.06,) * ZONES, 0.2, *(0.03,) * ZONES),
    flawed=(0.2, 0.15, 0.08, 0.07, 0.08, 0.07, 0.1, 0.1, 0.04, 0.04, 0.04, 0.03),
)
TRUSTING = Reliability(
    clean=(0.85, *(0.01,) * ZONES, 0.07, *(0.006,) * ZONES),
    flawed=(0.05, 0.7, 0.03, 0.02, 0.03, 0.02, 0.02, 0.09, 0.01, 0.01, 0.01, 0.01),
)
COPYING = replace(START, own=0.3)
"""Where all but the first repeat each other more often than not."""


@dataclass(frozen=True)
class Learned:
    """`priors` hold how each witness errs; `counting` are those by rollouts. A label is kept from
    `threshold` on; of the pilot's solutions these were the share `kept`, whose mean confidence was
    `stated`. `binding`: whether the wanted precision leaves any out. `spread`: the most that the
    confidence in those labels differs from one possible fit to another; 0 where gold says it. `right`: how
    often each witness is right of the solutions without an error that it speaks of, and with one."""

    priors: Priors
    counting: tuple[str, ...]
    threshold: float
    kept: float
    stated: float
    binding: bool
    spread: float
    calibration: Calibration = UNCHANGED
    right: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

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
    drawn: Sequence[float] = (),
) -> Learned:
    """`truth`: the first error of each row, None where gold doesn't say it. Of no rows it is what a fit
    starts from. `drawn`: how many times likelier than by chance alone each row was to be drawn for gold; by
    default all gold was drawn by chance. Which rows were drawn may rest on their verdicts, and on nothing
    else: then those without gold are missing at random, the fit that takes gold at its word and weighs the
    rest is the likeliest all the same (Rubin, 1976), and what the sample says of stated confidences is
    weighed by 1 / `drawn` (Horvitz and Thompson, 1952)."""
    fits = possible(rows, truth, begun_of(rows))
    by_fit = [posteriors_of(rows, priors) for priors in fits]
    middle = _middle(by_fit)
    priors, found = fits[middle], by_fit[middle]
    best = [int(of_one.argmax()) for of_one in found]
    known = [row for row, one in enumerate(truth) if one is not None]
    calibration = calibrated(
        np.array([found[row].max() for row in known]),
        np.array([best[row] + NO_ERROR == truth[row] for row in known]),
        np.array([1 / drawn[row] for row in known]) if drawn else None,
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
        0.0 if by_gold else _spread(best, chosen, by_fit),
        calibration,
        _right(rows, certain(found, truth)),
    )


def begun_of(rows: Sequence[Evidence]) -> Priors:
    """What fits begin with: how rollouts drift, by themselves."""
    return replace(BROAD, drift=fit_priors([row.seen for row in rows]).drift)


def possible(rows: Sequence[Evidence], truth: Sequence[int | None], begun: Priors) -> list[Priors]:
    """The fits that explain what was seen and said best, or nearly as well, the best first."""
    fits = [_fit(rows, truth, begun, start) for start in (START, DOUBTFUL, TRUSTING)]
    if witnesses := len(fits[0].reliability):
        fits += [_fit(rows, truth, begun, START, Held(unseen=share)) for share in UNSEEN]
    if witnesses > 1:
        fits += [_fit(rows, truth, begun, COPYING, Held(unseen=share)) for share in (None, *UNSEEN)]
    doubts = [DOUBT] * len(fits)
    if witnesses > 1:
        fits += [_fit(rows, truth, begun, START, Held(own=own)) for own in OWN]
        doubts += [0.0] * len(OWN)
    heard = in_batches(rows)
    explained = [log_evidence(heard, priors) for priors in fits]
    order = np.argsort([-one for one in explained], kind="stable")
    chance = CHANCE / max(1, len(rows))
    return [fits[one] for one in order if explained[one] >= max(explained) - doubts[one] - chance]


def _right(rows: Sequence[Evidence], posteriors: Sequence[Array]) -> dict[str, tuple[float, float]]:
    """(of solutions without an error, with one): the share that each witness is right of."""
    counts: dict[str, Array] = {}  # right, all; of solutions without an error, with one
    for row, posterior in zip(rows, posteriors, strict=True):
        for hint in row.hints:
            of = counts.setdefault(hint.name, np.zeros((2, 2)))
            of[0, int(hint.top != NO_ERROR)] += posterior[hint.top - NO_ERROR]
            of[1] += posterior[0], 1 - posterior[0]
    shares = {name: of[0] / np.maximum(of[1], 1e-9) for name, of in sorted(counts.items())}
    return {name: (float(clean), float(flawed)) for name, (clean, flawed) in shares.items()}


def _middle(by_fit: Sequence[Sequence[Array]]) -> int:
    """Which fit's posteriors are nearest to those of all others (the medoid): which of them explains the
    pilot a little better than the rest is chance."""
    if not by_fit[0]:
        return 0
    found = np.stack([np.concatenate(of_one) for of_one in by_fit])
    return int(np.argmin([np.abs(found - one).sum() for one in found]))


def _spread(best: Sequence[int], chosen: Iterable[int], by_fit: Sequence[Sequence[Array]]) -> float:
    """The most that the mean confidence in the `best` of the `chosen` rows differs between fits."""
    rows = list(chosen)
    stated = [float(np.mean([found[row][best[row]] for row in rows] or [0.0])) for found in by_fit]
    return max(stated) - min(stated)


def _fit(
    rows: Sequence[Evidence],
    truth: Sequence[int | None],
    begun: Priors,
    start: Reliability,
    held: Held = NOTHING_HELD,
) -> Priors:
    """At the drift of `begun`."""
    names = {hint.name for row in rows for hint in row.hints}
    return fit_priors(
        [row.seen for row in rows],
        [row.hints for row in rows],
        slips=True,
        held=held,
        trust=dict.fromkeys(names, start),
        truth=truth,
        drifts=False,
        start=begun,
    )


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
