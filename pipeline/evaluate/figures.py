"""How exact one witness is: ProcessBench's F1 and what it is made of.

ProcessBench: Zheng et al. 2024, arXiv 2412.06559.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.evaluate.panel import Bools, Floats, Ints, Said
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.records import NO_ERROR


class Exactness(NamedTuple):
    """Shares, each with its interval.

    `kept`, `f1`, `on_errors` and `on_clean` are over all solutions, where an undecided one is a miss,
    so that silence can't raise them. `exact`, `within_one` and `f1_decided` are over the decided ones.
    `within_one`: exact, or an error named one step off; "no error" is never near to an error.
    """

    kept: Figure
    exact: Figure
    within_one: Figure
    on_errors: Figure
    on_clean: Figure
    f1: Figure
    f1_decided: Figure


def exactness(said: Said, gold: Ints, bootstrap: Bootstrap) -> Exactness:
    """The figures of one witness. Shapes [n]."""
    hit, near, decided = said.named == gold, within_one(said.named, gold), said.decided
    flawed, everyone = gold != NO_ERROR, np.ones(len(gold), dtype=bool)
    kept, exact, near_by, on_errors, on_clean = bootstrap.shares(
        [(decided, everyone), (hit, decided), (near, decided), (hit, flawed), (hit, ~flawed)]
    )
    f1 = _f1(hit, flawed, everyone, bootstrap)
    f1_decided = _f1(hit, flawed, decided, bootstrap)
    return Exactness(kept, exact, near_by, on_errors, on_clean, f1, f1_decided)


def within_one(named: Ints, gold: Ints) -> Bools:
    both = (named >= 0) & (gold >= 0)
    near: Bools = (named == gold) | (both & (np.abs(named - gold) <= 1))
    return near


def _f1(hit: Bools, flawed: Bools, among: Bools, bootstrap: Bootstrap) -> Figure:
    columns = (hit & flawed & among, flawed & among, hit & ~flawed & among, ~flawed & among)
    moments = np.stack(columns, 1).astype(np.float64)
    return bootstrap.figure(moments, f1_of_sums, int(among.sum()))


def f1_of_sums(sums: Floats) -> Floats:
    """[k, (hits on errors, errors, hits on clean, clean)] -> F1 = 2ab/(a+b), NaN without either."""
    a, b = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    found: Floats = np.where(a + b > 0, 2 * a * b / (a + b), a + b)
    return found
