"""What rollouts say of the first error: a posterior, and the priors it rests on.

A rollout from prefix(t) of T steps succeeds with chance v^(((T-t)/T)^d) when t <= e, where v is the
policy's own chance on the bare problem and d the drift with which it rises as less is left to get
wrong (1: each step is as hard; 0: none of it shows before the end), and with chance q when t > e: a
lucky recovery. The solution's own outcome is one rollout from prefix(T), at chance 1 where there is no
error (e = -1). Solutions with an error have a v and a d of their own: many come from problems in which
one step is hard, where until that is passed no rollout is better off than from the start. Given e, what
is seen before and after it is independent, so v and q are each summed over their own grid, and a
posterior costs T x grid.

The priors are histograms, fitted to pilot searches by maximum marginal likelihood (EM; the
nonparametric maximum likelihood estimate of Kiefer and Wolfowitz, 1956, on a fixed grid).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
VALUES: Array = np.array([0.005, 0.02, 0.05, *np.arange(0.1, 0.96, 0.05), 0.98, 0.995])
"""Grid of v, the chance to solve the bare problem."""
RECOVERIES: Array = np.array(
    [0.002, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9]
)
"""Grid of q, the chance to recover from a wrong prefix."""
DRIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.4, 2.0)
DRIFT_PENALTY = 2.0
"""Log evidence that a drift must show for each unit it lies from where the fit starts."""
PLACES = 10
"""Bins of the prior over where an error lies, from the first step to the last."""
_SURE = 1e-9


class Seen(NamedTuple):
    """Rollouts of a solution: `right` and `wrong` (..., T+1) from each prefix 0..T. The solution's
    own outcome is the one rollout from prefix T."""

    right: Array
    wrong: Array

    @property
    def n_steps(self) -> int:
        return int(self.right.shape[-1]) - 1


@dataclass(frozen=True)
class Priors:
    """Weights that sum to one: of v on `VALUES` for solutions without an error (`value`) and with one
    (`flawed_value`), of q on `RECOVERIES`, of an error's place in `PLACES` bins; the drifts of the two,
    of `DRIFTS`; and `clean`, the share without an error."""

    value: tuple[float, ...]
    flawed_value: tuple[float, ...]
    recovery: tuple[float, ...]
    place: tuple[float, ...]
    clean: float = 0.5
    drift: float = 1.0
    flawed_drift: float = 1.0

    def first_error(self, n_steps: int) -> Array:
        """Prior of e = -1, 0, ..., T-1 (T+1,)."""
        edges = np.linspace(0, PLACES, n_steps + 1)
        reached = np.interp(
            edges, np.arange(PLACES + 1), np.concatenate([[0], np.cumsum(self.place)])
        )
        return np.concatenate([[self.clean], (1 - self.clean) * np.diff(reached)])


def left(n_steps: int, drift: float) -> Array:
    """What is left to get wrong after each prefix 0..T, from 1 to 0: the exponent of v."""
    share = (np.arange(n_steps, -1, -1) / n_steps) ** drift
    share[-1] = 0.0
    return np.asarray(share)


def _histogram(grid: Array, a: float, b: float) -> tuple[float, ...]:
    """A Beta(a, b)'s shape on a grid: each point stands for the interval nearest to it."""
    middles = (grid[1:] + grid[:-1]) / 2
    width = np.diff(np.concatenate([[0.0], middles, [1.0]]))
    weight = grid ** (a - 1) * (1 - grid) ** (b - 1) * width
    return tuple((weight / weight.sum()).tolist())


BROAD = Priors(
    value=_histogram(VALUES, 2.0, 1.0),
    flawed_value=_histogram(VALUES, 1.0, 2.0),
    recovery=_histogram(RECOVERIES, 0.5, 4.0),
    place=(1 / PLACES,) * PLACES,
)
"""Where a fit starts and what it is drawn to when a pilot is small."""


