"""Section `simulator`: every search on a policy whose v and q are known, over a grid of settings."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context

import numpy as np
from rich.progress import track

from pipeline.search.bayesian import BayesianOptions
from pipeline.search.fit import fit_priors
from pipeline.search.priors import BROAD, Priors
from tests.benchmarks.report import Row
from tests.benchmarks.search.calibration import excess_ece, log_score
from tests.benchmarks.search.methods import (
    CONFIDENCES,
    WORTHS,
    Score,
    channel_bound,
    exact_for,
    play_some,
    score,
    tokens_for,
)
from tests.benchmarks.search.simulated import (
    RECOVERY,
    STRENGTHS,
    Cell,
    SimulatedCase,
    draw_case,
)
from tests.benchmarks.search.world import Case, Moment, at_tokens, stopped, traces, unworthy

DRAWS = 4000
PILOT, TEACHING = BayesianOptions().pilot, BayesianOptions().teaching
SURE = 0.997
BUDGET = 40.0
SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of bisection k=8's mean tokens, at which posteriors are frozen to see whether they are true."""
CELLS = [Cell(*values) for values in product((5, 10, 20, 40), (True, False), RECOVERY, STRENGTHS)]


BESIDE = tuple(f"bisection k={k}{early}" for k in (8, 16) for early in ("", ", early stop"))
"""What the Bayesian search is held against here; every method is in the section `tinymath`."""


@dataclass(frozen=True)
class Measured:
    """What one cell showed, for wrong-outcome solutions but `right`."""

    cell: Cell
    plain: dict[str, Score]
    bayesian: dict[str, list[Score]]
    told: dict[str, list[Score]]
    right: Score
    bound: dict[float, float]
    excess: dict[float, float] = field(default_factory=dict)
    log_gain: float = 0.0
    pilot: float = 0.0


