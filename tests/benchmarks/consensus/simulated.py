"""Section `simulated`: many solutions whose witnesses err as TinyMath's do (`world`), so that stated
precisions, the worth of gold and the harm of bad judges can be told from chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.config import CascadeConfig
from pipeline.consensus.posterior import PosteriorRule
from pipeline.evaluate.resample import Bootstrap
from tests.benchmarks.consensus.cascade import cascaded
from tests.benchmarks.consensus.rules import Weighed, lost, weighed
from tests.benchmarks.consensus.tables import calibrated, compared, reliabilities, row
from tests.benchmarks.consensus.world import (
    DEGENERATE,
    Judge,
    World,
    draw,
    half_a_copy,
    tinymath_judge,
)
from tests.benchmarks.report import Row

SECTION, CASCADE = "simulated", "cascade"
NUMBER = 20_000
GOLD = 500
DRAWS = 1000
SHARES = (0.5, 0.85)
ONE, TWO = ("rollouts", "judge"), ("rollouts", "judge", "second")
ARITHMETIC = ("arithmetic",)


def measure(number: int = NUMBER, draws: int = DRAWS) -> list[Row]:
    judges: dict[str, Judge] = {
        "judge": tinymath_judge,
        "second": tinymath_judge,
        "half a copy": half_a_copy,
        **DEGENERATE,
    }
    whole = draw(number + GOLD, judges)
    world = World(whole.items[GOLD:], whole.truth[GOLD:])
    gold = World(whole.items[:GOLD], whole.truth[:GOLD])
    return list(_rows(world, gold, Bootstrap(np.arange(number), draws)))


def measure_cascade(number: int, draws: int, pilot: int) -> list[Row]:
    """Section `cascade`: the panel of two judges x 3 votes, a tool check and bisection k=8, asked in turn."""
    items, truth = draw(number, {"judge": tinymath_judge, "second": tinymath_judge})
    bootstrap, names = Bootstrap(np.arange(number), draws), (*TWO, *ARITHMETIC)
    size, options = PosteriorRule.pilot_size, CascadeConfig(pilot=pilot)
    rows = cascaded(CASCADE, "simulated", items, truth, names, size, bootstrap, options)
    solutions = Row(CASCADE, "simulated: solutions", number, n=number, wanted=">= 20000")
    return [solutions, *rows]


def _rows(world: World, gold: World, bootstrap: Bootstrap) -> Iterator[Row]:
    items, truth = world
    pilot = items[: PosteriorRule.pilot_size]

    def fused(*names: str, gold_too: bool = False) -> Weighed:
        known = gold if gold_too else World([], truth[:0])
        return weighed(items, truth, names, pilot, known.items, known.truth.tolist())

    yield Row(SECTION, "solutions", len(items), n=len(items), wanted=">= 20000")
    for panel, names, bound in (("one judge", ONE, "<= .02"), ("two judges", TWO, "<= .01")):
        alone = fused(*names, *ARITHMETIC)
        yield from compared(SECTION, panel, items, truth, names, ARITHMETIC, alone, bootstrap)
        yield from calibrated(SECTION, panel, alone, bootstrap)
        yield from reliabilities(SECTION, panel, alone, items, truth)
        told = fused(*names, *ARITHMETIC, gold_too=True)
        yield from calibrated(SECTION, f"{panel}, {GOLD} gold rows", told, bootstrap)
        yield from _losses(f"{panel}: precision lost without gold", told, alone, bootstrap, bound)
        for name in DEGENERATE:
            harmed = fused(*names, *ARITHMETIC, name)
            what = f"{panel} and one that {name}"
            yield from _losses(f"{what}: precision lost", alone, harmed, bootstrap, "<= .01")
            harmed_too = fused(*names, *ARITHMETIC, name, gold_too=True)
            lost_too = f"{what}, {GOLD} gold rows: precision lost"
            yield from _losses(lost_too, told, harmed_too, bootstrap, "<= .01")
            found = reliabilities(SECTION, what, harmed, items, truth)
            yield from (one for one in found if f": {name}," in one.figure)
    together = fused(*ONE, "half a copy", *ARITHMETIC)
    panel = "two judges, the second half a copy"
    yield from calibrated(SECTION, panel, together, bootstrap)
    yield from reliabilities(SECTION, panel, together, items, truth)


def _losses(
    what: str, better: Weighed, worse: Weighed, bootstrap: Bootstrap, bound: str
) -> Iterator[Row]:
    for share in SHARES:
        found = lost(
            bootstrap, better.right, better.surest(share), worse.right, worse.surest(share)
        )
        yield row(SECTION, f"{what} at a share of {share:g}", found, bound)