class Belief:
    """What is known of a solution: P(e) for e = -1..T-1, and what the next rollout would say.

    Of many solutions of one length at once, where `seen` has leading axes: every array here has the
    same (...). E = T+1 rows stand for e = -1..T-1, V and R for the grids of v and q.
    """

    def __init__(self, priors: Priors, seen: Seen) -> None:
        steps = seen.n_steps
        self._good = VALUES[:, None] ** left(steps, priors.drift)
        self._flawed_good = VALUES[:, None] ** left(steps, priors.flawed_drift)
        # without an error every prefix is good, with one those up to e are
        clean = _log_chance(seen, self._good).sum(axis=-1, keepdims=True)
        flawed = np.cumsum(_log_chance(seen, self._flawed_good), axis=-1)
        by_value = np.concatenate([clean, flawed[..., :-1]], axis=-1)
        self._by_value: Array = np.moveaxis(by_value, -1, -2)  # (..., E, V)
        self._by_recovery: Array = _after(seen.right)[..., None] * np.log(RECOVERIES) + _after(
            seen.wrong
        )[..., None] * np.log1p(-RECOVERIES)  # (..., E, R)
        weights = np.array([priors.value] + [priors.flawed_value] * steps)
        self._value_mass, value_total = _weighed(self._by_value, weights)
        self._recovery_mass, recovery_total = _weighed(self._by_recovery, np.array(priors.recovery))
        self.log_likelihood: Array = value_total + recovery_total
        joint = self.log_likelihood + np.log(np.maximum(priors.first_error(steps), 1e-300))
        top = joint.max(axis=-1, keepdims=True)
        mass = np.exp(joint - top)
        total = mass.sum(axis=-1, keepdims=True)
        self.log_evidence = float((top + np.log(total)).sum())
        self.posterior: Array = mass / total

    def chances(self) -> Array:
        """Chance that a rollout succeeds, for each e and prefix 0..T-1 (..., E, T)."""
        steps = self._good.shape[1] - 1
        good = np.concatenate(
            [
                self._value_mass[..., :1, :] @ self._good[:, :steps],
                self._value_mass[..., 1:, :] @ self._flawed_good[:, :steps],
            ],
            axis=-2,
        )
        lucky = self._recovery_mass @ RECOVERIES
        is_good = np.arange(steps)[None, :] <= np.arange(-1, steps)[:, None]
        is_good[0] = True
        return np.where(is_good, good, lucky[..., None])

    def information(self) -> Array:
        """Bits that one rollout from each prefix 0..T-1 is expected to tell about e (..., T)."""
        chances = self.chances()
        weights = self.posterior[..., None, :]
        told = _entropy(weights @ chances) - weights @ _entropy(chances)
        return np.asarray(np.maximum(told, 0.0))[..., 0, :]

    def responsibilities(self) -> tuple[Array, Array, Array, Array]:
        """Posterior of v on its grid with e = -1 and with e >= 0 (..., V), of q on its grid with e >= 0
        (..., R), each unscaled, and of e (..., E)."""
        weights = self.posterior[..., None, :]
        return (
            (weights[..., :1] @ self._value_mass[..., :1, :])[..., 0, :],
            (weights[..., 1:] @ self._value_mass[..., 1:, :])[..., 0, :],
            (weights[..., 1:] @ self._recovery_mass[..., 1:, :])[..., 0, :],
            self.posterior,
        )


def _log_chance(seen: Seen, good: Array) -> Array:
    """Log chance of what is seen at each prefix, were it good, for each v (..., V, T+1)."""
    wrong = np.log1p(-np.minimum(good, 1 - _SURE))
    return np.asarray(seen.right[..., None, :] * np.log(good) + seen.wrong[..., None, :] * wrong)


def _after(counts: Array) -> Array:
    """For e = -1..T-1 the counts at prefixes after e; for e = -1 none is after it."""
    total = counts.sum(axis=-1, keepdims=True) - np.cumsum(counts, axis=-1)
    return np.concatenate([np.zeros_like(total[..., :1]), total[..., :-1]], axis=-1)


