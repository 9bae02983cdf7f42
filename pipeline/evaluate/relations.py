"""How what was named lies to the truth: on it, before it, after it, or one of them "no error"."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from pipeline.evaluate.panel import UNDECIDED, Bools, Ints
from pipeline.records import NO_ERROR


class Relation(StrEnum):
    """EARLY and LATE are by two steps or more; MISSED: "no error" where there is one; FALSE_ALARM:
    an error where there is none."""

    EXACT = "exact"
    ONE_EARLY = "one early"
    EARLY = "early"
    ONE_LATE = "one late"
    LATE = "late"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    UNDECIDED = "undecided"


ORDER = tuple(Relation)
OUTCOMES = ("right", "wrong", "undecided")
"""Of the final answer, as the tables say it."""


class Confusion(NamedTuple):
    """How many solutions stand in each relation. `by`: "all", "outcome" or "level"; `of`: which."""

    by: str
    of: str
    n: int
    counts: dict[Relation, int]


def relations(named: Ints, gold: Ints) -> Ints:
    """The place of each solution's relation in ORDER, shape [n]."""
    gap = named - gold
    cases: list[tuple[Bools, Relation]] = [
        (named == UNDECIDED, Relation.UNDECIDED),
        (named == gold, Relation.EXACT),
        (named == NO_ERROR, Relation.MISSED),
        (gold == NO_ERROR, Relation.FALSE_ALARM),
        (gap == -1, Relation.ONE_EARLY),
        (gap < -1, Relation.EARLY),
        (gap == 1, Relation.ONE_LATE),
    ]
    places = [ORDER.index(relation) for _, relation in cases]
    found = np.select([case for case, _ in cases], places, ORDER.index(Relation.LATE))
    return found.astype(np.int64)


def confusion(
    named: Ints, gold: Ints, outcomes: Sequence[str] = (), levels: Sequence[str] = ()
) -> tuple[Confusion, ...]:
    """Over all solutions, then for each outcome and each level that there is ("" is left out)."""
    found = relations(named, gold)
    tables = [_table("all", "all", np.bincount(found, minlength=len(ORDER)).tolist())]
    for by, texts in (("outcome", outcomes), ("level", levels)):
        kinds, places = _coded(texts)
        cells = np.bincount(
            places * len(ORDER) + found[: len(places)], minlength=len(kinds) * len(ORDER)
        )
        counted = dict(zip(kinds, cells.reshape(-1, len(ORDER)).tolist(), strict=True))
        tables += [_table(by, kind, counted[kind]) for kind in sorted(kinds, key=_order) if kind]
    return tuple(tables)


def _coded(texts: Sequence[str]) -> tuple[list[str], Ints]:
    """The different texts, and the place among them of each."""
    kinds = list(dict.fromkeys(texts))
    places = {kind: place for place, kind in enumerate(kinds)}
    return kinds, np.array([places[text] for text in texts], dtype=np.int64)


def _table(by: str, of: str, counts: Sequence[int]) -> Confusion:
    return Confusion(by, of, sum(counts), dict(zip(ORDER, counts, strict=True)))


def _order(text: str) -> tuple[int, int, str]:
    """Outcomes as they are told, numbers by value, then other texts."""
    if text in OUTCOMES:
        return 0, OUTCOMES.index(text), text
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return (1, int(text), text) if is_number else (2, 0, text)
