"""What rollouts and others say of the first error: a posterior, under `Priors`.

The solution's own outcome is one rollout from prefix(T), at chance 1 where there is no error (e = -1).
Given e, what is seen before and after it is independent, so (v, d) and (q, whether luck ends) are each
summed over their own grid, and a posterior costs T x grid. What others said of the solution
(`pipeline.search.hints`) is evidence beside the rollouts; where a policy is lost before it errs, those who
read the steps may go astray with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pipeline.search.hints import NOTHING_HEARD, Heard
from pipeline.search.priors import (
    FLAWED_DRIFTS,
    NO_LUCK,
    NO_SLIP,
    RECOVERIES,
    VALUES,
    Array,
    Priors,
    elsewhere,
)

ASTRAY = 0.5
"""How often witnesses, too, take for wrong a step that only leads the policy astray. Without gold nothing
tells: where all name one step, it may be the one before the first wrong one."""
_SURE = 1e-9


class Seen(NamedTuple):
    """Rollouts of a solution: `right` and `wrong` (..., T+1) from each prefix 0..T. The solution's
    own outcome is the one rollout from prefix T."""

    right: Array
    wrong: Array

    @property
    def n_steps(self) -> int:
        return int(self.right.shape[-1]) - 1


def left(n_steps: int, drift: float) -> Array:
    """What is left to get wrong after each prefix 0..T, from 1 to 0: the exponent of v."""
    share = (np.arange(n_steps, -1, -1) / n_steps) ** drift
    share[-1] = 0.0
    return np.asarray(share)


class Scaled(NamedTuple):
    """Likelihoods on a grid (..., E, G), each row as multiples of its largest, whose `log` is beside it
    (..., E, 1)."""

    chance: Array
    log: Array

    @classmethod
    def of(cls, log_likelihood: Array) -> Scaled:
        top = log_likelihood.max(axis=-1, keepdims=True)
        return cls(np.exp(log_likelihood - top), top)


class Tables(NamedTuple):
    """What was seen, on the grid of v and d (G = V D) and on that of luck (G = 2 R), for each e: all that
    rollouts say, whatever the priors' weights."""

    values: Scaled
    luck: Scaled

    @classmethod
    def of(cls, seen: Seen, drift: float) -> Tables:
        """`drift`: of solutions without an error; every prefix of theirs is good, with one those up to e."""
        clean = _log_chance(seen, _good(seen.n_steps, (drift,)))[..., -1:, :]
        flawed = _log_chance(seen, _good(seen.n_steps, FLAWED_DRIFTS))[..., :-1, :]
        by_value = np.concatenate([np.repeat(clean, len(FLAWED_DRIFTS), axis=-1), flawed], axis=-2)
        return cls(Scaled.of(by_value), Scaled.of(_by_recovery(seen)))


