"""Section `tinymath`: the rules on the verdicts of a finished run whose problems the oracle knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.config import CascadeConfig, RunConfig
from pipeline.consensus.posterior import PosteriorRule
from pipeline.errors import RunError
from pipeline.evaluate.resample import Bootstrap
from pipeline.join import Annotated, annotated
from pipeline.records import Outcome, content_hash
from pipeline.run_folder import RunFolder
from pipeline.testbed.gold import first_error_of
from tests.benchmarks.consensus.cascade import cascaded
from tests.benchmarks.consensus.rules import weighed
from tests.benchmarks.consensus.tables import calibrated, compared, reliabilities
from tests.benchmarks.report import Row

SECTION = "tinymath"
DRAWS = 1000
PILOT = 400
"""Solutions that a cascade learns from: of a few thousand, a thousand would be half of what it may pay."""
GOLD = 500
"""Solutions whose first error is told to the posterior, once; it is tried on the others."""


def measure(folder: Path, draws: int = DRAWS) -> list[Row]:
    """Raises RunError where the run has no verdicts of rollouts and a judge."""
    return list(_rows(folder, draws, CascadeConfig(pilot=PILOT)))


def _rows(folder: Path, draws: int, cascade: CascadeConfig) -> Iterator[Row]:
    run = RunFolder(folder)
    config = RunConfig.load(folder / "config.yaml")
    names = [name for name in config.annotators if name != "arithmetic"]
    if "rollouts" not in names or len(names) < 2:
        raise RunError(f"{folder}: needs verdicts of rollouts and of a judge at least")
    checks = [name for name in config.annotators if name == "arithmetic"]
    items, truth = known_to(run, [*names, *checks])
    _, problems = np.unique([item.solution.problem_id for item in items], return_inverse=True)
    bootstrap = Bootstrap(problems, draws)
    pilot = items[: PosteriorRule.pilot_size]
    yield Row(SECTION, "solutions", len(items), n=len(items), wanted=">= 2000")
    yield Row(SECTION, "witnesses", ", ".join([*names, *checks]))
    found = weighed(items, truth, [*names, *checks], pilot)
    yield from compared(SECTION, "run", items, truth, names, checks, found, bootstrap)
    yield from calibrated(SECTION, "run", found, bootstrap)
    yield from reliabilities(SECTION, "run", found, items, truth)
    told = weighed(
        items[GOLD:],
        truth[GOLD:],
        [*names, *checks],
        pilot[GOLD:],
        items[:GOLD],
        truth[:GOLD].tolist(),
    )
    later = Bootstrap(problems[GOLD:], draws)
    yield from calibrated(SECTION, f"run, {GOLD} gold rows", told, later)
    witnesses = [*names, *checks]
    yield from cascaded(SECTION, "run", items, truth, witnesses, len(pilot), bootstrap, cascade)


def known_to(run: RunFolder, names: list[str]) -> tuple[list[Annotated], np.ndarray]:
    """Decided solutions of which every witness has a verdict, in the order of a pilot, and their first
    errors by the oracle."""
    items, truth = [], []
    for item in annotated(run, names, labels=False):
        gold = first_error_of(item.solution)
        decided = item.solution.outcome is not Outcome.UNDECIDED
        if gold is not None and decided and all(name in item.verdicts for name in names):
            items.append(item)
            truth.append(gold)
    order = sorted(range(len(items)), key=lambda one: content_hash("pilot", items[one].solution.id))
    return [items[one] for one in order], np.array([truth[one] for one in order])
