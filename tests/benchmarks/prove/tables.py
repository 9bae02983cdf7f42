"""The rows of the table, and the verdict that is read from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.panel import Floats, Ints
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome
from tests.benchmarks.prove.figures import solved, voted
from tests.benchmarks.prove.labels import GOLD, METHODS
from tests.benchmarks.prove.material import HeldOut
from tests.benchmarks.prove.paired import Closed, Paired, closed
from tests.benchmarks.prove.trainings import ARMS, Arms, Job, Result, truth
from tests.benchmarks.report import Row

DRAWS = 1000
MEASURABLE = 4.0
CLOSES, AT_LEAST = 0.7, 0.5
NO_WORSE = -0.01
ERRORS = 0.3
Results = Mapping[tuple[str, str], Sequence[Result]]
"""By arm and method, seed by seed."""


@dataclass(frozen=True)
class Verdict:
    """How the arm of one budget is read. `part`, `gap`: posterior's and oracle's F1 less bisection's."""

    gap: Paired
    part: Paired
    above_agree: Paired
    share: Closed
    errors: float

    @classmethod
    def of(cls, f1: Mapping[str, Floats], errors: Mapping[str, float]) -> Verdict:
        """`f1` of each method's PRMs, by seed; `errors`: share of all solutions without a right label."""
        part, gap = f1["posterior"] - f1["bisection"], f1["oracle"] - f1["bisection"]
        return cls(
            Paired.mean_of(gap),
            Paired.mean_of(part),
            Paired.of(f1["posterior"], f1["agree"]),
            closed(part, gap),
            errors["posterior"] / errors["bisection"] if errors["bisection"] else float("nan"),
        )

    @property
    def measurable(self) -> bool:
        return self.gap.errors_away >= MEASURABLE

    @property
    def closes(self) -> bool:
        return (
            self.share.share >= CLOSES and self.share.low > AT_LEAST and self.above_agree.mean > 0
        )

    @property
    def no_worse(self) -> bool:
        lowest = min(self.part.low, self.above_agree.low)
        return lowest >= NO_WORSE and self.errors <= ERRORS

    @property
    def words(self) -> str:
        if self.measurable:
            return "the gap is measurable: " + ("met" if self.closes else "not met")
        return "gap not measurable; " + ("no worse: met" if self.no_worse else "no worse: not met")


def of_labels(arms: Arms, cells: Sequence[Job]) -> Iterator[Row]:
    """What each method labelled, for how much, and how rightly: means over the seeds."""
    gold = arms.free["oracle"].named
    n = len(gold)
    yield Row(
        ARMS[1], "budget: sampled tokens a solution", arms.budget / n, "half of bisection's", n
    )
    alone = "not identified: it would label nothing" if arms.needs_gold else "identified"
    yield Row(ARMS[0], f"posterior without its {GOLD} gold rows", alone, n=GOLD)
    for (arm, name), of in _by_cell(cells).items():
        labels = arms.labels(of[0])
        kept = np.array([one.use.mean() for one in of])
        right = np.array([np.mean(labels.named[one.use] == gold[one.use]) for one in of])
        missed = _errors(of, arms)
        asked = np.array([one.asked.mean() for one in of])
        spent = np.array([one.spent for one in of]) / n
        at = f"{name}'s labels"
        yield Row(arm, f"{at}: share asked of", _mean(asked), _range(asked), n)
        yield Row(arm, f"{at}: share kept", _mean(kept), _range(kept), n)
        yield Row(arm, f"{at}: exact, of the kept", _mean(right), _range(right), n)
        yield Row(arm, f"{at}: not there or wrong, of all", _mean(missed), _range(missed), n)
        yield Row(arm, f"{at}: sampled tokens a solution, of all", _mean(spent), _range(spent), n)


def of_prms(results: Results, test: Sequence[HeldOut], draws: int = DRAWS) -> Iterator[Row]:
    """F1 and best-of-8 of each method's PRMs: means over the seeds; intervals over problems and seeds."""
    gold, problems = truth(test), np.array([one.problem for one in test])
    by_solution = Bootstrap(problems, draws)
    by_problem = Bootstrap(np.unique(problems), draws)
    for (arm, name), of in results.items():
        figure = _f1(by_solution, gold, of)
        spread = f"{_interval(figure)}; {_seeds(np.array([one.f1 for one in of]))}"
        yield Row(arm, f"{name}'s PRM: F1", _value(figure), spread, len(test))
    for (arm, name), of in results.items():
        right = np.mean([one.right for one in of], axis=0)
        figure = by_problem.ratio(right, np.ones(len(right)))
        spread = f"{_interval(figure)}; {_seeds(np.array([one.right.mean() for one in of]))}"
        yield Row(arm, f"{name}'s PRM: best of 8", _value(figure), spread, len(right))


