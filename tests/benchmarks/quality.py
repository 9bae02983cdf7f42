"""Label quality on TinyMath's hard split against the exact oracle; 95% intervals by bootstrap over
problems, since solutions of one problem are alike."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.join import annotated
from pipeline.records import NO_ERROR, Outcome
from pipeline.run_folder import RunFolder
from pipeline.testbed.oracle import judge_solution
from tests.benchmarks.report import Row

RECIPE = Path("flows/recipes/tinymath.yaml")
HARD = "data/tinymath/hard.jsonl"
RESAMPLES = 1000


@dataclass(frozen=True)
class Labelled:
    """One solution: the true first error and the first fatal one, and what each witness named."""

    problem: str
    outcome: Outcome
    gold: int
    fatal: int
    rollouts: int | None
    judge: int | None
    one_vote: int | None
    kept: int | None


def hard_run(folder: Path, name: str = "hard") -> RunConfig:
    """The quickstart's recipe on the whole hard split."""
    config = RunConfig.load(
        RECIPE, [f"problems.path={HARD}", "problems.limit=null", f"name={name}"]
    )
    return config.model_copy(update={"runs_dir": str(folder)})


def read(config: RunConfig) -> list[Labelled]:
    found = []
    for item in annotated(RunFolder(config.folder)):
        solution, verdicts = item.solution, item.verdicts
        truth = judge_solution(solution.question, solution.steps)
        judge = verdicts.get("judge")
        found.append(
            Labelled(
                solution.problem_id,
                solution.outcome,
                truth.first_error,
                truth.first_fatal,
                verdicts["rollouts"].first_error if "rollouts" in verdicts else None,
                judge.first_error if judge else None,
                judge.votes[0].first_error if judge and judge.votes else None,
                item.label.first_error if item.label else None,
            )
        )
    return found


Figure = Callable[[Sequence[Labelled]], "float | None"]


def share(of: Callable[[Labelled], bool], among: Callable[[Labelled], bool]) -> Figure:
    def figure(rows: Sequence[Labelled]) -> float | None:
        chosen = [row for row in rows if among(row)]
        return sum(map(of, chosen)) / len(chosen) if chosen else None

    return figure


def f1(named: Callable[[Labelled], int | None]) -> Figure:
    """ProcessBench's F1: harmonic mean of exactness on solutions with an error and without one. What
    is undecided counts as wrong."""

    def figure(rows: Sequence[Labelled]) -> float | None:
        hits: dict[bool, list[bool]] = defaultdict(list)
        for row in rows:
            hits[row.gold != NO_ERROR].append(named(row) == row.gold)
        if not hits[True] or not hits[False]:
            return None
        a, b = (sum(hits[key]) / len(hits[key]) for key in (True, False))
        return 2 * a * b / (a + b) if a + b else 0.0

    return figure


def wrong(row: Labelled) -> bool:
    return row.outcome is Outcome.INCORRECT


def decided(row: Labelled) -> bool:
    return row.outcome is not Outcome.UNDECIDED


def in_error(row: Labelled) -> bool:
    return row.gold != NO_ERROR


def every(row: Labelled) -> bool:
    return True


def exact(name: str, only_wrong: bool = False) -> Figure:
    """Share of the decided solutions for which the witness `name` has the true first error."""
    return share(
        lambda row: getattr(row, name) == row.gold,
        lambda row: getattr(row, name) is not None and (wrong(row) or not only_wrong),
    )


def one_vote(row: Labelled) -> int | None:
    return row.one_vote


FIGURES: list[tuple[str, Figure, str]] = [
    ("policy solve rate", share(lambda row: row.outcome is Outcome.CORRECT, decided), ".45-.80"),
    ("solutions with an error", share(in_error, every), ""),
    (
        "right outcome but an error",
        share(in_error, lambda row: row.outcome is Outcome.CORRECT),
        "",
    ),
    ("first fatal is first wrong, wrong outcome", share(lambda r: r.gold == r.fatal, wrong), ""),
    ("judge F1, one pass", f1(one_vote), ">= .65"),
    ("judge exact on wrong, one pass", share(lambda r: r.one_vote == r.gold, in_error), ""),
    (
        "judge exact on clean, one pass",
        share(lambda r: r.one_vote == r.gold, lambda r: not in_error(r)),
        "",
    ),
    ("judge F1, majority of 3", f1(lambda row: row.judge), ""),
    ("always-no-error judge F1", f1(lambda row: NO_ERROR), ""),
    ("rollouts exact, decided", exact("rollouts"), ""),
    ("rollouts exact on wrong outcome, decided", exact("rollouts", only_wrong=True), ""),
    ("judge exact, decided", exact("judge"), ""),
    ("judge exact on wrong outcome, decided", exact("judge", only_wrong=True), ""),
    ("kept labels exact", exact("kept"), ">= .95"),
    ("kept labels exact on wrong outcome", exact("kept", only_wrong=True), ">= .90"),
    ("kept share", share(lambda row: row.kept is not None, every), ">= .50"),
    ("kept share on wrong outcome", share(lambda row: row.kept is not None, wrong), ">= .35"),
]


def interval(rows: Sequence[Labelled], figure: Figure, seed: int = 0) -> str:
    """95% interval by resampling problems."""
    groups: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        groups[row.problem].append(row)
    keys, rng, values = list(groups), random.Random(seed), []
    for _ in range(RESAMPLES):
        drawn = [row for key in rng.choices(keys, k=len(keys)) for row in groups[key]]
        value = figure(drawn)
        if value is not None:
            values.append(value)
    values.sort()
    return f"[{values[int(0.025 * len(values))]:.3f}, {values[int(0.975 * len(values))]:.3f}]"


def measure(folder: Path) -> list[Row]:
    config = hard_run(folder)
    summary = asyncio.run(run_batch(config, make_annotators(config)))
    rows = read(config)
    result = [Row("quality", "solutions of the hard split", len(rows), wanted=">= 1000")]
    for name, figure, wanted in FIGURES:
        value = figure(rows)
        if value is None:
            result.append(Row("quality", name, "–", n=len(rows), wanted=wanted))
        else:
            result.append(
                Row("quality", name, round(value, 4), interval(rows, figure), len(rows), wanted)
            )
    planned = sum(stage.planned_tokens or 0 for stage in summary.stages.values())
    cost = summary.cost
    result += [
        Row("quality", "sampled tokens planned", planned),
        Row("quality", "sampled tokens used", cost.completion_tokens),
        Row(
            "quality",
            "sampled tokens a kept label",
            round(cost.completion_tokens / max(1, summary.kept), 1),
        ),
        Row(
            "quality",
            "prompt tokens from cache",
            round(cost.cached_tokens / max(1, cost.prompt_tokens), 4),
        ),
        Row(
            "quality",
            "sampled tokens/s, model loading included",
            round(cost.completion_tokens / summary.seconds, 1),
        ),
    ]
    return result
