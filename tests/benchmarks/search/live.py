"""Section `live`: OmegaPRM's tree on problems of TinyMath's hard split with the real policy. A tree visits
prefixes of its own, so that no pool of rollouts can be replayed to it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.engine.journal import CallJournal
from pipeline.join import Annotated, annotated
from pipeline.records import Outcome
from pipeline.run_folder import RunFolder
from pipeline.testbed.oracle import judge_solution
from tests.benchmarks.quality import HARD, RECIPE
from tests.benchmarks.report import Row

PROBLEMS, SEARCHES, SAMPLES = 40, 20, 8
"""About half of the problems are sometimes solved and sometimes not: those have a tree."""


def config_of(folder: Path) -> RunConfig:
    return RunConfig.load(
        RECIPE,
        [
            "recipe=omegaprm",
            f"problems.path={HARD}",
            f"problems.limit={PROBLEMS}",
            f"generate.samples={SAMPLES}",
            f"generate.tree.searches={SEARCHES}",
            f"runs_dir={folder}",
        ],
    )


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        config = config_of(Path(folder))
        asyncio.run(run_batch(config, make_annotators(config)))
        run = RunFolder(config.folder)
        rollouts = sum(
            record.n
            for stage in ("generate", "rollouts")
            for record in CallJournal(run.calls(stage), read_only=True).records()
        )
        rollouts -= PROBLEMS * SAMPLES
        items = [item for item in annotated(run) if item.label is not None]
    grown = [item for item in items if item.solution.outcome is Outcome.INCORRECT]
    trees = {item.solution.problem_id for item in grown}
    texts = {(item.solution.problem_id, item.solution.steps) for item in grown}
    depth = [item.solution.given for item in grown if item.solution.given]
    named = [item for item in grown if item.verdicts["rollouts"].decided]
    return [
        Row("live", "problems with a tree", len(trees), wanted="some 20"),
        Row("live", "wrong solutions that were searched", len(texts)),
        Row("live", "of them begun by the tree", len(depth)),
        Row("live", "rollouts for each of them", rollouts / max(1, len(texts)), wanted="< 44.9"),
        Row("live", "first error exact, fatal", _exact(named, fatal=True), n=len(named)),
        Row("live", "first error exact, first wrong", _exact(named, fatal=False), n=len(named)),
    ]


def _exact(items: list[Annotated], fatal: bool) -> float:
    hits = []
    for item in items:
        truth = judge_solution(item.solution.question, item.solution.steps)
        gold = truth.first_fatal if fatal else truth.first_error
        hits.append(item.verdicts["rollouts"].first_error == gold)
    return float(np.mean(hits)) if hits else 0.0
