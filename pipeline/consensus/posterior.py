"""Weigh the witnesses: a posterior over the first error, and labels where it is sure enough.

How each witness errs is learned from the run's own verdicts, without gold, by EM (the family of Dawid
and Skene, 1979): how often a judge or a check names the very first error, misses it, names one too early
or too late, or sounds a false alarm (`pipeline.search.hints`). Rollouts enter by their own likelihood, with
the chance that they see a later step than the first wrong one, or none (`pipeline.search.belief`).

Witnesses that err together are one witness in part: each is weighed by 1 / (1 + the correlations of its
errors with the others'), so that a copy adds nothing. The user names the precision wanted of the labels;
the confidence from which a label is kept follows from it. Where the fit ends elsewhere from another start,
the witnesses can't tell how far each is to be trusted, and nothing is labelled: that needs gold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from pipeline.consensus.labels import label_of, objection, set_aside
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Label, Outcome, Solution, Verdict
from pipeline.search.belief import BROAD, Array, Belief, Priors, Seen
from pipeline.search.fit import fit_priors
from pipeline.search.hints import START, Hint, Reliability, heard_all
from pipeline.told import answers_of

VERSION = 1
PILOT = 4000
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


class Evidence(NamedTuple):
    """All that is known of one solution: rollouts, its own outcome among them, and hints."""

    seen: Seen
    hints: tuple[Hint, ...]

    @classmethod
    def of(
        cls,
        solution: Solution,
        verdicts: Mapping[str, Verdict],
        witnesses: Sequence[str],
        counting: Collection[str],
    ) -> Evidence:
        """`counting`: witnesses by rollouts, whose counts are heard and not what they make of them."""
        steps = len(solution.steps)
        right, wrong = np.zeros(steps + 1), np.zeros(steps + 1)
        right[-1] = solution.outcome is Outcome.CORRECT
        wrong[-1] = solution.outcome is Outcome.INCORRECT
        hints = []
        for name in witnesses:
            verdict = verdicts.get(name)
            if verdict is None:
                continue
            for probe in verdict.probes:
                right[probe.prefix] += probe.right
                wrong[probe.prefix] += probe.decided - probe.right
            if name not in counting and (answers := answers_of(verdict)):
                hints.append(Hint(name, answers))
        return cls(Seen(right, wrong), tuple(hints))


@dataclass(frozen=True)
class Learned:
    """`priors` hold how each witness errs; `counting` are those by rollouts. A label is kept from
    `threshold` on; of the pilot's solutions these were the share `kept`, whose mean confidence was
    `stated`. `binding`: whether the wanted precision leaves any out. `spread`: the most that `stated`
    differs from one start to another."""

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


class PosteriorRule:
    """`knowing` of what `learn` found labels one solution at a time."""

    version = VERSION
    pilot_size = PILOT

    def __init__(self, precision: float) -> None:
        self._precision = precision

    def learn(self, pilot: Sequence[Annotated], witnesses: Sequence[str]) -> dict[str, Any]:
        """From decided solutions and their verdicts, without gold. Raises nothing: a pilot of none
        learns where it starts."""
        counting = tuple(
            name
            for name in witnesses
            if any(i.verdicts[name].probes for i in pilot if name in i.verdicts)
        )
        rows = [Evidence.of(i.solution, i.verdicts, witnesses, counting) for i in pilot]
        drifting = fit_priors([row.seen for row in rows])
        fits = [_fitted(rows, start, drifting) for start in STARTS]
        first = [confidences(rows, priors) for priors in fits]
        threshold, kept = _threshold(first[0], self._precision)
        stated = [_mean_of_best(of, kept) for of in first]
        return asdict(
            Learned(
                fits[0],
                counting,
                threshold,
                kept,
                stated[0],
                kept < 1.0,
                max(stated) - min(stated),
            )
        )

    def knowing(self, facts: dict[str, Any]) -> KnowingPosterior:
        return KnowingPosterior(self._precision, TypeAdapter(Learned).validate_python(facts))


class KnowingPosterior:
    def __init__(self, precision: float, learned: Learned) -> None:
        self._precision = precision
        self._learned = learned

    def __call__(
        self,
        solution: Solution,
        verdicts: Mapping[str, Verdict],
        witnesses: Sequence[str],
        vetoes: Sequence[str],
    ) -> Label:
        learned = self._learned
        evidence = Evidence.of(solution, verdicts, witnesses, learned.counting)
        posterior = posterior_of(evidence, learned.priors)
        best = int(posterior.argmax())
        first_error, sure = best + NO_ERROR, float(posterior[best])
        if not learned.identified:
            reason = (
                "not identified: the witnesses can't tell how far each can be trusted; give gold"
            )
            return set_aside(solution, verdicts, reason)
        if sure < learned.threshold:
            reason = f"not sure enough for a precision of {self._precision:g}"
            return set_aside(solution, verdicts, reason, sure)
        if reason := objection(solution, verdicts, vetoes, first_error) or "":
            return set_aside(solution, verdicts, reason, sure)
        agreed = [
            name
            for name in witnesses
            if name in verdicts and verdicts[name].first_error == first_error
        ]
        return label_of(solution, verdicts, first_error, agreed, sure)


def posterior_of(evidence: Evidence, priors: Priors) -> Array:
    """P(first error = e) for e = -1..T-1 (T+1,)."""
    told = heard_all(evidence.hints, priors.reliability, evidence.seen.n_steps)
    return Belief(priors, evidence.seen, told).posterior


def confidences(rows: Sequence[Evidence], priors: Priors) -> Array:
    """Of the likeliest first error of each (n,)."""
    return np.array([posterior_of(row, priors).max() for row in rows])


def _fitted(rows: Sequence[Evidence], start: Reliability, drifting: Priors) -> Priors:
    """Fit, weigh the witnesses by how far they err together, and fit again. The drifts are those that
    the rollouts show by themselves."""
    seen, hints = [row.seen for row in rows], [row.hints for row in rows]
    names = sorted({hint.name for of_one in hints for hint in of_one})
    weights = dict.fromkeys(names, 1.0)
    begun = replace(BROAD, drift=drifting.drift, flawed_drift=drifting.flawed_drift)
    for last in (False,) * REWEIGHED + (True,):
        trust = {name: replace(start, weight=weights[name]) for name in names}
        priors = fit_priors(seen, hints, slips=True, trust=trust, drifts=False, start=begun)
        if not last:
            weights = weights_of(rows, priors, names)
    return priors


def weights_of(rows: Sequence[Evidence], priors: Priors, names: Sequence[str]) -> dict[str, float]:
    """What part of a witness of its own each is: 1 / (1 + the sum of the correlations of its errors with
    those of each other one). The chance that a witness errs is 1 - P(what it named)."""
    errs = np.full((len(rows), len(names)), np.nan)
    for i, row in enumerate(rows):
        posterior = posterior_of(row, priors)
        for hint in row.hints:
            errs[i, names.index(hint.name)] = 1 - posterior[hint.top + 1]
    weights = {}
    for a, name in enumerate(names):
        together = 0.0
        for b in range(len(names)):
            both = ~np.isnan(errs[:, [a, b]]).any(axis=1)
            if a != b and both.sum() > 2 and errs[both, a].std() and errs[both, b].std():
                together += max(0.0, float(np.corrcoef(errs[both, a], errs[both, b])[0, 1]))
        weights[name] = 1 / (1 + together)
    return weights


def _threshold(sure: Array, precision: float) -> tuple[float, float]:
    """(confidence from which to keep, share kept): the most whose mean confidence is the precision."""
    if not len(sure):
        return precision, 0.0
    ranked = np.sort(sure)[::-1]
    means = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    kept = int((means >= precision).sum())  # the mean falls as more are kept
    return (float(ranked[kept - 1]) if kept else 1.0), kept / len(ranked)


def _mean_of_best(sure: Array, share: float) -> float:
    kept = round(share * len(sure))
    return float(np.sort(sure)[::-1][:kept].mean()) if kept else 0.0
