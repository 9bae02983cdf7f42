"""Priors learned from a pilot of the run, without gold.

Histograms fitted to pilot searches by maximum marginal likelihood (EM; the nonparametric maximum
likelihood estimate of Kiefer and Wolfowitz, 1956, on a fixed grid), and with them how far each kind
of hint can be trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.search.batches import Batch, batches
from pipeline.search.belief import Belief, Seen, Tables
from pipeline.search.hints import START, Hint, Reliability, counted
from pipeline.search.priors import (
    BAND_OF,
    BANDS,
    BROAD,
    FLAWED_DRIFTS,
    NO_SLIP,
    RECOVERIES,
    VALUES,
    Array,
    Priors,
    Slip,
    overlap,
)

DRIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.4, 2.0)
DRIFT_PENALTY = 2.0
"""Log evidence that a drift must show for each unit it lies from where the fit starts."""
SLIP = Slip(0.75, 0.1, 0.05, 0.1)
"""Where a fit of slips starts."""
VALUE_PULL, FLAWED_PULL, RECOVERY_PULL, PLACE_PULL, PULL = 4.0, 2.0, 4.0, 400.0, 8.0
"""Solutions that the start counts for, in what is drawn to it: v without an error, v and d with one, q, the
places of each band, and all else. A pilot says little of ten places in three bands, and much of how rare
luck is."""
ROUNDS = 300
"""Of EM at most. It creeps where two explanations are nearly as likely, such as luck and a policy that seldom
succeeds: stopped too soon, it states confidences that are half again as far off."""
TOLERANCE = 1e-5
"""Log evidence a solution that a round must gain for another to follow."""
TINY = 1e-12
SHORT = 10
"""Rounds that tell which drift is likeliest."""
IN_MEMORY = 8_000_000
"""Numbers that the tables of a fit may hold."""


class Held(NamedTuple):
    """What a fit holds and doesn't learn: the share of errors that rollouts see nothing of (`unseen`), and
    how often each hint speaks for itself after others (`own`)."""

    unseen: float | None = None
    own: float | None = None

    def slip(self, learned: Slip) -> Slip:
        if self.unseen is None:
            return learned
        rest = (1 - self.unseen) / max(1 - learned.unseen, 1e-9)
        return Slip(learned.same * rest, learned.later * rest, self.unseen, learned.early * rest)


NOTHING_HELD = Held()


def fit_priors(
    pilot: Sequence[Seen],
    hints: Sequence[Sequence[Hint]] = (),
    *,
    slips: bool = False,
    held: Held = NOTHING_HELD,
    trust: Mapping[str, Reliability] | None = None,
    truth: Sequence[int | None] = (),
    drifts: bool = True,
    start: Priors = BROAD,
    rounds: int = ROUNDS,
) -> Priors:
    """Priors under which the pilot's rollouts and hints are likeliest, drawn to `start`. The pilot holds
    right and wrong solutions as often as they come. `hints`: those of each pilot solution.
    `slips`: whether rollouts may see a later step than hints do; without hints nothing could tell.
    `trust`: where the fit of each hint's reliability starts.
    `truth`: the first error of each pilot solution, where gold says it.
    Without `drifts` the drift of solutions without an error is that of `start`."""
    names = sorted({hint.name for of_one in hints for hint in of_one})
    begun = {name: (trust or {}).get(name, START) for name in names}
    if held.own is not None:
        begun = {name: replace(one, own=held.own) for name, one in begun.items()}
    start = replace(
        start,
        reliability=begun,
        slip=held.slip(SLIP) if slips and names else NO_SLIP,
    )
    alike = _distinct(pilot, hints, truth)
    best = start
    if drifts:
        fitted = [
            _fitted(alike, replace(start, drift=drift), start, SHORT, held) for drift in DRIFTS
        ]
        best = max(
            fitted, key=lambda fit: fit[1] - DRIFT_PENALTY * abs(fit[0].drift - start.drift)
        )[0]
    return _fitted(alike, best, start, rounds, held)[0]


def _fitted(
    pilot: Sequence[tuple[Batch, Array]],
    priors: Priors,
    start: Priors,
    rounds: int,
    held: Held,
) -> tuple[Priors, float]:
    """EM from `priors` at their drift, drawn to `start`; and the log evidence it ends with. Of every three
    rounds the third begins where the two before it point to (SQUAREM, Varadhan and Roland, 2008), unless
    that explains less."""
    seen = _tables([batch for batch, _ in pilot], priors.drift)
    enough = TOLERANCE * max(1.0, sum(float(times.sum()) for _, times in pilot))

    def once(now: Priors) -> tuple[Priors, float]:
        return _round(pilot, seen, now, start, held)

    before = -np.inf
    for _ in range(max(1, rounds // 3)):
        one, evidence = once(priors)
        if evidence - before < enough:
            return one, evidence
        two, before = once(one)
        far, there = once(_beyond(priors, one, two, held))
        priors = far if there >= before else two
    return priors, before


def _beyond(zero: Priors, one: Priors, two: Priors, held: Held) -> Priors:
    """Where two rounds of EM, from `zero` to `one` to `two`, point to, in the weights' logarithms."""
    logs = [np.log(np.maximum(np.concatenate(_weights(of)), TINY)) for of in (zero, one, two)]
    step = logs[1] - logs[0]
    bend = logs[2] - logs[1] - step
    length = max(1.0, float(np.linalg.norm(step)) / max(float(np.linalg.norm(bend)), TINY))
    far = np.exp(np.clip(logs[0] + 2 * length * step + length**2 * bend, np.log(TINY), 0.0))
    ends = np.cumsum([len(weights) for weights in _weights(two)])[:-1]
    return _with_weights(two, iter(np.split(far, ends)), held)


