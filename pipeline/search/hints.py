"""What others said of a solution before its search: a judge's votes, an executed check.

A hint is cheap beside rollouts and often wrong, so it enters as a likelihood: how often such a hint
names the very first error, misses it, or names one just before or after it or further off is learned
from the pilot, together with the rest of the priors and without gold (Dawid and Skene, 1979, for one
answer of T+1). Where there is no error, what counts is where the false alarm is raised: a judge that
stumbles over the same kind of step again and again would else pass for one that is right there.
Votes that agree tell more than votes that don't, so that each of the two has rates of its own.

Witnesses stumble over the same steps, so that a second one that names what the first did may tell
little. In the order of their names, each speaks for itself with a chance that is learned too (`own`),
and else repeats one of those before it: two that name the same wrong step are then no riddle, and two
that name different ones still have both their says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.records import NO_ERROR

Array = NDArray[np.float64]
NONE, EXACT, ONE_EARLY, EARLY, ONE_LATE, LATE = range(6)
RELATIONS = 6
"""Of what was named to the first error. Without one: NONE, then the `ZONES`."""
ZONES = 5
"""Where a false alarm is raised: in a third of the steps before the last two, at the step before the
last, or at the last one, which states the answer."""
KINDS = 2 * RELATIONS
"""Each relation by votes that all agree, then by votes that don't."""


class Hint(NamedTuple):
    """`answers`: the first error that each vote named, -1 for none. One answer is a vote of one.
    `of_fatal`: what it names is the first fatal step, as rollouts see it."""

    name: str
    answers: tuple[int, ...]
    of_fatal: bool = False

    @property
    def top(self) -> int:
        """What most of them name; of several, the earliest."""
        votes = Counter(self.answers)
        return min(votes, key=lambda answer: (-votes[answer], answer))


class Heard(NamedTuple):
    """Log likelihood of what hints said (..., T+1), for each first wrong step -1..T-1 and for each first
    fatal one; and of what gold says, for each first wrong one."""

    wrong: Array | float = 0.0
    fatal: Array | float = 0.0
    known: Array | float = 0.0


NOTHING_HEARD = Heard()


@dataclass(frozen=True)
class Reliability:
    """How often a hint is of each of the `KINDS`, for solutions without and with an error, where it
    speaks for itself; and how often it does (`own`) after others spoke, and doesn't repeat one of them."""

    clean: tuple[float, ...]
    flawed: tuple[float, ...]
    own: float = 0.98


START = Reliability(
    clean=(0.6, *(0.03,) * ZONES, 0.15, *(0.02,) * ZONES),
    flawed=(0.15, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.15, 0.05, 0.05, 0.025, 0.025),
)
"""Where a fit starts and what it is drawn to."""


def kinds_of(hint: Hint, n_steps: int) -> Array:
    """Chance of the hint given its kind, for each e = -1..T-1 (T+1, KINDS): 0 for kinds it isn't of;
    a kind that could have been any of n steps gives each 1/n. Of answers with as many votes each,
    a mean."""
    return _kinds_of(tuple(sorted(hint.answers)), n_steps)


@lru_cache(maxsize=4096)
def _kinds_of(answers: tuple[int, ...], n_steps: int) -> Array:
    """Read-only: the same few answers are given again and again."""
    votes = Counter(answer for answer in answers if NO_ERROR <= answer < n_steps)
    told = np.zeros((n_steps + 1, KINDS))
    if not votes:
        return told
    most = max(votes.values())
    named = [answer for answer, count in votes.items() if count == most]
    split = RELATIONS * (most < len(answers))
    first_error: NDArray[np.int64] = np.arange(n_steps)
    for answer in named:
        share = 1 / len(named)
        if answer == NO_ERROR:
            told[:, split + NONE] += share
            continue
        told[0, split + 1 : split + 1 + ZONES] += share * _alarm(answer, n_steps)
        told[1 + answer, split + EXACT] += share
        told[2 + answer : 3 + answer, split + ONE_EARLY] += share
        told[1:][first_error == answer - 1, split + ONE_LATE] += share
        early, late = first_error > answer + 1, first_error < answer - 1
        told[1:][early, split + EARLY] += share / (first_error[early] - 1)
        told[1:][late, split + LATE] += share / (n_steps - 2 - first_error[late])
    told.setflags(write=False)
    return told


