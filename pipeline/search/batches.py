"""Solutions of one length together, as `Belief` takes them, with what hints and gold say of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.search.belief import Belief, Seen
from pipeline.search.hints import KINDS, Heard, Hint, Reliability, heard, kinds_of, repeated
from pipeline.search.priors import Array, Priors

_RULED_OUT = -1e6
"""Log likelihood of a first error that gold says it isn't."""


@dataclass(frozen=True)
class Batch:
    """`rows`: which solutions these are. `seen` has shape (n, T+1), `told` (n, T+1, KINDS) by hint's
    name, of which those in `of_fatal` tell of the fatal step, `repeats` (n,) the share of those before it
    that said the same, and `known` (n, T+1) is the log likelihood of what gold says."""

    rows: NDArray[np.int64]
    seen: Seen
    told: Mapping[str, Array]
    repeats: Mapping[str, Array]
    of_fatal: frozenset[str]
    known: Array

    def heard(self, reliability: Mapping[str, Reliability]) -> Heard:
        """Hints and gold for each e (n, T+1); a hint of which nothing was learned says nothing."""
        wrong, fatal = np.zeros_like(self.known), np.zeros_like(self.known)
        for name, told in self.told.items():
            if name not in reliability:
                continue
            said = heard(told, reliability[name], self.repeats[name])
            if name in self.of_fatal:
                fatal = fatal + said
            else:
                wrong = wrong + said
        return Heard(wrong, fatal, self.known)


def batches(
    seen: Sequence[Seen],
    hints: Sequence[Sequence[Hint]] = (),
    truth: Sequence[int | None] = (),
    most: int | None = None,
) -> Iterator[Batch]:
    """All solutions, the shortest first, no more than `most` in one batch. `hints` and `truth`, the first
    error where it is known, are of each solution."""
    alike: dict[int, list[int]] = defaultdict(list)
    for row, one in enumerate(seen):
        alike[one.n_steps].append(row)
    for steps in sorted(alike):
        rows = alike[steps]
        for start in range(0, len(rows), most or len(rows)):
            chunk = rows[start : start + (most or len(rows))]
            yield Batch(
                np.array(chunk),
                Seen(
                    np.stack([seen[i].right for i in chunk]),
                    np.stack([seen[i].wrong for i in chunk]),
                ),
                _told([hints[i] for i in chunk] if hints else [], steps),
                _repeats([hints[i] for i in chunk] if hints else []),
                frozenset(
                    hint.name
                    for i in chunk
                    for hint in (hints[i] if hints else ())
                    if hint.of_fatal
                ),
                _known([truth[i] for i in chunk] if truth else [None] * len(chunk), steps),
            )


def posteriors(
    seen: Sequence[Seen], hints: Sequence[Sequence[Hint]], priors: Priors, most: int = 1024
) -> list[Array]:
    """P(first error = e) for e = -1..T-1 (T+1,) of each solution, by rollouts and hints."""
    found: list[Array] = [np.empty(0)] * len(seen)
    for batch in batches(seen, hints, most=most):
        posterior = Belief(priors, batch.seen, batch.heard(priors.reliability)).posterior
        for row, of_one in zip(batch.rows, posterior, strict=True):
            found[row] = of_one
    return found


def _told(hints: Sequence[Sequence[Hint]], n_steps: int) -> dict[str, Array]:
    names = sorted({hint.name for of_one in hints for hint in of_one})
    told = {name: np.zeros((len(hints), n_steps + 1, KINDS)) for name in names}
    for row, of_one in enumerate(hints):
        for hint in of_one:
            told[hint.name][row] += kinds_of(hint, n_steps)
    return told


def _repeats(hints: Sequence[Sequence[Hint]]) -> dict[str, Array]:
    names = sorted({hint.name for of_one in hints for hint in of_one})
    found = {name: np.full(len(hints), np.nan) for name in names}
    for row, of_one in enumerate(hints):
        for name, share in repeated(of_one).items():
            found[name][row] = share
    return found


def _known(truth: Sequence[int | None], n_steps: int) -> Array:
    first_errors = np.arange(-1, n_steps)
    return np.stack(
        [np.where((first_errors == one) | (one is None), 0.0, _RULED_OUT) for one in truth]
    )