def measure_cell(cell: Cell, draws: int = DRAWS) -> Measured:
    priors, pilot = learned(cell)
    wrong = [draw_case(cell, 0, i, wrong=True) for i in range(draws)]
    right = [draw_case(cell, 0, draws + i, wrong=False) for i in range(draws // 4)]
    plain = {s.method: s for s in play_some(BESIDE, wrong)}
    found = traces(wrong, priors, sure=SURE, budget=BUDGET).moments
    frozen = {s: s * plain["bisection k=8"].tokens for s in SHARES}
    truths = [case.fatal for case in wrong]
    posteriors = {s: [at_tokens(m, t).posterior for m in found] for s, t in frozen.items()}
    of_right = traces(right, priors, sure=0.9, budget=BUDGET).moments
    return Measured(
        cell,
        plain,
        curves("bayesian", wrong, found),
        curves("told v and q", wrong, _told(wrong)),
        score("bayesian at .9", right, [stopped(m, 0.9) for m in of_right]),
        {exact: _bound(wrong, exact) for exact in (0.9, 0.95)},
        {s: excess_ece(p, truths) for s, p in posteriors.items()},
        log_score(posteriors[1.0], truths) - log_score([m[0].posterior for m in found], truths),
        pilot,
    )


def learned(cell: Cell) -> tuple[Priors, float]:
    """Priors from solutions as they come, drawn apart from those that are scored: from a pilot, and from it
    and those that are searched by what it taught, as any other is; and what each of the pilot cost, in whole
    solutions."""
    first = [draw_case(cell, 1, i) for i in range(PILOT)]
    found = traces(first, BROAD, sure=0.97, budget=12.0, rollouts=2)
    more = [draw_case(cell, 1, i) for i in range(PILOT, TEACHING)]
    then = traces(more, fit_priors(found.seen), sure=0.9, budget=12.0, rollouts=2)
    spent = float(np.mean([m[-1].tokens for m in found.moments]))
    return fit_priors([*found.seen, *then.seen]), spent


def curves(
    method: str, cases: Sequence[Case], moments: list[list[Moment]]
) -> dict[str, list[Score]]:
    """A Bayesian search's scores under each of its two rules to end, one for each setting."""
    return {
        "confidence": [
            score(f"{method}, sure {c:g}", cases, [stopped(m, c) for m in moments])
            for c in CONFIDENCES
        ],
        "price": [
            score(f"{method}, worth {w:g}", cases, [unworthy(m, w) for m in moments])
            for w in WORTHS
        ],
    }


def cheapest(found: Mapping[str, Sequence[Score]], exact: float) -> float | None:
    """Tokens to an exactness, by the better of the two rules."""
    tokens = [t for curve in found.values() if (t := tokens_for(curve, exact)) is not None]
    return min(tokens, default=None)


def _told(cases: list[SimulatedCase]) -> list[list[Moment]]:
    """Searches that are told v and q; those told the same go together."""
    alike: dict[Priors, list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        alike[case.told()].append(number)
    found: list[list[Moment]] = [[] for _ in cases]
    for priors, numbers in alike.items():
        several = traces([cases[i] for i in numbers], priors, sure=SURE, budget=BUDGET)
        for number, moments in zip(numbers, several.moments, strict=True):
            found[number] = moments
    return found


def _bound(cases: list[SimulatedCase], exact: float) -> float:
    steps = cases[0].n_steps
    uniform = np.full(steps, 1 / steps)
    bounds = []
    for case in cases[:400]:
        left = (np.arange(steps, 0, -1) / steps) ** case.drift
        bounds.append(channel_bound(uniform, case.v**left, case.q, exact))
    finite = [b for b in bounds if np.isfinite(b)]
    return float(np.mean(finite))


def measure(draws: int = DRAWS) -> list[Measured]:
    """All cells, on all cores."""
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = pool.map(measure_cell, CELLS, [draws] * len(CELLS))
        return list(track(jobs, "simulator", total=len(CELLS)))


def rows(measured: list[Measured]) -> list[Row]:
    """The grid in a table that can be read: the three strengths of the policy together."""
    return [row for group in _grouped(measured) for row in _rows(*group)]


def _grouped(measured: list[Measured]) -> Iterator[tuple[str, list[Measured]]]:
    groups: dict[str, list[Measured]] = defaultdict(list)
    for m in measured:
        groups[m.cell.name.rpartition(",")[0]].append(m)
    yield from groups.items()


def _rows(name: str, cells: list[Measured]) -> Iterator[Row]:
    n = sum(m.plain["bisection k=8"].n for m in cells)

    def row(figure: str, values: list[float | None], wanted: str = "") -> Row:
        known = [v for v in values if v is not None]
        if not known:
            return Row("simulator", f"{name}: {figure}", "never reached", n=n, wanted=wanted)
        spread = f"[{min(known):.3f}, {max(known):.3f}] over {len(known)} policies"
        return Row("simulator", f"{name}: {figure}", float(np.mean(known)), spread, n, wanted)

    for method in ("bisection k=8", "bisection k=16"):
        yield row(f"{method} exact", [m.plain[method].exact for m in cells])
        ratios = [_ratio(m, method) for m in cells]
        yield row(f"bayesian's tokens of {method}'s, as exact", ratios)
    for method in ("bisection k=8, early stop", "bisection k=16, early stop"):
        early = [_ratio(m, method) for m in cells]
        yield row(f"bayesian's tokens of {method}'s, as exact", early, "<= 1")
    errors: list[float | None] = []
    for m in cells:
        eight = m.plain["bisection k=8"]
        mine = 1 - max(exact_for(c, eight.tokens) for c in m.bayesian.values())
        errors.append(mine / (1 - eight.exact) if eight.exact < 1 else None)
    yield row("bayesian's errors of bisection k=8's, for its tokens", errors, "<= .75")
    for exact in (0.9, 0.95):
        yield row(
            f"bayesian's tokens of the told searcher's at {exact:g}",
            [_over(cheapest(m.bayesian, exact), cheapest(m.told, exact)) for m in cells],
            "<= 2",
        )
        yield row(
            f"bayesian's tokens of Fano's bound, a mean over solutions, at {exact:g}",
            [_over(cheapest(m.bayesian, exact), m.bound[exact]) for m in cells],
        )
    yield row(
        "excess ECE, worst of four budgets", [max(m.excess.values()) for m in cells], "<= .02"
    )
    yield row("log score above the prior's, bits", [m.log_gain for m in cells], "> 0")
    yield row("right outcome: bayesian at .9 exact", [m.right.exact for m in cells])
    yield row("right outcome: tokens", [m.right.tokens for m in cells])
    yield row(
        f"tokens of each of the {PILOT} pilot solutions, not counted above",
        [m.pilot for m in cells],
    )


def _ratio(m: Measured, method: str) -> float | None:
    """Tokens at which the Bayesian search is as exact as a bisection, of that one's."""
    return _over(cheapest(m.bayesian, m.plain[method].exact), m.plain[method].tokens)


def _over(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b