class Belief:
    """What is known of a solution: P(e) for e = -1..T-1, and what the next rollout would say.

    Of many solutions of one length at once, where `seen` has leading axes: every array here has the
    same (...). E = T+1 rows stand for e = -1..T-1, V D for the grid of v and d, R for that of q, once where
    luck lasts and once where it ends. `heard` is what hints said. `log_likelihood` is the rollouts' own, of
    the first fatal step; `posterior` is of the first wrong one, and `fatal` (..., E) of the fatal one.
    """

    def __init__(self, priors: Priors, seen: Seen | Tables, heard: Heard = NOTHING_HEARD) -> None:
        tables = seen if isinstance(seen, Tables) else Tables.of(seen, priors.drift)
        self._steps = steps = tables.values.chance.shape[-2] - 1
        self._drift = priors.drift
        prior = _prior(priors, steps)
        self._value_mass, value_total = _weighed(tables.values, prior.values)
        self._recovery_mass, recovery_total = _weighed(tables.luck, prior.luck)
        self.log_likelihood: Array = value_total + recovery_total
        of_wrong = self.log_likelihood + heard.fatal
        self._fatal_of: Array | None = None  # (..., E of wrong, E of fatal), where they may differ
        if prior.related is None:
            of_wrong = of_wrong + heard.wrong
        else:
            told, self._astray = _told(np.broadcast_to(heard.wrong, of_wrong.shape))
            both = of_wrong[..., None, :] + prior.related + told
            self._fatal_of, of_wrong = _weighed(Scaled.of(both), np.ones(steps + 1))
        joint = of_wrong + heard.known + prior.first_error
        top = joint.max(axis=-1, keepdims=True)
        mass = np.exp(joint - top)
        total = mass.sum(axis=-1, keepdims=True)
        self.log_evidence: Array = (top + np.log(total))[..., 0]
        self.posterior: Array = mass / total
        self.fatal = self.posterior
        if self._fatal_of is not None:
            self.fatal = (self.posterior[..., None, :] @ self._fatal_of)[..., 0, :]

    @property
    def told(self) -> Array:
        """Posterior of the step that hints tell of (..., E): where they went astray with the policy, of the
        fatal one."""
        if self._fatal_of is None:
            return self.posterior
        astray = self.posterior[..., None] * self._fatal_of * self._astray
        return np.asarray(self.posterior - astray.sum(axis=-1) + astray.sum(axis=-2))

    def chances(self) -> Array:
        """Chance that a rollout succeeds, for each first wrong step and prefix 0..T-1 (..., E, T)."""
        steps = self._steps
        clean = np.repeat(_good(steps, (self._drift,)).chance, len(FLAWED_DRIFTS), axis=-1)
        flawed = _good(steps, FLAWED_DRIFTS).chance
        good = np.concatenate(
            [
                self._value_mass[..., :1, :] @ clean[:steps].T,
                self._value_mass[..., 1:, :] @ flawed[:steps].T,
            ],
            axis=-2,
        )
        luck = np.repeat(np.concatenate([RECOVERIES, RECOVERIES])[:, None], steps, axis=1)
        luck[len(RECOVERIES) :, -1] = NO_LUCK
        is_good = np.arange(steps)[None, :] <= np.arange(-1, steps)[:, None]
        is_good[0] = True
        chances = np.where(is_good, good, self._recovery_mass @ luck)
        return chances if self._fatal_of is None else self._fatal_of @ chances

    def information(self) -> Array:
        """Bits that one rollout from each prefix 0..T-1 is expected to tell about e (..., T)."""
        chances = self.chances()
        weights = self.posterior[..., None, :]
        told = _entropy(weights @ chances) - weights @ _entropy(chances)
        return np.asarray(np.maximum(told, 0.0))[..., 0, :]

    def responsibilities(self) -> tuple[Array, Array]:
        """Posterior of the fatal step, v and d (..., E, V, D), and where there is one of q and of whether
        luck lasts or ends (..., 2, R), unscaled."""
        flawed = self.fatal[..., None, 1:]
        by_value = self.fatal[..., None] * self._value_mass
        by_recovery = (flawed @ self._recovery_mass[..., 1:, :])[..., 0, :]
        return (
            by_value.reshape(*by_value.shape[:-1], len(VALUES), len(FLAWED_DRIFTS)),
            by_recovery.reshape(*by_recovery.shape[:-1], 2, len(RECOVERIES)),
        )

    def slips(self) -> Array:
        """Chance of each kind of `Slip` (..., 4)."""
        if self._fatal_of is None:
            return np.zeros((*self.posterior.shape[:-1], len(NO_SLIP)))
        joint = self.posterior[..., None] * self._fatal_of
        slipped = np.tensordot(joint, elsewhere(self._steps) > 0, axes=((-2, -1), (-2, -1)))
        same = joint[..., 1:, :].sum(axis=(-1, -2)) - slipped.sum(axis=-1)
        return np.concatenate([same[..., None], slipped], axis=-1)


class _Prior(NamedTuple):
    """What `Priors` say of solutions of one length: the log chance of each e (E,), the weights of v and d
    for each (E, V D), those of q (2 R,), and the log chance of each fatal step for each wrong one (E, E),
    None where they are the same."""

    first_error: Array
    values: Array
    luck: Array
    related: Array | None