def _weights(priors: Priors) -> list[Array]:
    """All that a round of EM learns: weights that sum to one, each kind on its own."""
    chances = (priors.clean, 1 - priors.clean), (1 - priors.ends, priors.ends)
    of_hints = [
        weights
        for one in priors.reliability.values()
        for weights in (one.clean, one.flawed, (one.own, 1 - one.own))
    ]
    flawed = np.ravel(priors.flawed)
    told = [priors.value, flawed, priors.recovery, *priors.places, *chances, *of_hints, priors.slip]
    return [np.asarray(weights, float) for weights in told]


def _with_weights(priors: Priors, weights: Iterator[Array], held: Held) -> Priors:
    """The reverse of `_weights`, where they needn't sum to one."""
    shares = map(_shares, weights)
    return replace(
        priors,
        value=next(shares),
        flawed=_in_rows(next(shares)),
        recovery=next(shares),
        places=tuple(next(shares) for _ in priors.places),
        clean=next(shares)[0],
        ends=next(shares)[1],
        reliability={
            name: Reliability(next(shares), next(shares), next(shares)[0])
            for name in priors.reliability
        },
        slip=priors.slip if priors.slip == NO_SLIP else held.slip(Slip(*next(shares))),
    )


def _in_rows(flawed: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, np.reshape(flawed, (len(VALUES), -1)).tolist()))


