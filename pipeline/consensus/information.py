"""What a witness is expected to tell about the first error, in bits, before it is asked.

`chances` says what it may say for each first error, `information` what hearing it is then worth.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from pipeline.records import NO_ERROR
from pipeline.search.hints import Hint, Reliability, kinds_of, voices
from pipeline.search.priors import Array


def information(posterior: Array, chance: Array, follows: Array | None = None) -> Array:
    """Bits that a witness is expected to tell about e (n,), never below 0. `posterior` (n, E); `chance`
    (n, O, E), or (O, E) for all, of each thing it may say for each e; `follows` (n, O): how likely each is
    after what it said already, for any e."""
    after = posterior[:, None, :] * chance
    foretold = after.sum(axis=2)
    if follows is not None:
        foretold = foretold * follows
        foretold = foretold / foretold.sum(axis=1, keepdims=True)
    after /= np.maximum(after.sum(axis=2, keepdims=True), 1e-300)
    mean = (foretold[:, :, None] * after).sum(axis=1)
    told = _entropy(mean) - (foretold * _entropy(after)).sum(axis=1)
    return np.asarray(np.maximum(told, 0.0))


@lru_cache(maxsize=1024)
def chances(reliability: Reliability, n_steps: int, several: bool) -> tuple[Array, Array]:
    """P(says o | e) for what a witness may say: each of -1..T-1, and with `several` votes each of them by
    some of the votes only, after those by all; (O, E) in its own voice, where each column sums to one, and
    (O, E) where it repeats what named the same."""
    answers = range(NO_ERROR, n_steps)
    said: list[tuple[int, ...]] = [(one,) for one in answers]
    if several:
        said += [(one, one, NO_ERROR if one != NO_ERROR else 0) for one in answers]
    told = np.stack([kinds_of(Hint("", one), n_steps) for one in said])
    alone = np.maximum(voices(told, reliability)[0].sum(axis=-1), 1e-12)
    alone /= alone.sum(axis=0)
    _, repeating = voices(told, replace(reliability, own=0.0), 1.0)
    alone.setflags(write=False)
    repeating.setflags(write=False)
    return alone, repeating


def first_votes(said: int, n_steps: int, leading: float) -> Array:
    """Chance of the first vote, `said`, given each thing that all votes may come to say (O,)."""
    place, answers = said - NO_ERROR, n_steps + 1
    follows = np.zeros(2 * answers)
    follows[place] = 1.0
    follows[answers:] = (1 - leading) / max(1, answers - 1)
    follows[answers + place] = leading
    return np.maximum(follows, 1e-12)


def _entropy(posterior: Array) -> Array:
    """Bits, over the last axis."""
    return np.asarray(-(posterior * np.log2(np.maximum(posterior, 1e-300))).sum(axis=-1))
