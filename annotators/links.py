"""Chains of equations in a text, cut into links: two neighbouring sides and the sign between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from annotators.edges import (
    Run,
    begins_in_doubt,
    ends_cleanly,
    ends_in_doubt,
    is_bullet,
    opens_cleanly,
)
from annotators.sides import Side, read_side
from annotators.tokenizer import tokenize
from annotators.tokens import MATHS, Kind, Token, singular

MODULUS = re.compile(r"\s{0,3}\\?\)?[,.]?\s{0,3}\(?\s?\\?[pb]?mod(?:ulo)?\s{0,3}\{?\s?(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Link:
    """Two neighbouring sides of a chain. `doubtful`: what stands beside keeps it from being a
    contradiction; `unit`: the word that follows, maybe one; `again`: it begins where another
    one ended."""

    left: Side
    relation: str
    right: Side
    doubtful: bool
    unit: str
    again: bool

    @property
    def start(self) -> int:
        return self.left.tokens[0].start

    @property
    def end(self) -> int:
        return self.right.tokens[-1].end


@dataclass(frozen=True, slots=True)
class Uncountable:
    """Characters start..end: a sum of plain numbers that has no value here, being too long or large."""

    start: int
    end: int


def find_links(text: str) -> Iterator[Link | Uncountable]:
    """In order, those of <<…>> notes last."""
    for tokens in _layers(tokenize(text)):
        for run in _runs(tokens):
            yield from _links(run, text)


def _layers(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The text without its <<…>> notes, then each note by itself."""
    outside: list[Token] = []
    notes: list[list[Token]] = []
    note: list[Token] | None = None
    for token in tokens:
        if token.kind is Kind.NOTE_OPEN:
            note = []
        elif token.kind is Kind.NOTE_CLOSE:
            if note:
                notes.append(note)
            note = None
        else:
            (outside if note is None else note).append(token)
    yield outside
    yield from notes


def _runs(tokens: Sequence[Token]) -> Iterator[Run]:
    at = 0
    while at < len(tokens):
        if tokens[at].kind not in MATHS:
            at += 1
            continue
        end, depth = at, 0
        while end < len(tokens) and tokens[end].kind in MATHS:
            depth += (tokens[end].kind is Kind.OPEN) - (tokens[end].kind is Kind.CLOSE)
            if depth < 0:
                break
            end += 1
        last = end
        while last > at and tokens[last - 1].kind is Kind.OPEN and tokens[last - 1].spaced:
            last -= 1  # "= 8 (apples)"
        run = tuple(tokens[at:last])
        if any(token.kind in (Kind.EQUALS, Kind.RELATION) for token in run):
            yield Run(run, tuple(tokens[max(0, at - 2) : at]), tuple(tokens[last : last + 8]))
        at = end + 1 if end < len(tokens) and depth < 0 else max(end, at + 1)


def _links(run: Run, text: str) -> Iterator[Link | Uncountable]:
    """The run's neighbouring sides."""
    parts: list[list[Token]] = [[]]
    relations: list[str] = []
    for token in run.tokens:
        if token.kind in (Kind.EQUALS, Kind.RELATION):
            relations.append(token.text)
            parts.append([])
        else:
            parts[-1].append(token)
    _unwrap(parts)
    if not opens_cleanly(run, parts[0], text):
        parts[0] = []
    elif is_bullet(parts[0], text):
        parts[0] = parts[0][1:]
    congruent = relations[-1] == "≡" and MODULUS.match(text, run.tokens[-1].end) is not None
    if not ends_cleanly(run) and not congruent:
        parts[-1] = []
    if sum(map(len, parts)) == max(map(len, parts)):
        return  # nothing to compare
    sides = [read_side(part) for part in parts]
    last = len(relations) - 1
    for at, relation in enumerate(relations):
        left, right = sides[at], sides[at + 1]
        if left is None or right is None:
            large = _uncountable(parts[at], left) or _uncountable(parts[at + 1], right)
            if large and parts[at] and parts[at + 1]:
                yield Uncountable(parts[at][0].start, parts[at + 1][-1].end)
            continue
        named = at == last and any(t.kind is Kind.WORD for t in run.after[:1])
        unit = singular(run.after[0].text) if named else ""
        doubtful = (at == 0 and begins_in_doubt(run, left)) or (at == last and ends_in_doubt(run))
        yield Link(left, relation, right, doubtful, unit, at > 0)


def _unwrap(parts: list[list[Token]]) -> None:
    """(5 + 3 = 8) and \\boxed{5 + 3 = 8} without what they stand in."""
    if len(parts) < 2:
        return
    while parts[0] and parts[-1] and parts[0][0].kind is Kind.OPEN:
        if _open(parts[0]) < 1 or _open(parts[-1]) > -1 or parts[-1][-1].kind is not Kind.CLOSE:
            break
        parts[0], parts[-1] = parts[0][1:], parts[-1][:-1]


def _open(part: Sequence[Token]) -> int:
    return sum((t.kind is Kind.OPEN) - (t.kind is Kind.CLOSE) for t in part)


def _uncountable(part: Sequence[Token], side: Side | None) -> bool:
    """Is it a sum of plain numbers that has no value here: too long, too large, division by zero?"""
    return side is None and len(part) > 2 and part[0].kind in (Kind.NUMBER, Kind.OPEN)
