"""Section `tinymath`: every search on real solutions and the real policy's rollouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.recipes import read_yaml
from pipeline.search import PilotSearch
from pipeline.search.bayesian import BayesianOptions, BayesianStrategy
from pipeline.search.fit import fit_priors
from pipeline.search.priors import BROAD, Priors
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
EVIDENCE: dict[str, Callable[[PooledCase], PooledCase]] = {
    "bayesian": lambda case: case.knowing(siblings=False, vote=False),
    "with siblings": lambda case: case.knowing(siblings=True, vote=False),
    "with a vote": lambda case: case.knowing(siblings=False, vote=True),
    "with siblings and a vote": lambda case: case.knowing(siblings=True, vote=True),
    "with a vote, siblings uncharged": lambda case: case.knowing(
        siblings=True, vote=True, charged=False
    ),
}
"""What the search is told before its first rollout, and pays for. The last is what a run pays that
labels all solutions of a problem: they are made in any case."""


@dataclass(frozen=True)
class Stratum:
    """Every method on one set of wrong-outcome solutions; `bayesian` by kind of evidence."""

    name: str
    problems: list[NDArray[np.int64]]
    plain: dict[str, Score]
    bayesian: dict[str, Curves]

    @property
    def lucky(self) -> bool:
        """Whether more rollouts mislead bisection here."""
        by_k = [s.exact for name, s in self.plain.items() if name.startswith("bisection")]
        return self.plain["bisection k=16"].exact <= max(by_k) - LUCKY_POINTS


@dataclass(frozen=True)
class Truth:
    """Whether one search's stated confidences are true, of the first fatal step and of the first
    wrong one: excess ECE by share of bisection k=8's tokens."""

    fatal: dict[float, float]
    wrong: dict[float, float]
    log_gain: float
    reliability: list[tuple[float, float]]


@dataclass(frozen=True)
class Found:
    """All that the section measured."""

    strata: list[Stratum]
    right: list[Score]
    right_problems: list[NDArray[np.int64]]
    truth: dict[str, Truth]
    pilot_tokens: dict[str, float]
    pooled: int


def measure(folder: Path) -> Found:
    there = world(folder)
    wrong, right = there.wrong, there.right
    moments, pilot_tokens, of_right = {}, {}, []
    for name, told in EVIDENCE.items():
        lessons = [told(case) for case in there.pilot], [told(case) for case in there.others]
        priors, pilot_tokens[name] = _learned(*lessons)
        moments[name] = _moments([told(case) for case in wrong], priors)
        knowing = [told(case) for case in right]
        ends = [stopped(m, 0.9) for m in _moments(knowing, priors)]
        of_right.append(score(f"{_named(name)}, sure 0.9", knowing, ends))
    as_run = EVIDENCE["with a vote, siblings uncharged"]
    shipped = as_shipped(*([as_run(c) for c in of] for of in (there.pilot, there.others)))
    strata = []
    for stratum, among in STRATA.items():
        rows = [i for i, case in enumerate(wrong) if among(case)]
        if len(rows) < 30:
            continue
        cases = [EVIDENCE["bayesian"](wrong[i]) for i in rows]
        known = [as_run(wrong[i]) for i in rows]
        plain = [*play_all(cases), score(SHIPPED, known, [play(shipped, c) for c in known])]
        found = {
            name: curves(_named(name), cases, [moments[name][i] for i in rows]) for name in EVIDENCE
        }
        strata.append(Stratum(stratum, _by_problem(cases), {s.method: s for s in plain}, found))
    eight = strata[0].plain["bisection k=8"].tokens * float(np.mean([c.tokens for c in wrong]))
    known = [as_run(case) for case in right]
    return Found(
        strata,
        [s for s in play_all(right) if s.method in ("exhaustive k=8", "bisection k=8")]
        + of_right
        + [score(SHIPPED, known, [play(shipped, c) for c in known])],
        _by_problem(right),
        {name: _truth(of, wrong, eight, moments["bayesian"]) for name, of in moments.items()},
        pilot_tokens,
        sum(case.n_steps * A_PREFIX for case in (*there.pilot, *wrong, *right)),
    )


def _named(evidence: str) -> str:
    return evidence if evidence == "bayesian" else f"bayesian {evidence}"


def _truth(
    moments: list[list[Moment]],
    cases: Sequence[PooledCase],
    eight: float,
    plain: list[list[Moment]],
) -> Truth:
    """`plain`: searches that are told nothing; before their first rollout they know the prior alone."""
    frozen = {s: [at_tokens(m, s * eight).posterior for m in moments] for s in SHARES}
    fatal, wrong = [case.fatal for case in cases], [case.wrong for case in cases]
    return Truth(
        {s: excess_ece(p, fatal) for s, p in frozen.items()},
        {s: excess_ece(p, wrong) for s, p in frozen.items()},
        log_score(frozen[1.0], fatal) - log_score([m[0].posterior for m in plain], fatal),
        reliability(frozen[0.25], wrong),
    )