@lru_cache(maxsize=64)
def _prior(priors: Priors, n_steps: int) -> _Prior:
    """Read-only: searches ask for the same few again and again."""
    joint = priors.joint(n_steps)
    first_error = np.maximum(joint.sum(axis=-1), 1e-300)
    recovery = np.array(priors.recovery)
    luck = np.concatenate([(1 - priors.ends) * recovery, priors.ends * recovery])
    related = None
    if priors.slip != NO_SLIP:
        related = np.log(np.maximum(priors.slip.relation(n_steps), 1e-300))
    return _Prior(np.log(first_error), joint / first_error[:, None], luck, related)


class _Good(NamedTuple):
    """Chance that a rollout from each good prefix 0..T succeeds, for each v and each of some d
    (T+1, V D); and the log chances that it does, and that it doesn't."""

    chance: Array
    right: Array
    wrong: Array


@lru_cache(maxsize=64)
def _good(n_steps: int, drifts: tuple[float, ...]) -> _Good:
    """Read-only: solutions of the same few lengths come again and again."""
    exponents = np.stack([left(n_steps, drift) for drift in drifts], axis=-1)
    chance = (VALUES[:, None] ** exponents[:, None, :]).reshape(n_steps + 1, -1)
    good = _Good(chance, np.log(chance), np.log1p(-np.minimum(chance, 1 - _SURE)))
    for table in good:
        table.setflags(write=False)
    return good


def _log_chance(seen: Seen, good: _Good) -> Array:
    """Log chance of what is seen up to each prefix, were all so far good, for each v and d
    (..., T+1, V D)."""
    chance = seen.right[..., None] * good.right + seen.wrong[..., None] * good.wrong
    return np.asarray(np.cumsum(chance, axis=-2))


def _by_recovery(seen: Seen) -> Array:
    """Log chance of what is seen after each e, for each q where luck lasts, and where it ends before the
    last step (..., E, 2 R)."""
    q, failed = np.log(RECOVERIES), np.log1p(-RECOVERIES)
    right, wrong = _after(seen.right)[..., None], _after(seen.wrong)[..., None]
    lasting = right * q + wrong * failed
    last = seen.n_steps - 1
    # whether the last step's prefix is after e
    after_last = np.arange(-1, last + 1)[:, None] < last
    after_last[0] = False
    right, wrong = seen.right[..., last, None, None], seen.wrong[..., last, None, None]
    instead = right * (np.log(NO_LUCK) - q) + wrong * (np.log1p(-NO_LUCK) - failed)
    return np.concatenate([lasting, lasting + after_last * instead], axis=-1)


def _after(counts: Array) -> Array:
    """For e = -1..T-1 the counts at prefixes after e; for e = -1 none is after it."""
    total = counts.sum(axis=-1, keepdims=True) - np.cumsum(counts, axis=-1)
    return np.concatenate([np.zeros_like(total[..., :1]), total[..., :-1]], axis=-1)


def _told(of_wrong: Array) -> tuple[Array, Array]:
    """Log likelihood of hints for each first wrong and each fatal step (..., E, E), from that for each step
    they may tell of; and the chance that they went astray with the policy where it is lost before it errs."""
    own, other = of_wrong[..., :, None], of_wrong[..., None, :]
    early = np.tri(of_wrong.shape[-1], k=-1, dtype=bool)
    early[:, 0] = False
    told = np.where(early, np.logaddexp(np.log(1 - ASTRAY) + own, np.log(ASTRAY) + other), own)
    return told, np.where(early, np.exp(np.log(ASTRAY) + other - told), 0.0)


def _weighed(scaled: Scaled, weights: Array) -> tuple[Array, Array]:
    """Posterior weights of a grid for each row, and the log of each row's sum."""
    mass = scaled.chance * weights
    total = mass.sum(axis=-1, keepdims=True)
    mass /= total
    return mass, (scaled.log + np.log(total))[..., 0]


def _entropy(p: Array) -> Array:
    """Bits of a coin that shows heads with chance p."""
    p = np.clip(p, _SURE, 1 - _SURE)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))