def of_material(
    items: Sequence[Annotated],
    of_items: Ints,
    test: Sequence[HeldOut],
    draws: int = DRAWS,
) -> Iterator[Row]:
    """What is trained on (`of_items`: its true first errors), and what best-of-8 stands beside."""
    problems = len({item.solution.problem_id for item in items})
    yield Row(
        "trained on", "solutions that differ", len(items), f"of {problems} problems", len(items)
    )
    yield Row("trained on", "share with a wrong step", float(np.mean(of_items != NO_ERROR)))
    wrong = [item.solution.outcome is Outcome.INCORRECT for item in items]
    yield Row("trained on", "share with a wrong answer", float(np.mean(wrong)))
    shares, any_right = solved(test)
    by_problem = Bootstrap(np.arange(len(shares)), draws)
    gold = truth(test)
    different = len({(one.question, one.steps) for one in test})
    yield Row(
        "held out", "solutions", len(test), f"{different} of them differ", len(test), ">= 4000"
    )
    yield Row("held out", "share with a wrong step", float(np.mean(gold != NO_ERROR)), n=len(test))
    for name, right in (
        ("pass@1", shares),
        ("majority vote of 8", voted(test).astype(float)),
        ("pass@8: any of 8 is right", any_right.astype(float)),
    ):
        figure = by_problem.ratio(right, np.ones(len(right)))
        yield Row("held out", name, _value(figure), _interval(figure), len(right))


def verdict(results: Results, arms: Arms, cells: Sequence[Job]) -> Verdict:
    """Of the arm of one budget."""
    f1 = {name: np.array([one.f1 for one in results[ARMS[1], name]]) for name in METHODS}
    by_cell = _by_cell(cells)
    errors = {name: _mean(_errors(by_cell[ARMS[1], name], arms)) for name in METHODS}
    return Verdict.of(f1, errors)


def of_verdict(found: Verdict, seeds: int) -> Iterator[Row]:
    arm = ARMS[1]
    gap, share = found.gap, found.share
    yield Row(arm, "gap: oracle's F1 less bisection's", gap.mean, _paired(gap), seeds)
    yield Row(arm, "gap, in its standard errors", gap.errors_away, n=seeds, wanted=">= 4")
    yield Row(
        arm,
        "share of the gap that posterior's PRM closes",
        share.share,
        f"[{share.low:.3f}, {share.high:.3f}] (Fieller)",
        seeds,
        ">= .70, lower bound > .5",
    )
    yield Row(
        arm,
        "posterior's F1 less agree's",
        found.above_agree.mean,
        _paired(found.above_agree),
        seeds,
        "> 0; else lower bound >= -.01",
    )
    yield Row(
        arm,
        "posterior's F1 less bisection's",
        found.part.mean,
        _paired(found.part),
        seeds,
        "lower bound >= -.01, where the gap isn't measurable",
    )
    yield Row(
        arm,
        "posterior's label errors, of bisection's",
        found.errors,
        "those unlabelled counted as errors",
        wanted="<= .3, where the gap isn't measurable",
    )
    yield Row(arm, "verdict", found.words)


def labelled_shares(cells: Sequence[Job]) -> dict[tuple[str, str], float]:
    """Of all solutions, by arm and method: a mean over the seeds."""
    return {
        cell: float(np.mean([one.use.mean() for one in of])) for cell, of in _by_cell(cells).items()
    }


def grouped(cells: Sequence[Job], results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    found: dict[tuple[str, str], list[Result]] = {}
    for job, result in zip(cells, results, strict=True):
        found.setdefault((job.arm, job.method), []).append(result)
    return {(arm, name): found[arm, name] for a in ARMS for arm, name in found if arm == a}


def _by_cell(cells: Sequence[Job]) -> dict[tuple[str, str], list[Job]]:
    found: dict[tuple[str, str], list[Job]] = {}
    for job in cells:
        found.setdefault((job.arm, job.method), []).append(job)
    return {(arm, name): found[arm, name] for a in ARMS for arm, name in found if arm == a}


def _errors(of: Sequence[Job], arms: Arms) -> Floats:
    gold = arms.free["oracle"].named
    return np.array([arms.labels(one).errors(gold, one.use) for one in of])


def _f1(bootstrap: Bootstrap, gold: Ints, of: Sequence[Result]) -> Figure:
    """Mean over the seeds of each one's F1, on the same draws of problems."""
    flawed = gold != NO_ERROR
    right = [one.named == gold for one in of]
    moments = np.stack(
        [flawed, ~flawed, *(r & flawed for r in right), *(r & ~flawed for r in right)], 1
    )
    seeds = len(of)

    def mean(sums: Floats) -> Floats:
        a = sums[:, 2 : 2 + seeds] / sums[:, :1]
        b = sums[:, 2 + seeds :] / sums[:, 1:2]
        found: Floats = (2 * a * b / np.maximum(a + b, 1e-12)).mean(axis=1)
        return found

    return bootstrap.figure(moments.astype(np.float64), mean, len(gold))


def _mean(values: Floats) -> float:
    return float(values.mean())


def _range(values: Floats) -> str:
    low, high = float(values.min()), float(values.max())
    return "" if high - low < 5e-4 else f"[{low:.3f}, {high:.3f}] over the seeds"


def _seeds(values: Floats) -> str:
    return f"a seed's {values.std(ddof=1):.3f}" if len(values) > 1 else "one seed"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"[{figure.low:.3f}, {figure.high:.3f}]"


def _value(figure: Figure) -> float | str:
    return "none" if figure.value is None else figure.value


def _paired(found: Paired) -> str:
    return f"[{found.low:.4f}, {found.high:.4f}], standard error {found.error:.4f}"
