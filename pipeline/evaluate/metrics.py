"""How good first errors are, where the true ones are known.

A pair is (first error as named, true first error): None is "undecided", -1 is "no error". The
figures follow ProcessBench (Zheng et al. 2024, arXiv 2412.06559): F1 is the harmonic mean of the
exact accuracy on solutions with an error and the accuracy on those without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.records import NO_ERROR, Solution

Pair = tuple[int | None, int]
Gold = Callable[[Solution], "int | None"]
"""Who knows the true first error of a solution: an oracle, or a column of a benchmark."""

BOOTSTRAPS = 2000
_Z95 = 1.959963984540054


class Interval(NamedTuple):
    """A 95% interval."""

    low: float
    high: float


class Score(NamedTuple):
    """Shares are None where there is nothing to divide by.

    `exact` and `within_one` are over the decided pairs; `on_errors`, `on_clean` and `f1` are over
    all pairs, where an undecided one is a miss, so that silence can't raise them. `f1_decided` is
    F1 over the decided pairs alone.
    """

    n: int
    decided: int
    exact: float | None
    exact_interval: Interval
    within_one: float | None
    on_errors: float | None
    on_errors_interval: Interval
    on_clean: float | None
    on_clean_interval: Interval
    f1: float | None
    f1_interval: Interval
    f1_decided: float | None


class _Counts(NamedTuple):
    """Hits and sizes of the two halves of ProcessBench's F1."""

    error_hits: int
    errors: int
    clean_hits: int
    clean: int


def score(pairs: Sequence[Pair], groups: Sequence[Hashable] | None = None, seed: int = 0) -> Score:
    """All figures of these pairs.

    `groups`, one for each pair (the problem's id, say), makes every interval one over groups, and the
    bootstrap of F1 draw whole ones: solutions of one problem are not independent. Raises ValueError when its
    length differs.
    """
    decided = [pair for pair in pairs if pair[0] is not None]
    hits = sum(named == gold for named, gold in decided)
    counts = _counts(pairs)
    of = range(len(pairs)) if groups is None else groups
    each = list(zip(pairs, of, strict=True))
    return Score(
        n=len(pairs),
        decided=len(decided),
        exact=_share(hits, len(decided)),
        exact_interval=_interval([one for one in each if one[0][0] is not None]),
        within_one=_share(sum(_near(named, gold) for named, gold in decided), len(decided)),
        on_errors=_share(counts.error_hits, counts.errors),
        on_errors_interval=_interval([one for one in each if one[0][1] != NO_ERROR]),
        on_clean=_share(counts.clean_hits, counts.clean),
        on_clean_interval=_interval([one for one in each if one[0][1] == NO_ERROR]),
        f1=_f1(counts),
        f1_interval=bootstrap_f1(pairs, groups, seed),
        f1_decided=processbench_f1(decided),
    )


def processbench_f1(pairs: Iterable[Pair]) -> float | None:
    """2ab/(a+b); None when there is no pair with an error or none without."""
    return _f1(_counts(pairs))


def always_no_error(pairs: Iterable[Pair]) -> list[Pair]:
    """What a judge that never finds anything would have said: the figure to be beaten."""
    return [(NO_ERROR, gold) for _, gold in pairs]


def _interval(pairs: Sequence[tuple[Pair, Hashable]]) -> Interval:
    """Of the share that is exact, each pair with its group: Wilson's, of as many independent pairs as would
    vary as much as these groups do (Rao and Scott 1992). All or none exact tells of no such variation."""
    groups: dict[Hashable, list[int]] = {}
    for (named, gold), group in pairs:
        sums = groups.setdefault(group, [0, 0])
        sums[0] += named == gold
        sums[1] += 1
    n, hits = len(pairs), sum(right for right, _ in groups.values())
    effect, m = 1.0, len(groups)
    if 0 < hits < n:
        p = hits / n
        spread = sum((right - p * size) ** 2 for right, size in groups.values())
        effect = max(1.0, m / (m - 1) * spread / (n * p * (1 - p))) if m > 1 else float(n)
    return wilson(hits / effect, n / effect)


def wilson(hits: float, n: float) -> Interval:
    """Wilson's score interval of a share (Wilson 1927); 0 to 1 where nothing was counted."""
    if n == 0:
        return Interval(0.0, 1.0)
    p = hits / n
    z2 = _Z95 * _Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))


def bootstrap_f1(
    pairs: Sequence[Pair], groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Interval:
    """Percentile interval of F1 over resampled groups (pairs, by default); 0 to 1 where F1 is None.

    F1 depends on four counts only, so resampling pairs is one multinomial draw for each replicate.
    """
    counts = _counts(pairs)
    if _f1(counts) is None:
        return Interval(0.0, 1.0)
    random = np.random.default_rng(seed)
    if groups is None:
        cells = (
            counts.error_hits,
            counts.errors - counts.error_hits,
            counts.clean_hits,
            counts.clean - counts.clean_hits,
        )
        shares = np.array(cells, dtype=float) / len(pairs)
        drawn = random.multinomial(len(pairs), shares, size=BOOTSTRAPS).astype(float)
        errors, clean = drawn[:, :2].sum(1), drawn[:, 2:].sum(1)
        table = np.stack([drawn[:, 0], errors, drawn[:, 2], clean], 1)
    else:
        table = _drawn_by_group(pairs, groups, random)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = table[:, 0] / table[:, 1], table[:, 2] / table[:, 3]
        f1 = np.where(a + b > 0, 2 * a * b / (a + b), 0.0)
    f1 = f1[(table[:, 1] > 0) & (table[:, 3] > 0)]
    if f1.size == 0:
        return Interval(0.0, 1.0)
    low, high = np.quantile(f1, [0.025, 0.975])
    return Interval(float(low), float(high))


def _drawn_by_group(
    pairs: Sequence[Pair], groups: Sequence[Hashable], random: np.random.Generator
) -> np.ndarray:
    """Counts of each replicate, shape [BOOTSTRAPS, 4]."""
    members: dict[Hashable, list[Pair]] = {}
    for pair, group in zip(pairs, groups, strict=True):
        members.setdefault(group, []).append(pair)
    table = np.array([_counts(member) for member in members.values()], dtype=float)
    even = np.full(len(table), 1 / len(table))
    return np.stack([random.multinomial(len(table), even) @ table for _ in range(BOOTSTRAPS)])


def _counts(pairs: Iterable[Pair]) -> _Counts:
    error_hits = errors = clean_hits = clean = 0
    for named, gold in pairs:
        if gold == NO_ERROR:
            clean += 1
            clean_hits += named == gold
        else:
            errors += 1
            error_hits += named == gold
    return _Counts(error_hits, errors, clean_hits, clean)


def _f1(counts: _Counts) -> float | None:
    if not counts.errors or not counts.clean:
        return None
    a, b = counts.error_hits / counts.errors, counts.clean_hits / counts.clean
    return 2 * a * b / (a + b) if a + b else 0.0


def _near(named: int | None, gold: int) -> bool:
    """Exact, or an error named one step off; "no error" is never near to an error."""
    if named is None or NO_ERROR in (named, gold):
        return named == gold
    return abs(named - gold) <= 1


def _share(hits: int, n: int) -> float | None:
    return hits / n if n else None