def _round(
    pilot: Sequence[tuple[Batch, Array]],
    seen: Sequence[Seen | Tables],
    priors: Priors,
    start: Priors,
    held: Held,
) -> tuple[Priors, float]:
    """What a round of EM makes of `priors`; and their log evidence."""
    value = VALUE_PULL * np.array(start.value)
    flawed = FLAWED_PULL * np.array(start.flawed)
    recovery = RECOVERY_PULL * np.array(start.recovery)
    places = PLACE_PULL * np.array(start.places)
    luck = PULL * np.array([1 - start.ends, start.ends])
    clean = PULL * np.array([start.clean, 1 - start.clean])
    kinds = {
        name: [
            PULL * np.array(of) for of in (START.clean, START.flawed, (START.own, 1 - START.own))
        ]
        for name in start.reliability
    }
    slip = PULL * np.array(start.slip)
    evidence = 0.0
    for (batch, times), rollouts in zip(pilot, seen, strict=True):
        belief = Belief(priors, rollouts, batch.heard(priors.reliability))
        by_value, q = (np.tensordot(times, of, axes=1) for of in belief.responsibilities())
        joint = by_value.sum(axis=-1)
        value, flawed = value + joint[0], flawed + by_value[1:].sum(axis=0)
        recovery, luck = recovery + q.sum(axis=0), luck + q.sum(axis=1)
        without = float(times @ belief.posterior[:, 0])
        clean = clean + np.array([without, times.sum() - without])
        slip = slip + times @ belief.slips()
        for band in range(len(BANDS) + 1):
            of_band = joint[1:, band == BAND_OF].sum(axis=1)
            places[band] += _binned(of_band, np.array(priors.places[band]))
        for name, told in batch.told.items():
            of_fatal = name in batch.of_fatal
            posterior = times[:, None] * (belief.fatal if of_fatal else belief.told)
            by, repeats = priors.reliability[name], batch.repeats[name]
            found = counted(told, by, posterior, repeats)
            kinds[name] = [a + b for a, b in zip(kinds[name], found, strict=True)]
        evidence += float(times @ belief.log_evidence)
    learned = replace(
        priors,
        value=_shares(value),
        flawed=_in_rows(_shares(flawed.ravel())),
        recovery=_shares(recovery),
        places=tuple(_shares(place) for place in places),
        clean=_shares(clean)[0],
        ends=_shares(luck)[1],
        reliability={
            name: Reliability(
                _shares(of_clean),
                _shares(of_flawed),
                _shares(spoke)[0] if held.own is None else held.own,
            )
            for name, (of_clean, of_flawed, spoke) in kinds.items()
        },
        slip=held.slip(Slip(*_shares(slip))),
    )
    return learned, evidence


def _tables(pilot: Sequence[Batch], drift: float) -> list[Seen | Tables]:
    """What the rounds of a fit go by; what would take too much memory is computed in each anew."""
    left, found = IN_MEMORY, list[Seen | Tables]()
    for batch in pilot:
        left -= batch.seen.right.size * (len(VALUES) * len(FLAWED_DRIFTS) + 2 * len(RECOVERIES))
        found.append(Tables.of(batch.seen, drift) if left > 0 else batch.seen)
    return found


def _distinct(
    pilot: Sequence[Seen], hints: Sequence[Sequence[Hint]], truth: Sequence[int | None]
) -> list[tuple[Batch, Array]]:
    """Batches of the solutions that differ, and how often each is there (n,): of many a right answer and
    the votes are all that is known."""
    rows: dict[object, int] = {}
    times: Counter[int] = Counter()
    for row, seen in enumerate(pilot):
        said = [(hint.name, *sorted(hint.answers)) for hint in hints[row]] if hints else []
        known = truth[row] if truth else None
        key = (seen.right.tobytes(), seen.wrong.tobytes(), tuple(said), known)
        times[rows.setdefault(key, row)] += 1
    differ = list(times)
    found = batches(
        [pilot[row] for row in differ],
        [hints[row] for row in differ] if hints else (),
        [truth[row] for row in differ] if truth else (),
    )
    count = np.array([float(times[row]) for row in differ])
    return [(batch, count[batch.rows]) for batch in found]


def _shares(weights: Array) -> tuple[float, ...]:
    return tuple((weights / weights.sum()).tolist())


def _binned(posterior: Array, place: Array) -> Array:
    """The steps' posterior in the bins of the prior; a step that spans bins goes by their weight."""
    share = overlap(len(posterior)) * place
    binned: Array = np.asarray(
        posterior @ (share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300))
    )
    return binned
