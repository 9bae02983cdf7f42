"""Section `tinymath`: every search on real solutions and the real policy's rollouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.recipes import read_yaml
from pipeline.search import NO_SIBLINGS, PilotSearch
from pipeline.search.bayesian import BayesianOptions, BayesianStrategy
from pipeline.search.belief import BROAD, Priors, fit_priors
from tests.benchmarks.report import Row
from tests.benchmarks.search.calibration import excess_ece, log_score, reliability
from tests.benchmarks.search.methods import Score, exact_for, play_all, score
from tests.benchmarks.search.pooled import A_PREFIX, PooledCase, world
from tests.benchmarks.search.simulator import BUDGET, SHARES, SURE, cheapest, curves
from tests.benchmarks.search.world import Moment, at_tokens, drive, play, stopped, traces_of_all

LUCKY_POINTS = 0.03
RESAMPLES = 400
SHIPPED = "steplabel-fast, as shipped"
RECIPE = Path("flows/recipes/steplabel-fast.yaml")
Curves = dict[str, list[Score]]
STRATA: dict[str, Callable[[PooledCase], bool]] = {
    "all": lambda case: True,
    "q 0": lambda case: case.q == 0,
    "q above 0, to .1": lambda case: case.q is not None and 0 < case.q <= 0.1,
    "q above .1": lambda case: case.q is not None and case.q > 0.1,
    "few answers or a redundant fact": lambda case: case.few,
    "one way to one of many answers": lambda case: not case.few,
}


@dataclass(frozen=True)
class Stratum:
    """Every method on one set of wrong-outcome solutions."""

    name: str
    problems: list[NDArray[np.int64]]
    plain: dict[str, Score]
    alone: dict[str, list[Score]]
    with_siblings: dict[str, list[Score]]

    @property
    def lucky(self) -> bool:
        """Whether more rollouts mislead bisection here."""
        by_k = [s.exact for name, s in self.plain.items() if name.startswith("bisection")]
        return self.plain["bisection k=16"].exact <= max(by_k) - LUCKY_POINTS


@dataclass(frozen=True)
class Found:
    """All that the section measured."""

    strata: list[Stratum]
    right: list[Score]
    right_problems: list[NDArray[np.int64]]
    excess: dict[float, float]
    log_gain: float
    reliability: list[tuple[float, float]]
    pilot_tokens: float
    pooled: int


def without_siblings(cases: Sequence[PooledCase]) -> list[PooledCase]:
    return [replace(case, siblings=NO_SIBLINGS) for case in cases]


def measure(folder: Path) -> Found:
    there = world(folder)
    wrong, right = there.wrong, there.right
    alone, pilot_tokens = _learned(without_siblings(there.pilot))
    priors, _ = _learned(there.pilot)
    of_alone = _moments(without_siblings(wrong), alone)
    found = _moments(wrong, priors)
    shipped = as_shipped(there.pilot)
    strata = []
    for name, among in STRATA.items():
        rows = [i for i, case in enumerate(wrong) if among(case)]
        if len(rows) < 30:
            continue
        cases = [wrong[i] for i in rows]
        plain = [*play_all(cases), score(SHIPPED, cases, [play(shipped, c) for c in cases])]
        strata.append(
            Stratum(
                name,
                _by_problem(cases),
                {s.method: s for s in plain},
                curves("bayesian", cases, [of_alone[i] for i in rows]),
                curves("bayesian with siblings", cases, [found[i] for i in rows]),
            )
        )
    eight = strata[0].plain["bisection k=8"].tokens * float(np.mean([c.tokens for c in wrong]))
    truths = [case.fatal for case in wrong]
    frozen = {s: [at_tokens(m, s * eight).posterior for m in found] for s in SHARES}
    of_right = _moments(right, priors)
    return Found(
        strata,
        [s for s in play_all(right) if s.method in ("exhaustive k=8", "bisection k=8")]
        + [
            score(f"bayesian with siblings, sure {c:g}", right, [stopped(m, c) for m in of_right])
            for c in (0.8, 0.9, 0.95)
        ]
        + [score(SHIPPED, right, [play(shipped, c) for c in right])],
        _by_problem(right),
        {s: excess_ece(p, truths) for s, p in frozen.items()},
        log_score(frozen[1.0], truths) - log_score([m[0].posterior for m in found], truths),
        reliability(frozen[0.25], truths),
        pilot_tokens,
        sum(case.n_steps * A_PREFIX for case in (*there.pilot, *wrong, *right)),
    )


def as_shipped(pilot: Sequence[PooledCase]) -> BayesianStrategy:
    """The recipe's own strategy, with what it learns from its own pilot."""
    recipe = read_yaml(RECIPE)["annotators"]["rollouts"]["search"]
    strategy = BayesianStrategy(BayesianOptions(**recipe))
    first, searches = strategy.pilot(), []
    for case in pilot:
        search = first.start(case.n_steps, case.outcome, case.siblings)
        drive(search, case)
        searches.append(PilotSearch(case.n_steps, case.outcome, case.siblings, search.counts))
    return strategy.knowing(strategy.learn(searches))


