"""Rows of a cascade replayed on verdicts of a whole panel, its votes kept apart: labels of both forced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.config import CascadeConfig
from pipeline.consensus.cascade import Cascade, Facts, learn
from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.expected import tokens_of, with_first_votes
from pipeline.consensus.learning import Learned, learned_from
from pipeline.consensus.replay import Replayed, replay
from pipeline.evaluate.panel import Bools, Floats, Ints
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, content_hash
from tests.benchmarks.consensus.rules import COUNTING
from tests.benchmarks.consensus.tables import row
from tests.benchmarks.report import Row

PRECISION = 0.95


class Ended(NamedTuple):
    """Where a cascade left the solutions, its pilot first: what was heard, and tokens (n,)."""

    items: list[Annotated]
    tokens: Floats
    replayed: list[Replayed]


def cascaded(
    section: str,
    panel: str,
    items: Sequence[Annotated],
    truth: Ints,
    witnesses: Sequence[str],
    pilot_size: int,
    bootstrap: Bootstrap,
    options: CascadeConfig | None = None,
) -> Iterator[Row]:
    """`items`: every witness was heard of each, and of a judge every vote. The whole panel learns from the
    first `pilot_size` of them, the cascade from those of its own pilot."""
    options = options or CascadeConfig()
    size = min(options.pilot, len(items))
    facts = learn(items[:size], [None] * size, witnesses, learned_of(items[:size], witnesses))
    whole = forced(items, witnesses, learned_of(items[:pilot_size], witnesses))
    all_tokens = np.array([tokens_of(item.verdicts) for item in items], dtype=np.float64)
    mine = ended(items, size, facts, witnesses, options)
    named = forced(mine.items, witnesses, facts.learned)
    at = f"{panel}: cascade (pilot {size})"
    spread = f"spread {facts.learned.spread:.4f}"
    yield Row(section, f"{at}: identified", "yes" if facts.learned.identified else "no", spread)
    yield row(section, f"{panel}: whole panel's F1", f1(bootstrap, truth, whole == truth))
    yield row(section, f"{at}: F1", f1(bootstrap, truth, named == truth))
    less = f1_less(bootstrap, truth, named == truth, whole == truth)
    yield row(section, f"{at}: F1 less the whole panel's", less, "lower bound >= -.01")
    share = bootstrap.ratio(mine.tokens, all_tokens)
    yield row(section, f"{at}: share of its tokens, the pilot's too", share, "<= .40")
    later = np.arange(len(items)) >= size
    rest = bootstrap.ratio(mine.tokens * later, all_tokens * later)
    yield row(section, f"{at}: share of its tokens after the pilot", rest)
    budget = float(mine.tokens[size:].sum())
    chance = ended(items, size, facts, witnesses, options, by_chance=budget)
    at_random = forced(chance.items, witnesses, facts.learned)
    yield row(
        section,
        f"{at}: F1 in random order at equal tokens",
        f1(bootstrap, truth, at_random == truth),
    )
    less = f1_less(bootstrap, truth, named == truth, at_random == truth)
    yield row(section, f"{at}: F1 less that of a random order", less, "lower bound > 0")
    stops = Counter(one.stop for one in mine.replayed)
    heard = Counter(_heard(one.item, witnesses) for one in mine.replayed)
    for what, count in (*stops.most_common(), *heard.most_common(8)):
        yield Row(
            section, f"{at}: {what}", round(count / len(mine.replayed), 4), n=len(mine.replayed)
        )


def learned_of(pilot: Sequence[Annotated], witnesses: Sequence[str]) -> Learned:
    rows = [Evidence.of(item, witnesses, COUNTING) for item in pilot]
    nothing = [None] * len(pilot)
    return with_first_votes(
        learned_from(rows, nothing, COUNTING, PRECISION), pilot, nothing, witnesses
    )


def forced(items: Sequence[Annotated], witnesses: Sequence[str], learned: Learned) -> Ints:
    """The likeliest first error of each, however sure (n,)."""
    known = learned.priors.reliability
    rows = [Evidence.of(item, witnesses, learned.counting, known) for item in items]
    return np.array([int(p.argmax()) + NO_ERROR for p in posteriors_of(rows, learned.priors)])


def ended(
    items: Sequence[Annotated],
    size: int,
    facts: Facts,
    witnesses: Sequence[str],
    options: CascadeConfig,
    by_chance: float | None = None,
) -> Ended:
    """After the pilot of `size`. `by_chance`: tokens for a random order."""
    draw = None if by_chance is None else _draw
    cascade = Cascade(facts, witnesses, options.confidence, options.worth, draw)
    replayed = replay(items[size:], cascade, by_chance)
    heard = [*items[:size], *(one.item for one in replayed)]
    return Ended(heard, np.array([float(tokens_of(i.verdicts)) for i in heard]), replayed)


def f1(bootstrap: Bootstrap, truth: Ints, right: Bools) -> Figure:
    """ProcessBench's: the harmonic mean of how often solutions with and without an error are right."""
    return bootstrap.figure(_moments(truth, right), _f1, len(truth))


def f1_less(bootstrap: Bootstrap, truth: Ints, right: Bools, other: Bools) -> Figure:
    """The first's F1 less the other's, on the same draws."""
    moments = np.concatenate([_moments(truth, right), _moments(truth, other)], 1)
    return bootstrap.figure(moments, lambda s: _f1(s[:, :4]) - _f1(s[:, 4:]), len(truth))


def _moments(truth: Ints, right: Bools) -> Floats:
    flawed = truth != NO_ERROR
    return np.stack([right & flawed, flawed, right & ~flawed, ~flawed], 1).astype(np.float64)


def _f1(sums: Floats) -> Floats:
    flawed, clean = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    return np.asarray(2 * flawed * clean / (flawed + clean))


def _heard(item: Annotated, witnesses: Sequence[str]) -> str:
    """What was asked of one solution, in words."""
    told = [
        f"{name} x {len(verdict.votes)}" if verdict.votes else name
        for name in witnesses
        if (verdict := item.verdicts.get(name)) is not None and verdict.cost.completion_tokens
    ]
    return "heard " + (", ".join(told) or "nothing that costs")


def _draw(key: str) -> float:
    return int(content_hash("random order", key), 16) / 16**16
