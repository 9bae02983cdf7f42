"""Every figure of an evaluation, computed from arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.evaluate.agreement import Agreement, agreement
from pipeline.evaluate.figures import Exactness, exactness
from pipeline.evaluate.metrics import BOOTSTRAPS
from pipeline.evaluate.panel import Floats, Ints, Panel, Said
from pipeline.evaluate.relations import Confusion, confusion
from pipeline.evaluate.reliability import Calibration, calibration
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.records import NO_ERROR

WITNESS, LABEL, BASELINE = "witness", "label", "baseline"
ALWAYS_NO_ERROR = "always “no error”"
GENERATION = "generation"
TOGETHER = "all witnesses"


class Scored(NamedTuple):
    """One witness, the label, or the baseline that never finds an error."""

    who: str
    role: str
    exactness: Exactness
    calibration: Calibration | None
    confusion: tuple[Confusion, ...]


class Spent(NamedTuple):
    """Sampled tokens a solution, and for each label that was kept."""

    who: str
    per_solution: Figure
    per_kept_label: Figure | None


class Report(NamedTuple):
    """`draws` replicates of `problems` problems lie under every interval."""

    n: int
    problems: int
    with_error: int
    draws: int
    seed: int
    scored: tuple[Scored, ...]
    agreement: Agreement
    spent: tuple[Spent, ...]


def evaluate(panel: Panel, draws: int = BOOTSTRAPS, seed: int = 0) -> Report:
    """All figures of a panel; the same seed gives the same report."""
    gold = panel.gold
    bootstrap = Bootstrap(panel.problems, draws, seed)
    baseline = Said.of([NO_ERROR] * len(gold))
    scored = [
        Scored(
            who,
            LABEL if said is panel.label else WITNESS,
            exactness(said, gold, bootstrap),
            calibration(said, gold, bootstrap, seed),
            confusion(said.named, gold, panel.outcomes, panel.levels),
        )
        for who, said in panel.everyone()
    ]
    never = exactness(baseline, gold, bootstrap)
    scored.append(Scored(ALWAYS_NO_ERROR, BASELINE, never, None, confusion(baseline.named, gold)))
    return Report(
        n=len(gold),
        problems=len(np.unique(panel.problems)),
        with_error=int((gold != NO_ERROR).sum()),
        draws=draws,
        seed=seed,
        scored=tuple(scored),
        agreement=agreement(_named(panel), bootstrap),
        spent=tuple(_spent(panel, bootstrap)),
    )


def _named(panel: Panel) -> dict[str, Ints]:
    return {name: said.named for name, said in panel.witnesses.items()}


def _spent(panel: Panel, bootstrap: Bootstrap) -> list[Spent]:
    """Generation first, then each witness, then all witnesses together. A witness whose tokens are
    known of no solution is left out."""
    paid: dict[str, Floats] = {}
    if panel.generation is not None:
        paid[GENERATION] = panel.generation
    told = {who: said.tokens for who, said in panel.witnesses.items()}
    paid |= told
    paid = {who: tokens for who, tokens in paid.items() if np.isfinite(tokens).any()}
    both = [np.nan_to_num(tokens) for who, tokens in paid.items() if who in told]
    if len(both) > 1:
        paid[TOGETHER] = np.sum(both, axis=0)
    found = []
    for who, tokens in paid.items():
        known = np.isfinite(tokens).astype(np.float64)
        spent = np.nan_to_num(tokens)
        kept = None
        if panel.label is not None:
            kept = bootstrap.ratio(spent, panel.label.decided.astype(np.float64))
        found.append(Spent(who, bootstrap.ratio(spent, known), kept))
    return found
