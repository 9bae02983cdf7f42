"""What is assumed of a policy and of its solutions before a rollout is seen.

A rollout from prefix(t) of T steps succeeds with chance v^(((T-t)/T)^d) when t <= e, where v is the
policy's own chance on the bare problem and d the drift with which it rises as less is left to get
wrong (1: each step is as hard; 0: none of it shows before the end), and with chance q when t > e: a
lucky recovery. Solutions with an error have values of their own, and each a d of its own: many come from
problems in which one step is hard, where until that is passed no rollout is better off than from the
start. Luck may end before the last step, which mostly states what is settled by then: whoever said
"yes" in the last step but one says so in the last.

Where an error lies goes with v: a solution whose policy hardly ever succeeds mostly fails at the step
that makes the problem hard, wherever that is, and rollouts can't say where. So each band of v has
places of its own, and what is learned where rollouts tell much isn't taken to hold where they don't.

Those who read the steps name the first wrong one; rollouts see an error only from where the answer depends
on it, which may be later, or nowhere. `Slip` says how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.search.hints import Reliability

Array = NDArray[np.float64]
VALUES: Array = np.array([0.005, 0.02, 0.05, *np.arange(0.1, 0.96, 0.05), 0.98, 0.995])
"""Grid of v, the chance to solve the bare problem."""
RECOVERIES: Array = np.array(
    [0.002, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9]
)
"""Grid of q, the chance to recover from a wrong prefix."""
FLAWED_DRIFTS = (0.0, 0.5, 1.0, 2.0)
"""Grid of d, of solutions with an error."""
NO_LUCK = 0.01
"""Chance to recover in the last step where luck has ended."""
BANDS: Array = np.array([0.08, 0.55])
"""Where one band of v ends and the next begins."""
BAND_OF = np.searchsorted(BANDS, VALUES)
PLACES = 10
"""Bins of the prior over where an error lies, from the first step to the last."""


class Slip(NamedTuple):
    """How often the first step from which rollouts fail is the first wrong one (`same`), a later one, none at
    all, since the answer is right in spite of it, or one before it: a policy may be sure to err before it
    does, and twice as often one step before as two."""

    same: float = 1.0
    later: float = 0.0
    unseen: float = 0.0
    early: float = 0.0

    def relation(self, n_steps: int) -> Array:
        """Chance of each fatal step -1..T-1 (columns) for each wrong one (rows), (T+1, T+1)."""
        chance = np.tensordot(self[1:], elsewhere(n_steps), axes=1)
        return np.asarray(chance + np.diag(1 - chance.sum(axis=-1)))


@lru_cache(maxsize=64)
def elsewhere(n_steps: int) -> Array:
    """`Slip.relation` of each kind of slip but the first alone (3, T+1, T+1). Read-only."""
    steps = np.arange(n_steps)
    distance = steps - steps[:, None]
    later: Array = np.where(distance > 0, 1.0, 0.0)
    early: Array = np.where(distance < 0, np.exp2(-np.abs(distance)), 0.0)
    kinds = np.zeros((3, n_steps + 1, n_steps + 1))
    kinds[0, 1:, 1:] = later / np.maximum(later.sum(axis=-1, keepdims=True), 1)
    kinds[1, 1:, 0] = 1.0
    kinds[2, 1:, 1:] = early / np.maximum(early.sum(axis=-1, keepdims=True), 1e-9)
    kinds.setflags(write=False)
    return kinds


NO_SLIP = Slip()


@dataclass(frozen=True)
class Priors:
    """Weights that sum to one: of v on `VALUES` for solutions without an error (`value`), of v and d together
    for those with one (`flawed`, for each v on `FLAWED_DRIFTS`), of q on `RECOVERIES`, and for each band of v
    of an error's place in `PLACES` bins (`places`); `clean`, the share without an error; their `drift`; in
    what share of the others luck `ends` before the last step; how far each kind of hint can be trusted
    (`reliability`, by name); and the rollouts' `slip`."""

    value: tuple[float, ...]
    flawed: tuple[tuple[float, ...], ...]
    recovery: tuple[float, ...]
    places: tuple[tuple[float, ...], ...]
    clean: float = 0.5
    drift: float = 1.0
    ends: float = 0.2
    reliability: Mapping[str, Reliability] = field(default_factory=dict, hash=False)
    slip: Slip = NO_SLIP

    def joint(self, n_steps: int) -> Array:
        """Prior of e = -1, 0, ..., T-1, and of v and d on their grid (T+1, V D), where without an error d
        doesn't matter."""
        place = (overlap(n_steps) @ np.transpose(self.places))[:, BAND_OF]  # (T, V)
        flawed = (1 - self.clean) * place[:, :, None] * np.array(self.flawed)
        clean = self.clean * np.array(self.value) / len(FLAWED_DRIFTS)
        clean = np.repeat(clean, len(FLAWED_DRIFTS))
        return np.concatenate([clean[None], flawed.reshape(n_steps, -1)])


@lru_cache(maxsize=64)
def overlap(n_steps: int) -> Array:
    """What share of each bin of places lies in each step (T, PLACES). Read-only."""
    first = np.arange(n_steps)[:, None] * (PLACES / n_steps)
    bins = np.arange(PLACES)[None, :]
    end = np.minimum(first + PLACES / n_steps, bins + 1)
    shares: Array = np.maximum(end - np.maximum(first, bins), 0.0)
    shares.setflags(write=False)
    return shares


def of_each_drift(weights: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """Weights of v and d together, from those of v, where each d is as likely."""
    return tuple((weight / len(FLAWED_DRIFTS),) * len(FLAWED_DRIFTS) for weight in weights)


def _histogram(grid: Array, a: float, b: float) -> tuple[float, ...]:
    """A Beta(a, b)'s shape on a grid: each point stands for the interval nearest to it."""
    middles = (grid[1:] + grid[:-1]) / 2
    width = np.diff(np.concatenate([[0.0], middles, [1.0]]))
    weight = grid ** (a - 1) * (1 - grid) ** (b - 1) * width
    return tuple((weight / weight.sum()).tolist())


BROAD = Priors(
    value=_histogram(VALUES, 2.0, 1.0),
    flawed=of_each_drift(_histogram(VALUES, 1.0, 2.0)),
    recovery=_histogram(RECOVERIES, 0.5, 4.0),
    places=((1 / PLACES,) * PLACES,) * (len(BANDS) + 1),
)
"""Where a fit starts and what it is drawn to when a pilot is small."""
