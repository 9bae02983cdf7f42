"""The searches that are compared, and the limits they are held against."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.records import NO_ERROR, Outcome
from pipeline.search import Strategy
from pipeline.search.adaptive import AdaptiveOptions, AdaptiveStrategy
from pipeline.search.bisection import BisectionOptions, BisectionStrategy
from pipeline.search.exhaustive import ExhaustiveOptions, ExhaustiveStrategy
from pipeline.search.first_zero import FirstZeroOptions, FirstZeroStrategy
from pipeline.search.uncertainty import UncertaintyOptions, UncertaintyStrategy
from tests.benchmarks.search.world import Array, Case, Played, play

CONFIDENCES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
WORTHS = (1.2, 0.8, 0.6, 0.4, 0.3, 0.2, 0.12, 0.08, 0.05, 0.03, 0.015)
BISECTIONS = (1, 2, 4, 8, 16)


def bisection(rollouts: int, *, early: bool) -> BisectionStrategy:
    """As published: all k sampled. `early`: a probe ends at its first success, which costs less and
    names the same."""
    return BisectionStrategy(
        BisectionOptions(rollouts=rollouts, wave=1 if early else rollouts, check_start=False)
    )


PLAYED: dict[str, Strategy] = {
    **{f"exhaustive k={k}": ExhaustiveStrategy(ExhaustiveOptions(rollouts=k)) for k in (4, 8)},
    **{f"bisection k={k}": bisection(k, early=False) for k in BISECTIONS},
    **{f"bisection k={k}, early stop": bisection(k, early=True) for k in BISECTIONS},
    "first zero k=8 (SCAN)": FirstZeroStrategy(FirstZeroOptions()),
    "adaptive (EpicPRM)": AdaptiveStrategy(AdaptiveOptions()),
    "until certain (AMCS)": BisectionStrategy(
        BisectionOptions(rollouts=8, wave=8, half_width=0.1, check_start=False)
    ),
}
SCORED: dict[str, Strategy] = {
    "least certain first (UnPRM)": UncertaintyStrategy(UncertaintyOptions()),
    "steepest rise first (UnPRM)": UncertaintyStrategy(UncertaintyOptions(by="rise")),
}
"""Those that are told how certain the policy was of each step, which only a real one can say."""


def unasked(name: str, number: int, case: Case) -> Played:
    """Baselines that ask nothing: a right solution holds no error; in a wrong one it is `name`."""
    last = case.n_steps - 1
    named = {
        "always first": 0,
        "always middle": last // 2,
        "random": random.Random(number).randint(0, last),
    }[name]
    if case.outcome is Outcome.CORRECT:
        named = NO_ERROR
    return Played(named, named, 0.0, 0)


@dataclass(frozen=True)
class Score:
    """One method on one set of solutions. `exact`: its best guess is the first fatal step;
    `exact_wrong`: is the first wrong one. Tokens in whole solutions, a mean. `hits` and `prices`
    (n,): of each solution."""

    method: str
    n: int
    exact: float
    exact_wrong: float
    tokens: float
    rollouts: float
    abstained: float
    reused: float
    hits: Array = field(repr=False, compare=False)
    prices: Array = field(repr=False, compare=False)

    def on(self, rows: NDArray[np.int64]) -> Score:
        """The same of some of the solutions, in exactness and tokens."""
        exact, tokens = float(self.hits[rows].mean()), float(self.prices[rows].mean())
        return replace(self, exact=exact, tokens=tokens)


def score(method: str, cases: Sequence[Case], played: Sequence[Played]) -> Score:
    """Raises nothing; `cases` and `played` go together."""
    exact = np.array([p.best == c.fatal for p, c in zip(played, cases, strict=True)])
    prices = np.array([p.tokens / c.tokens for p, c in zip(played, cases, strict=True)])
    return Score(
        method,
        len(cases),
        float(exact.mean()),
        float(np.mean([p.best == c.wrong for p, c in zip(played, cases, strict=True)])),
        float(prices.mean()),
        float(np.mean([p.rollouts for p in played])),
        float(np.mean([p.named is None for p in played])),
        float(np.mean([p.reused for p in played])),
        exact,
        prices,
    )


def play_some(names: Sequence[str], cases: Sequence[Case]) -> list[Score]:
    methods = PLAYED | SCORED
    return [score(name, cases, [play(methods[name], c) for c in cases]) for name in names]


def play_all(cases: Sequence[Case]) -> list[Score]:
    """Every method that is a plain strategy or baseline."""
    scored = SCORED if all(case.known.uncertainty for case in cases) else ()
    scores = play_some([*PLAYED, *scored], cases)
    for name in ("always first", "always middle", "random"):
        scores.append(score(name, cases, [unasked(name, i, c) for i, c in enumerate(cases)]))
    return scores


def tokens_for(curve: Sequence[Score], exact: float) -> float | None:
    """Tokens at which a method with a knob reaches an exactness, between its settings linearly.
    Below its cheapest setting that one's; None where it never gets there."""
    points = sorted((s.tokens, s.exact) for s in curve)
    reached = [i for i, (_, value) in enumerate(points) if value >= exact]
    if not reached:
        return None
    i = reached[0]
    if i == 0:
        return points[0][0]
    (low, below), (high, above) = points[i - 1], points[i]
    return low + (high - low) * (exact - below) / (above - below)


def exact_for(curve: Sequence[Score], tokens: float) -> float:
    """Exactness that a method with a knob has at so many tokens, between its settings linearly."""
    points = sorted((s.tokens, s.exact) for s in curve)
    return float(np.interp(tokens, [t for t, _ in points], [e for _, e in points]))


def channel_bound(prior: Array, good: Array, q: float, exact: float) -> float:
    """Least tokens, in whole solutions, that any search needs to name e rightly with chance `exact`,
    told v and q (Fano's inequality over the best of the binary channels "rollout from prefix t").

    `prior` (T,): of e = 0..T-1. `good` (T,): chance of a rollout from prefix t while it is good.
    """
    steps = len(prior)
    if steps < 2:
        return 0.0
    wrong = 1 - exact
    bits = _entropy(prior) - _entropy(np.array([wrong, exact])) - wrong * np.log2(max(1, steps - 1))
    prices = np.arange(steps, 0, -1) / steps
    rates = [capacity(float(good[t]), q) / prices[t] for t in range(1, steps)]
    best = max(rates)
    return float(max(0.0, bits) / best) if best > 0 else float("inf")


def capacity(a: float, b: float) -> float:
    """Bits a use of a binary channel whose output is 1 with chance a or b."""
    share = np.linspace(0, 1, 201)
    heads = share * a + (1 - share) * b
    told = _bit(heads) - share * _bit(np.array(a)) - (1 - share) * _bit(np.array(b))
    return float(told.max())


def _bit(p: Array) -> Array:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


def _entropy(p: Array) -> float:
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())