def _weighed(log_likelihood: Array, weights: Array) -> tuple[Array, Array]:
    """Posterior weights of a grid for each row, and the log of each row's sum."""
    top = log_likelihood.max(axis=-1, keepdims=True)
    mass = np.exp(log_likelihood - top) * weights
    total = mass.sum(axis=-1, keepdims=True)
    return mass / total, (top + np.log(total))[..., 0]


def _entropy(p: Array) -> Array:
    """Bits of a coin that shows heads with chance p."""
    p = np.clip(p, _SURE, 1 - _SURE)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


def fit_priors(
    pilot: Sequence[Seen], *, start: Priors = BROAD, strength: float = 8.0, rounds: int = 60
) -> Priors:
    """Priors under which the pilot's rollouts are likeliest, drawn to `start` as if it had been
    seen on `strength` solutions. The pilot holds right and wrong solutions as often as they come."""
    batches = [_stacked(pilot, steps) for steps in sorted({seen.n_steps for seen in pilot})]
    best = start
    for which in ("flawed_drift", "drift"):
        fitted = [
            _fitted(
                batches,
                replace(best, **{which: drift}),  # type: ignore[arg-type]
                start,
                strength,
                max(1, rounds // 6),
            )
            for drift in DRIFTS
        ]
        usual = float(getattr(start, which))
        best = max(
            fitted, key=lambda fit: fit[1] - DRIFT_PENALTY * abs(getattr(fit[0], which) - usual)
        )[0]
    return _fitted(batches, best, start, strength, rounds)[0]


def _fitted(
    pilot: Sequence[Seen], priors: Priors, start: Priors, strength: float, rounds: int
) -> tuple[Priors, float]:
    """EM from `priors` at their drifts, drawn to `start`; and the log evidence it ends with. `pilot`:
    batches of solutions of one length."""
    before = -np.inf
    for _ in range(rounds):
        value, flawed_value = (
            strength * np.array(start.value),
            strength * np.array(start.flawed_value),
        )
        recovery = strength * np.array(start.recovery)
        place = strength * np.array(start.place)
        clean, solutions = strength * start.clean, strength
        evidence = 0.0
        for seen in pilot:
            belief = Belief(priors, seen)
            v, flawed_v, q, e = (of.sum(axis=0) for of in belief.responsibilities())
            value, flawed_value, recovery = value + v, flawed_value + flawed_v, recovery + q
            place += _binned(e[1:], np.array(priors.place))
            clean, solutions = clean + float(e[0]), solutions + len(seen.right)
            evidence += belief.log_evidence
        priors = replace(
            priors,
            value=tuple((value / value.sum()).tolist()),
            flawed_value=tuple((flawed_value / flawed_value.sum()).tolist()),
            recovery=tuple((recovery / recovery.sum()).tolist()),
            place=tuple((place / place.sum()).tolist()),
            clean=clean / solutions,
        )
        if evidence - before < 1e-4 * max(1, sum(len(seen.right) for seen in pilot)):
            break
        before = evidence
    return priors, before


def _stacked(pilot: Sequence[Seen], steps: int) -> Seen:
    """All of `steps` steps, as one (n, T+1)."""
    chosen = [seen for seen in pilot if seen.n_steps == steps]
    return Seen(np.stack([s.right for s in chosen]), np.stack([s.wrong for s in chosen]))


def _binned(posterior: Array, place: Array) -> Array:
    """The steps' posterior in the bins of the prior; a step that spans bins goes by their weight."""
    steps = len(posterior)
    low = np.arange(steps)[:, None] / steps * PLACES
    bins = np.arange(PLACES)[None, :]
    overlap = np.clip(np.minimum(low + PLACES / steps, bins + 1) - np.maximum(low, bins), 0, None)
    share = overlap * place
    binned: Array = np.asarray(
        posterior @ (share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300))
    )
    return binned
