"""Which solutions are worth a person's minute: those on which the models that may be true differ.

One decision is one price, so what counts is what it is expected to tell. Of the verdicts alone several
models of the witnesses are nearly as likely (`pipeline.consensus.learning.possible`); a decision tells
which is true, and so speaks of every solution: the information between the first error and the model,
H(mean of their posteriors) less the mean of H, is the gain (query by committee: Seung et al., 1992;
BALD: Houlsby et al., 2011). Where one model alone is possible, it is how unsure that one is.

The solutions are drawn one after another, without putting back, with chances that rise with the gain;
a share `BY_CHANCE` falls on all alike. So the order doesn't spend itself on near duplicates, each that is
drawn has a known chance, and any first part of the order is a sample of the run: weighed by the chances,
it says how true stated confidences are (`pipeline.consensus.calibration`). By keys, log(u) / chance with u
from the solution's own id (Efraimidis and Spirakis, 2006), so that all reviewers share one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.learning import begun_of, possible
from pipeline.join import Annotated
from pipeline.records import content_hash
from pipeline.search.priors import Array

VERSION = 1
BY_CHANCE = 0.3


class Drawn(NamedTuple):
    """`times`: how many times likelier the solution was to be drawn than by chance alone."""

    solution_id: str
    times: float


def in_order(items: Sequence[Annotated], witnesses: Sequence[str]) -> list[Drawn]:
    """All `items`, the one to be asked for first in front."""
    counting = tuple(
        name
        for name in witnesses
        if any(i.verdicts[name].probes for i in items if name in i.verdicts)
    )
    rows = [Evidence.of(item, witnesses, counting) for item in items]
    times = chances(gains(rows))
    ids = [item.solution.id for item in items]
    return [Drawn(ids[row], round(float(times[row]), 6)) for row in ranked(ids, times)]


def ranked(ids: Sequence[str], times: Array, salt: str = "") -> list[int]:
    """Places of the `ids` in the order in which they are drawn; another one for each `salt`."""
    keys = [np.log(_draw(one, salt)) / of for one, of in zip(ids, times, strict=True)]
    return sorted(range(len(ids)), key=lambda place: (-keys[place], ids[place]))


def gains(rows: Sequence[Evidence]) -> Array:
    """Bits (n,) that a decision on each is expected to tell, none below 0."""
    if not rows:
        return np.zeros(0)
    models = possible(rows, [None] * len(rows), begun_of(rows))
    by_model = [posteriors_of(rows, one) for one in models]
    told = np.array([_information([of[row] for of in by_model]) for row in range(len(rows))])
    if told.sum() < 1e-6 * len(rows):
        told = np.array([_entropy(of_one) for of_one in by_model[0]])
    return np.asarray(np.maximum(told, 0.0))


def chances(gain: Array) -> Array:
    """How many times likelier than by chance alone each is to be drawn next (n,): `BY_CHANCE` or more, 1
    on average."""
    total = gain.sum()
    share = gain * (len(gain) / total) if total > 1e-9 else np.ones(len(gain))
    return np.asarray(BY_CHANCE + (1 - BY_CHANCE) * share)


def _information(posteriors: Sequence[Array]) -> float:
    """Between the first error and which of the models is true, each as likely as another."""
    mean = np.mean(posteriors, axis=0)
    return _entropy(mean) - float(np.mean([_entropy(one) for one in posteriors]))


def _entropy(posterior: Array) -> float:
    return float(-(posterior * np.log2(np.maximum(posterior, 1e-300))).sum())


def _draw(solution_id: str, salt: str) -> float:
    """In 0..1, neither of them."""
    return (int(content_hash("review", solution_id, salt), 16) + 0.5) / 16**16
