"""Do witnesses agree more than chance would have it? Cohen's and Fleiss' kappa.

Cohen 1960 (Educational and Psychological Measurement 20) for two, Fleiss 1971 (Psychological Bulletin
76) for several. Categories are the first errors named, "no error" being one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from pipeline.evaluate.panel import UNDECIDED, Bools, Floats, Ints
from pipeline.evaluate.resample import Bootstrap, Figure


class PairKappa(NamedTuple):
    """`kappa` is over the solutions that both decide, `on_common` over those that all witnesses do."""

    first: str
    second: str
    kappa: Figure
    on_common: Figure


class Agreement(NamedTuple):
    """`fleiss` is over the solutions that every witness decides. None where there is one witness."""

    pairs: tuple[PairKappa, ...]
    fleiss: Figure | None


def agreement(named: Mapping[str, Ints], bootstrap: Bootstrap) -> Agreement:
    """`named`: for each witness its first errors, shape [n], UNDECIDED where it has none."""
    if len(named) < 2:
        return Agreement((), None)
    table = np.stack(list(named.values()), 1)
    common = (table != UNDECIDED).all(1)
    pairs = [
        PairKappa(
            a,
            b,
            cohen(named[a], named[b], (named[a] != UNDECIDED) & (named[b] != UNDECIDED), bootstrap),
            cohen(named[a], named[b], common, bootstrap),
        )
        for a, b in combinations(named, 2)
    ]
    return Agreement(tuple(pairs), fleiss(table, common, bootstrap))


def cohen(first: Ints, second: Ints, among: Bools, bootstrap: Bootstrap) -> Figure:
    """Kappa of two over `among`; None where both always name one and the same first error."""
    size = len(_categories(first, second))
    of_first, of_second = _one_hot(first, second, among=among)
    same = (first == second) & among
    moments = np.concatenate([same[:, None], among[:, None], of_first, of_second], 1)

    def kappa(sums: Floats) -> Floats:
        n = sums[:, 1]
        marginals = sums[:, 2 : 2 + size] * sums[:, 2 + size :]
        return _kappa(sums[:, 0] / n, marginals.sum(1) / (n * n))

    return bootstrap.figure(moments.astype(np.float64), kappa, int(among.sum()))


def fleiss(table: Ints, among: Bools, bootstrap: Bootstrap) -> Figure:
    """Kappa of several over `among`. `table` has shape [n, witnesses]."""
    raters = table.shape[1]
    counts = sum(_one_hot(*table.T, among=among))
    assert isinstance(counts, np.ndarray)
    pairs_agree = (counts * (counts - 1)).sum(1) / (raters * (raters - 1))
    moments = np.concatenate([pairs_agree[:, None], among[:, None], counts], 1)

    def kappa(sums: Floats) -> Floats:
        n = sums[:, 1]
        shares = sums[:, 2:] / (n * raters)[:, None]
        return _kappa(sums[:, 0] / n, (shares * shares).sum(1))

    return bootstrap.figure(moments.astype(np.float64), kappa, int(among.sum()))


def _kappa(seen: Floats, by_chance: Floats) -> Floats:
    room = 1 - by_chance
    found: Floats = np.where(room > 1e-12, (seen - by_chance) / room, np.nan)
    return found


def _categories(*named: Ints) -> Ints:
    return np.unique(np.concatenate(named))


def _one_hot(*named: Ints, among: Bools) -> list[Floats]:
    """For each witness [n, categories]: 1 at what it names, rows outside `among` all 0."""
    known = _categories(*named)
    rows = among[:, None].astype(np.float64)
    return [(one[:, None] == known[None, :]) * rows for one in named]