def _by_problem(cases: Sequence[PooledCase]) -> list[NDArray[np.int64]]:
    """Numbers of the solutions of each problem: solutions of one problem are alike."""
    names = np.array([case.problem for case in cases])
    return [np.flatnonzero(names == name) for name in dict.fromkeys(names)]


def interval(problems: Sequence[NDArray[np.int64]], figure: Callable[..., float | None]) -> str:
    """95% interval of `figure(rows)`, by resampling problems."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(problems), size=len(problems))
        value = figure(np.concatenate([problems[i] for i in drawn]))
        if value is not None:
            values.append(value)
    if len(values) < RESAMPLES / 2:
        return ""
    low, high = np.percentile(values, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"


def _learned(pilot: Sequence[PooledCase]) -> tuple[Priors, float]:
    """Priors, and the tokens that the pilot cost, in whole solutions for each of its own."""
    found = traces_of_all(pilot, BROAD, sure=0.97, budget=12.0, rollouts=2)
    spent = [m[-1].tokens / case.tokens for m, case in zip(found.moments, pilot, strict=True)]
    return fit_priors(found.seen), float(np.mean(spent))


def _moments(cases: Sequence[PooledCase], priors: Priors) -> list[list[Moment]]:
    return traces_of_all(cases, priors, sure=SURE, budget=BUDGET).moments


def rows(found: Found) -> Iterator[Row]:
    yield Row("tinymath", "rollouts pooled", found.pooled)
    yield Row("tinymath", "pilot's price, in solutions for each", round(found.pilot_tokens, 3))
    for stratum in found.strata:
        yield from _rows(stratum)
    for s in found.right:
        spread = _spread(s, found.right_problems)
        yield Row("tinymath", f"right outcome: {s.method}", s.exact, spread, s.n)
    for share, excess in found.excess.items():
        figure = f"excess ECE at {share:.0%} of bisection k=8's tokens"
        yield Row("tinymath", figure, excess, wanted="<= .02")
    yield Row("tinymath", "log score above the prior's, bits", found.log_gain, wanted="> 0")
    for said, right in found.reliability:
        yield Row("tinymath", f"said {said:.3f}, at 25% of k=8's tokens: right", right)


def _rows(stratum: Stratum) -> Iterator[Row]:
    lucky = "lucky" if stratum.lucky else "not lucky"
    where = f"wrong outcome, {stratum.name} ({lucky})"
    every = [*stratum.plain.values()]
    if stratum.name == "all":
        every += [s for c in (*stratum.alone.values(), *stratum.with_siblings.values()) for s in c]
    for s in every:
        if stratum.name == "all" or s.method in ("bisection k=8", "bisection k=16", SHIPPED):
            spread = _spread(s, stratum.problems)
            yield Row("tinymath", f"{where}: {s.method}", s.exact, spread, s.n)
    wanted = {
        "bisection k=8": "<= .333" if stratum.lucky else "<= .75",
        "bisection k=16": "<= .125" if stratum.lucky else "<= .6",
        "bisection k=8, early stop": "<= 1",
        "bisection k=16, early stop": "<= 1",
    }
    for name, curve in (("bayesian", stratum.alone), ("with siblings", stratum.with_siblings)):
        for method, want in wanted.items():
            its = stratum.plain[method]
            figure = f"{where}: {name}'s tokens of {method}'s, as exact"

            def ratio(
                rows: NDArray[np.int64], curve: Curves = curve, its: Score = its
            ) -> float | None:
                then = its.on(rows)
                on_rows = {rule: [s.on(rows) for s in scores] for rule, scores in curve.items()}
                tokens = cheapest(on_rows, then.exact)
                return None if tokens is None else tokens / then.tokens

            value = ratio(np.arange(its.n))
            told = "never reached" if value is None else value
            spread = interval(stratum.problems, ratio)
            yield Row("tinymath", figure, told, spread, its.n, wanted=want)
        eight = stratum.plain["bisection k=8"]
        mine = 1 - max(exact_for(c, eight.tokens) for c in curve.values())
        figure = f"{where}: {name}'s errors of bisection k=8's, for its tokens"
        if eight.exact < 1:
            yield Row("tinymath", figure, mine / (1 - eight.exact), n=eight.n, wanted="<= .75")


def _spread(s: Score, problems: Sequence[NDArray[np.int64]]) -> str:
    """A score's interval, and its other figures."""
    return (
        f"{interval(problems, lambda rows: float(s.hits[rows].mean()))}; {s.tokens:.2f} solutions, "
        f"{s.rollouts:.1f} rollouts; first wrong {s.exact_wrong:.3f}; abstained {s.abstained:.3f}; "
        f"reused {s.reused:.2f}"
    )