def as_shipped(pilot: Sequence[PooledCase], others: Sequence[PooledCase]) -> BayesianStrategy:
    """The recipe's own strategy, with what it learns as in a run: from a pilot, and from others that are
    searched by what the pilot taught."""
    recipe = read_yaml(RECIPE)["annotators"]["rollouts"]["search"]
    strategy = BayesianStrategy(BayesianOptions(**recipe))
    seen = _searched(strategy.pilot(), pilot)
    taught = strategy.knowing(strategy.learn(seen))
    return strategy.knowing(strategy.learn([*seen, *_searched(taught, others)]))


def _searched(strategy: BayesianStrategy, cases: Sequence[PooledCase]) -> list[PilotSearch]:
    searches = []
    for case in cases:
        search = strategy.start(case.n_steps, case.outcome, case.known)
        drive(search, case)
        searches.append(PilotSearch(case.n_steps, case.outcome, search.counts, case.known))
    return searches


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


def _learned(pilot: Sequence[PooledCase], others: Sequence[PooledCase]) -> tuple[Priors, float]:
    """Priors, as `as_shipped`; and the tokens that the pilot cost, in whole solutions for each of its own."""
    found = traces_of_all(pilot, BROAD, sure=0.97, budget=12.0, rollouts=2)
    hints = [case.known.hints for case in pilot]
    taught = fit_priors(found.seen, hints)
    then = traces_of_all(others, taught, sure=0.9, budget=12.0, rollouts=2)
    spent = [m[-1].tokens / case.tokens for m, case in zip(found.moments, pilot, strict=True)]
    hints += [case.known.hints for case in others]
    return fit_priors([*found.seen, *then.seen], hints), float(np.mean(spent))


def _moments(cases: Sequence[PooledCase], priors: Priors) -> list[list[Moment]]:
    return traces_of_all(cases, priors, sure=SURE, budget=BUDGET).moments


def rows(found: Found) -> Iterator[Row]:
    yield Row("tinymath", "rollouts pooled", found.pooled)
    for name, tokens in found.pilot_tokens.items():
        figure = f"{_named(name)}: price of its pilot, in solutions for each"
        yield Row("tinymath", figure, round(tokens, 3))
    for stratum in found.strata:
        yield from _rows(stratum)
    for s in found.right:
        spread = _spread(s, found.right_problems)
        yield Row("tinymath", f"right outcome: {s.method}", s.exact, spread, s.n)
    for name, truth in found.truth.items():
        for share in SHARES:
            figure = f"{_named(name)}: excess ECE at {share:.0%} of bisection k=8's tokens"
            beside = f"first wrong step: {truth.wrong[share]:.3f}"
            yield Row("tinymath", figure, truth.fatal[share], beside, wanted="<= .02")
        figure = f"{_named(name)}: log score above the prior's, bits"
        yield Row("tinymath", figure, truth.log_gain, wanted="> 0")
        for said, right in truth.reliability:
            figure = f"{_named(name)}: said {said:.3f}, at 25% of k=8's tokens: first wrong step"
            yield Row("tinymath", figure, right)


def _rows(stratum: Stratum) -> Iterator[Row]:
    lucky = "lucky" if stratum.lucky else "not lucky"
    where = f"wrong outcome, {stratum.name} ({lucky})"
    every = [*stratum.plain.values()]
    if stratum.name == "all":
        every += [s for of in stratum.bayesian.values() for curve in of.values() for s in curve]
    for s in every:
        if stratum.name == "all" or s.method in ("bisection k=8", "bisection k=16", SHIPPED):
            spread = _spread(s, stratum.problems)
            yield Row("tinymath", f"{where}: {s.method}", s.exact, spread, s.n)
    for name, curve in stratum.bayesian.items():
        yield from _ratios(stratum, where, name, curve)


def _ratios(stratum: Stratum, where: str, name: str, curve: Curves) -> Iterator[Row]:
    """The Bayesian search's tokens where it is as exact as a bisection, of that one's; and its errors
    of bisection's for the same tokens."""
    wanted = {
        "bisection k=8": "<= .333" if stratum.lucky else "<= .5" if "vote" in name else "<= .75",
        "bisection k=16": "<= .125" if stratum.lucky else "<= .4" if "vote" in name else "<= .6",
        "bisection k=8, early stop": "<= 1",
        "bisection k=16, early stop": "<= 1",
    }
    for method, want in wanted.items():
        its = stratum.plain[method]
        figure = f"{where}: {_named(name)}: tokens of {method}'s, as exact"

        def ratio(rows: NDArray[np.int64], curve: Curves = curve, its: Score = its) -> float | None:
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
    figure = f"{where}: {_named(name)}: errors of bisection k=8's, for its tokens"
    if eight.exact < 1:
        yield Row("tinymath", figure, mine / (1 - eight.exact), n=eight.n, wanted="<= .75")


def _spread(s: Score, problems: Sequence[NDArray[np.int64]]) -> str:
    """A score's interval, and its other figures."""
    return (
        f"{interval(problems, lambda rows: float(s.hits[rows].mean()))}; {s.tokens:.2f} solutions, "
        f"{s.rollouts:.1f} rollouts; first wrong {s.exact_wrong:.3f}; abstained {s.abstained:.3f}; "
        f"reused {s.reused:.2f}"
    )
