"""A simulated policy: v and q known for every solution, drawn afresh for each cell of a grid. There
is no free evidence: a solution has no siblings.

v is the chance to solve the bare problem, drawn from a Beta for the policy's strength; every step is
as hard as another, so that an error's place is uniform. A rollout from a good prefix(t) succeeds
with chance v^((T-t)/T) with drift and v without; from a bad one with chance q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.records import Outcome, content_hash
from pipeline.search.priors import BANDS, FLAWED_DRIFTS, PLACES, RECOVERIES, VALUES, Priors
from tests.benchmarks.search.world import Case, Rollout

STRENGTHS = {"weak": (2.0, 4.0), "middle": (4.0, 3.0), "strong": (6.0, 2.0)}
RECOVERY = {0.0: None, 0.03: (0.5, 16.0), 0.1: (0.5, 4.5)}
"""Mean of q -> its Beta; None: q is 0."""


@dataclass(frozen=True)
class Cell:
    """One setting of the simulated world."""

    n_steps: int
    drift: bool
    recovery: float
    strength: str

    @property
    def name(self) -> str:
        drift = "drift" if self.drift else "no drift"
        return f"T={self.n_steps}, {drift}, q {self.recovery:g}, {self.strength} policy"


@dataclass(frozen=True)
class SimulatedCase(Case):
    v: float = 1.0
    q: float = 0.0
    drift: float = 1.0

    def told(self) -> Priors:
        """What an oracle searcher is told: v and q, to the grid's precision, so that many cases are told
        the same and are searched together."""
        v, q = (
            int(np.abs(grid - x).argmin()) for grid, x in ((VALUES, self.v), (RECOVERIES, self.q))
        )
        value, recovery = (
            tuple(np.eye(len(grid))[at].tolist()) for grid, at in ((VALUES, v), (RECOVERIES, q))
        )
        at_drift = np.array([float(drift == self.drift) for drift in FLAWED_DRIFTS])
        places = ((1 / PLACES,) * PLACES,) * (len(BANDS) + 1)
        return Priors(
            value,
            tuple(map(tuple, np.outer(value, at_drift).tolist())),
            recovery,
            places,
            float(VALUES[v]),
            self.drift,
            ends=0.0,
        )


class Draws:
    """Rollouts drawn as they are asked for, the same ones for every search."""

    def __init__(self, chances: np.ndarray, seed: list[int]) -> None:
        self._chances = chances
        self._seed = seed
        self._drawn: dict[int, np.ndarray] = {}

    def size(self, prefix: int) -> int | None:
        return None

    def draw(self, prefix: int, number: int) -> Rollout:
        drawn = self._drawn.get(prefix)
        if drawn is None or number >= len(drawn):
            rng = np.random.default_rng([*self._seed, prefix + 1])
            drawn = rng.random(max(64, 2 * number)) < self._chances[prefix]
            self._drawn[prefix] = drawn
        steps = len(self._chances)
        outcome = Outcome.CORRECT if drawn[number] else Outcome.INCORRECT
        return Rollout(outcome, (steps - prefix) / steps)


def draw_case(cell: Cell, seed: int, number: int, wrong: bool | None = None) -> SimulatedCase:
    """Solution `number` of a cell. `wrong` True: one with a wrong outcome; None: as they come."""
    where = [int(content_hash(cell.name)[:8], 16), seed, number]
    rng = np.random.default_rng([*where, 0])
    steps = cell.n_steps
    left = (np.arange(steps, -1, -1) / steps) ** (1.0 if cell.drift else 0.0)
    left[-1] = 0.0
    shape = RECOVERY[cell.recovery]
    while True:
        v = float(rng.beta(*STRENGTHS[cell.strength]))
        q = float(rng.beta(*shape)) if shape else 0.0
        error = -1 if rng.random() < v else int(rng.integers(steps))
        right = error < 0 or rng.random() < q
        if wrong is None or wrong is not right:
            break
    chances = v**left
    if error >= 0:
        chances[error + 1 :] = q
    return SimulatedCase(
        steps,
        error,
        error,
        Outcome.CORRECT if right else Outcome.INCORRECT,
        Draws(chances[:steps], where),
        v=v,
        q=q,
        drift=1.0 if cell.drift else 0.0,
    )
