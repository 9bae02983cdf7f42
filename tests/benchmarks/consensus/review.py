"""Section `review`: what 100 decisions of a person are worth, those that `steplabel review` asks for
against as many drawn by chance. The oracle plays the reviewer, on a finished run on TinyMath."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from pipeline.config import RunConfig
from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.learning import learned_from
from pipeline.evaluate.panel import Bools, Ints
from pipeline.records import NO_ERROR
from pipeline.review.order import chances, gains, ranked
from pipeline.run_folder import RunFolder
from pipeline.search.priors import Array
from tests.benchmarks.consensus.rules import COUNTING, share_at
from tests.benchmarks.consensus.tinymath import known_to
from tests.benchmarks.report import Row

SECTION = "review"
DECISIONS = 100
DRAWS = 8
"""Of each way to choose; the first by gain is the order that the page goes by."""
PRECISION = 0.95
CHOSEN, BY_CHANCE = "by gain", "by chance"


class After(NamedTuple):
    """Shares once the decisions are in: over all solutions, the reviewed ones with the person's label, and
    over the others alone. `at_precision`: kept where those that are kept are truly right so often."""

    kept: float
    precision: float
    right: float
    at_precision: float
    others_kept: float
    others_precision: float
    others_right: float
    others_at_precision: float


FIGURES: Mapping[str, str] = {
    "kept": "share kept at target .95",
    "precision": "precision at target .95",
    "right": "precision of all, were all kept",
    "at_precision": "share kept at a true precision of .95",
    "others_kept": "share kept at target .95, without those reviewed",
    "others_precision": "precision at target .95, without those reviewed",
    "others_right": "precision of all, without those reviewed",
    "others_at_precision": "share kept at a true precision of .95, without those reviewed",
}


def measure(folder: Path, draws: int = DRAWS) -> list[Row]:
    return list(_rows(folder, draws))


def _rows(folder: Path, draws: int) -> Iterator[Row]:
    names = list(RunConfig.load(folder / "config.yaml").annotators)
    items, truth = known_to(RunFolder(folder), names)
    ids = [item.solution.id for item in items]
    rows = [Evidence.of(item, names, COUNTING) for item in items]
    n = len(rows)
    before = learned_from(rows, [None] * n, COUNTING, PRECISION)
    told = "yes" if before.identified else "no: nothing is labelled"
    yield Row(SECTION, "before: identified", told, f"spread {before.spread:.4f}", n)
    posteriors = posteriors_of(rows, before.priors)
    right = np.array([int(of.argmax()) + NO_ERROR for of in posteriors]) == truth
    at_precision = share_at(np.array([of.max() for of in posteriors]), right, PRECISION)
    yield Row(SECTION, f"before: {FIGURES['right']}", round(float(right.mean()), 4), n=n)
    yield Row(SECTION, f"before: {FIGURES['at_precision']}", round(at_precision, 4), n=n)
    found: dict[str, list[After]] = {}
    for name, times in ((CHOSEN, chances(gains(rows))), (BY_CHANCE, np.ones(n))):
        for draw in range(draws):
            chosen = ranked(ids, times, salt="" if draw == 0 else f"draw {draw}")[:DECISIONS]
            found.setdefault(name, []).append(_after(rows, truth, chosen, times))
    for field, figure in FIGURES.items():
        by_gain, by_chance = (
            np.array([getattr(one, field) for one in found[name]]) for name in (CHOSEN, BY_CHANCE)
        )
        for name, values in ((CHOSEN, by_gain), (BY_CHANCE, by_chance)):
            spread = f"[{values.min():.4f}, {values.max():.4f}] over {draws} draws"
            what = f"{DECISIONS} decisions {name}: {figure}"
            yield Row(SECTION, what, round(float(values.mean()), 4), spread, n)
        low, high = _interval(by_gain, by_chance)
        yield Row(
            SECTION,
            f"by gain less by chance: {figure}",
            round(float(by_gain.mean() - by_chance.mean()), 4),
            f"[{low:.4f}, {high:.4f}]",
            n,
            "> 0" if field in ("right", "at_precision") else "",
        )


def _after(rows: Sequence[Evidence], truth: Ints, chosen: Sequence[int], times: Array) -> After:
    reviewed: Bools = np.zeros(len(rows), dtype=bool)
    reviewed[chosen] = True
    known = [int(one) if by else None for one, by in zip(truth, reviewed, strict=True)]
    learned = learned_from(rows, known, COUNTING, PRECISION, times.tolist())
    found = posteriors_of(rows, learned.priors)
    sure = np.array([learned.sure(of_one) for of_one in found])
    right = np.array([int(of_one.argmax()) + NO_ERROR for of_one in found]) == truth
    kept = (sure >= learned.threshold) & learned.identified
    others = ~reviewed
    all_right, all_kept = right | reviewed, kept | reviewed
    surest = np.where(reviewed, 2.0, sure)
    return After(
        float(all_kept.mean()),
        float(all_right[all_kept].mean()),
        float(all_right.mean()),
        share_at(surest, all_right, PRECISION),
        float(kept[others].mean()),
        float(right[kept & others].mean()),
        float(right[others].mean()),
        share_at(sure[others], right[others], PRECISION),
    )


def _interval(first: Array, second: Array) -> tuple[float, float]:
    """95% of the difference of two means, by Welch's t: over draws of the decisions, on this one run."""
    spread = np.array([first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)])
    freedom = spread.sum() ** 2 / (spread**2 / [len(first) - 1, len(second) - 1]).sum()
    half = float(student.ppf(0.975, freedom) * np.sqrt(spread.sum()))
    gap = float(first.mean() - second.mean())
    return gap - half, gap + half
