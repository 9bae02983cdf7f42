"""A cascade played over solutions of which every witness has been heard, as those of a pilot have.

The others are asked no more than they need, and end less sure. So what they will cost, and the threshold for
the precision that is wanted, are those of the pilot as the cascade would have asked it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.config import CascadeConfig
from pipeline.consensus.cascade import Cascade, learn, within
from pipeline.consensus.evidence import FIRST, Evidence, posteriors_of
from pipeline.consensus.expected import first_vote
from pipeline.consensus.learning import Learned, threshold_for
from pipeline.join import Annotated


class Replayed(NamedTuple):
    """A solution with the verdicts that were asked for, and why no more were."""

    item: Annotated
    stop: str


def replay(
    items: Sequence[Annotated], cascade: Cascade, budget: float | None = None
) -> list[Replayed]:
    """What a cascade would have asked for of solutions of which every witness has been heard: the same
    choices in the same rounds, their answers taken from the verdicts that there are."""
    whole = {item.solution.id: item for item in items}
    heard_of = {
        item.solution.id: {
            name: verdict
            for name, verdict in item.verdicts.items()
            if name not in cascade.facts.parts
        }
        for item in items
    }
    stops: dict[str, str] = {}
    all_votes: dict[str, set[str]] = defaultdict(set)
    spent = 0.0
    while still := [one for one in whole if one not in stops]:
        now = [Annotated(whole[one].solution, heard_of[one], None) for one in still]
        for choice in within(
            cascade.choose(now, all_votes), None if budget is None else budget - spent
        ):
            if choice.part is None:
                stops[choice.solution_id] = choice.stop or ""
                continue
            name = choice.part.removesuffix(FIRST)
            verdict = whole[choice.solution_id].verdicts[name]
            if choice.part.endswith(FIRST):
                told = first_vote(verdict)
            else:
                told = verdict
                all_votes[choice.solution_id].add(name)
            paid = heard_of[choice.solution_id].get(name)
            spent += told.cost.completion_tokens - (paid.cost.completion_tokens if paid else 0)
            heard_of[choice.solution_id][name] = told
    return [
        Replayed(Annotated(item.solution, heard_of[one], None), stops[one])
        for one, item in whole.items()
    ]


def as_asked(
    learned: Learned,
    pilot: Sequence[Annotated],
    truth: Sequence[int | None],
    witnesses: Sequence[str],
    options: CascadeConfig,
    precision: float,
) -> Learned:
    """The threshold for the precision that is wanted, where solutions are asked no more than they need: they
    end less sure than had every witness been heard, as the pilot has."""
    facts = learn(pilot, truth, witnesses, learned)
    cascade = Cascade(facts, witnesses, options.confidence, options.worth)
    left = [one.item for one in replay(pilot, cascade)]
    known = learned.priors.reliability
    rows = [Evidence.of(item, witnesses, learned.counting, known) for item in left]
    sure = np.array([learned.sure(of_one) for of_one in posteriors_of(rows, learned.priors)])
    threshold, kept = threshold_for(sure, precision)
    stated = float(sure[sure >= threshold].mean()) if kept else 0.0
    return replace(learned, threshold=threshold, kept=kept, stated=stated, binding=kept < 1.0)