def _alarm(step: int, n_steps: int) -> Array:
    """Chance of a step given each zone of false alarms (ZONES,)."""
    chance: Array = np.zeros(ZONES)
    before = n_steps - 2
    if step < before:
        thirds: Array = np.arange(3) / 3
        low = np.maximum(thirds, step / before)
        chance[:3] = 3 * np.maximum(0, np.minimum(thirds + 1 / 3, (step + 1) / before) - low)
    else:
        chance[3 + step - before] = 1.0
    return chance


@lru_cache(maxsize=64)
def possible(n_steps: int) -> Array:
    """Which kinds a hint can be of at all, for each e = -1..T-1 (T+1, KINDS), 0 or 1: no step lies
    before the first one, or after the last. Read-only."""
    can: Array = np.ones((n_steps + 1, RELATIONS))
    can[0, 1:4] = n_steps > 2
    can[0, 4] = n_steps > 1
    can[1, ONE_EARLY] = 0
    can[1:3, EARLY] = 0
    can[n_steps, ONE_LATE] = 0
    can[max(1, n_steps - 1) :, LATE] = 0
    twice = np.tile(can, 2)
    twice.setflags(write=False)
    return twice


def repeated(hints: Sequence[Hint]) -> dict[str, float]:
    """For each but the first in the order of their names: the share of those before it that named what
    it names. One without an answer isn't there."""
    ordered = sorted(hint for hint in hints if hint.answers)
    tops = [hint.top for hint in ordered]
    return {
        ordered[place].name: tops[:place].count(tops[place]) / place
        for place in range(1, len(ordered))
    }


def heard(told: Array, reliability: Reliability, repeats: Array | float = np.nan) -> Array:
    """Log likelihood of hints for each e (..., T+1); `told` is of `kinds_of` (..., T+1, KINDS), `repeats`
    (...) of `repeated`, NaN where no other spoke before. One that names nothing tells nothing."""
    names = told.sum(axis=(-1, -2), keepdims=True)[..., 0] > 0
    own, other = voices(told, reliability, repeats)
    chance = np.maximum(own.sum(axis=-1) + other, 1e-12)
    return np.asarray(np.where(names, np.log(chance), 0.0))


def voices(
    told: Array, reliability: Reliability, repeats: Array | float = np.nan
) -> tuple[Array, Array]:
    """Chance of hints for each e by a voice of its own (..., T+1, KINDS), and by repeating (..., T+1)."""
    rates = np.array([reliability.clean] + [reliability.flawed] * (told.shape[-2] - 1))
    rates = rates * possible(len(rates) - 1)
    rates /= rates.sum(axis=-1, keepdims=True)
    after = ~np.isnan(repeats)
    speaks = np.where(after, reliability.own, 1.0)[..., None]
    # its votes are of one mind, or not, as often as when it speaks for itself
    halves = rates.reshape(-1, 2, RELATIONS).sum(axis=-1)
    is_split = np.asarray(told[..., RELATIONS:].any(axis=(-1, -2)))[..., None]
    minds = np.where(is_split, halves[:, 1], halves[:, 0])
    share = np.where(after, repeats, 0.0)[..., None]
    return told * rates * speaks[..., None], (1 - speaks) * share * minds


def heard_all(hints: Sequence[Hint], reliability: Mapping[str, Reliability], n_steps: int) -> Heard:
    """All of a solution's hints for each e (T+1,), those aside of which nothing was learned."""
    known = [hint for hint in hints if hint.name in reliability]
    repeats = repeated(known)
    wrong, fatal = np.zeros(n_steps + 1), np.zeros(n_steps + 1)
    for hint in known:
        told = kinds_of(hint, n_steps)
        total = fatal if hint.of_fatal else wrong
        total += heard(told, reliability[hint.name], repeats.get(hint.name, np.nan))
    return Heard(wrong, fatal)


def counted(
    told: Array, reliability: Reliability, posterior: Array, repeats: Array | float = np.nan
) -> tuple[Array, Array, Array]:
    """Expected number of hints of each kind (KINDS,) by a voice of their own, for solutions without and
    with an error, under a posterior over e (n, T+1); and of those after others how many are their own and
    how many repeat (2,)."""
    own, other = voices(told, reliability, repeats)
    total = np.maximum(own.sum(axis=-1) + other, 1e-300)
    of = (posterior[..., None] * own / total[..., None]).sum(axis=0)
    after = ~np.isnan(repeats) & told.any(axis=(-1, -2))
    by_other = float(((posterior * other / total).sum(axis=-1) * after).sum())
    spoke = float((posterior.sum(axis=-1) * after).sum())
    return of[0], of[1:].sum(axis=0), np.array([spoke - by_other, by_other])
