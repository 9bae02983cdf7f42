"""Every training of the table: planned, done, and kept in a file of its own, so that a killed bench goes on
where it was. Two methods whose labels are the same for a seed share one training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pipeline.evaluate.panel import Bools, Ints
from pipeline.files import read_json, sha256_of, write_json
from pipeline.join import Annotated
from pipeline.records import content_hash
from tests.benchmarks.prove.figures import best_threshold, f1, named, picked
from tests.benchmarks.prove.labels import METHODS, Labelled, Weighing, labelled, order_of, paid
from tests.benchmarks.prove.material import POLICY, HeldOut
from tests.benchmarks.prove.prm import Plan, Text, example, read, scored, trained

VERSION = 1
ARMS = ("same solutions", "one budget")


@dataclass(frozen=True)
class Job:
    """One cell of the table for one seed. `use` (n,): which solutions it is trained on; `asked` (n,): of
    which anything was asked, for the tokens `spent`."""

    arm: str
    method: str
    seed: int
    use: Bools
    asked: Bools
    spent: float


@dataclass(frozen=True)
class Result:
    """What one PRM says of the held-out solutions. `named`: first errors (solutions,); `right`: whether its
    pick is (problems,)."""

    threshold: float
    dev_f1: float
    f1: float
    named: Ints
    right: Bools
    seconds: float


@dataclass(frozen=True)
class Arms:
    """Labels where all solutions are labelled, and where each method may sample `budget` tokens.
    `needs_gold`: whether the posterior would label nothing without."""

    free: Mapping[str, Labelled]
    budget: float
    bought: Mapping[str, Labelled]
    needs_gold: bool = False

    @classmethod
    def of(cls, items: Sequence[Annotated]) -> Arms:
        """`items` in an order by content. The budget is half of what bisection samples for all."""
        others, weighing = labelled(items), Weighing(items)
        budget = float(others["bisection"].tokens.sum()) / 2
        return cls(
            others | {"posterior": weighing.labelled()},
            budget,
            others | {"posterior": weighing.within(budget)},
            not Weighing(items, gold=0).identified,
        )

    def labels(self, job: Job) -> Labelled:
        return (self.free if job.arm == ARMS[0] else self.bought)[job.method]

    def jobs(self, seeds: Sequence[int]) -> list[Job]:
        """All cells, seed by seed, so that what is done of them is paired. A seed draws the order in which a
        budget is spent, the head, and the order of what is learned; the posterior's cascade chooses itself
        what to ask, and ends within the budget."""
        return [
            job
            for seed in seeds
            for name in METHODS
            for job in (self._all(name, seed), self._bought(name, seed))
        ]

    def _all(self, name: str, seed: int) -> Job:
        of = self.free[name]
        every = np.ones(len(of.named), dtype=bool)
        return Job(ARMS[0], name, seed, of.labelled, every, float(of.tokens.sum()))

    def _bought(self, name: str, seed: int) -> Job:
        of = self.bought[name]
        if name == "posterior":
            asked = of.tokens > 0
        else:
            asked = paid(of, self.budget, order_of(len(of.named), seed))
        spent = float(of.tokens[asked].sum())
        return Job(ARMS[1], name, seed, asked & of.labelled, asked, spent)


@dataclass(frozen=True)
class World:
    """What the trainings work on."""

    items: Sequence[Annotated]
    arms: Arms
    dev: Sequence[HeldOut]
    test: Sequence[HeldOut]
    plan: Plan
    folder: Path

    @property
    def fingerprint(self) -> str:
        held_out = [[one.question, one.steps] for one in (*self.dev, *self.test)]
        weights = sha256_of(POLICY / "model.safetensors")
        return content_hash(VERSION, asdict(self.plan), weights, held_out)


class Texts(NamedTuple):
    """All solutions behind the frozen layers: those to train on, and the held-out ones that differ."""

    items: list[Text]
    held_out: dict[tuple[str, tuple[str, ...]], Text]

    @classmethod
    def of(cls, world: World) -> Texts:
        different = list(dict.fromkeys((h.question, h.steps) for h in (*world.dev, *world.test)))
        mine = [(item.solution.question, item.solution.steps) for item in world.items]
        found = read(POLICY, [*mine, *different], world.plan)
        return cls(found[: len(mine)], dict(zip(different, found[len(mine) :], strict=True)))


def done(world: World, cells: Sequence[Job]) -> list[Result]:
    """The result of each job, trained where it isn't on disk yet."""
    fingerprint = world.fingerprint
    paths = [_path(world, job, fingerprint) for job in cells]
    missing = {path: job for path, job in zip(paths, cells, strict=True) if not path.exists()}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, speed_estimate_period=3600) as progress:
        bar = progress.add_task("trainings", total=len(set(paths)))
        progress.advance(bar, len(set(paths)) - len(missing))
        texts = Texts.of(world) if missing else None
        for path, job in missing.items():
            assert texts is not None
            write_json(path, _trained(world, texts, job))
            progress.advance(bar)
    return [_read(path) for path in paths]


def left(world: World, cells: Sequence[Job]) -> tuple[int, int]:
    """(trainings that there are, those still to be done)."""
    fingerprint = world.fingerprint
    paths = {_path(world, job, fingerprint) for job in cells}
    return len(paths), sum(not path.exists() for path in paths)


def whole(world: World, cells: Sequence[Job]) -> list[Job]:
    """The jobs of those seeds of which nothing is left to do."""
    fingerprint = world.fingerprint
    lacking = {job.seed for job in cells if not _path(world, job, fingerprint).exists()}
    return [job for job in cells if job.seed not in lacking]


def _path(world: World, job: Job, fingerprint: str) -> Path:
    taught = [
        [world.items[i].solution.id, int(world.arms.labels(job).named[i])]
        for i in np.flatnonzero(job.use)
    ]
    return world.folder / "trainings" / f"{content_hash(fingerprint, job.seed, taught)}.json"


def _trained(world: World, texts: Texts, job: Job) -> dict[str, object]:
    began = time.monotonic()
    first_errors = world.arms.labels(job).named
    examples = [example(texts.items[i], int(first_errors[i])) for i in np.flatnonzero(job.use)]
    model = trained(POLICY, examples, job.seed, world.plan)
    ended = time.monotonic()
    scores = scored(model, list(texts.held_out.values()), world.plan)
    of = dict(zip(texts.held_out, scores, strict=True))
    dev, test = ([of[one.question, one.steps] for one in ones] for ones in (world.dev, world.test))
    threshold, dev_f1 = best_threshold(truth(world.dev), dev)
    said = named(test, threshold)
    return {
        "job": {"arm": job.arm, "method": job.method, "seed": job.seed},
        "solutions": int(job.use.sum()),
        "threshold": threshold,
        "dev_f1": dev_f1,
        "f1": f1(truth(world.test), said),
        "named": said.tolist(),
        "right": [int(one) for one in picked(world.test, test)],
        "train_seconds": ended - began,
        "score_seconds": time.monotonic() - ended,
    }


def truth(solutions: Sequence[HeldOut]) -> Ints:
    return np.array([one.first_error for one in solutions], dtype=np.int64)


def _read(path: Path) -> Result:
    raw = read_json(path)
    return Result(
        raw["threshold"],
        raw["dev_f1"],
        raw["f1"],
        np.array(raw["named"], dtype=np.int64),
        np.array(raw["right"], dtype=bool),
        raw["train_seconds"] + raw["score_seconds"],
    )
