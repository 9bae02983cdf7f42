"""Which solutions may be asked for: those that the rule of consensus learns from, so that what people say of
them teaches. In a cascade only its pilot heard every witness. The order is learned once for each state of
the verdicts, and kept beside what the calibration learned."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from pipeline.config import RunConfig
from pipeline.consensus.posterior import PosteriorRule
from pipeline.errors import RunError
from pipeline.files import read_json, write_json
from pipeline.join import Annotated, annotated
from pipeline.labelling import heard_by_all
from pipeline.records import content_hash
from pipeline.replaced import replaced
from pipeline.review.order import BY_CHANCE, VERSION, Drawn, in_order
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder


def pool_of(config: RunConfig, run: RunFolder) -> list[Annotated]:
    """Solutions with a decided outcome of which every witness of the consensus was heard, with all verdicts
    but those of people. Raises RunError where there is none."""
    if merged := run.info.get("merged"):
        raise RunError(
            f"{run.folder}: was merged of {', '.join(merged)}; review and relabel those, and merge again"
        )
    names = [name for name in run.annotators() if name != REVIEW]
    missing = [name for name in config.consensus.witnesses if name not in names]
    usable = set() if missing else set(heard_by_all(run, config.consensus.witnesses, frozenset()))
    usable -= replaced(run)
    if config.cascade is not None:
        usable &= set((read_json(run.cascade_pilot) or {"ids": []})["ids"])
    chosen = frozenset(
        nsmallest(PosteriorRule.pilot_size, usable, key=lambda one: content_hash("pilot", one))
    )
    found = [one for one in annotated(run, names, labels=False) if one.solution.id in chosen]
    if not found:
        told = (
            f"no verdicts of {', '.join(missing)}"
            if missing
            else "no solution that all were heard of"
        )
        raise RunError(
            f"{run.folder}: {told}; a review begins where the witnesses have spoken: `steplabel run` first"
        )
    return found


def order_of(config: RunConfig, run: RunFolder, items: Sequence[Annotated]) -> list[Drawn]:
    """The order in which `items` are asked for, learned where it isn't kept."""
    witnesses = config.consensus.witnesses
    sources = [store.fingerprint for store in (run.solutions, *map(run.verdicts, witnesses))]
    made_by = content_hash(
        VERSION, BY_CHANCE, witnesses, sources, sorted(item.solution.id for item in items)
    )
    path = run.learned(REVIEW).with_name("order.json")
    kept = read_json(path) or {}
    if kept.get("made_by") != made_by:
        kept = {"made_by": made_by, "order": [list(one) for one in in_order(items, witnesses)]}
        write_json(path, kept)
    return [Drawn(str(one), float(times)) for one, times in kept["order"]]
