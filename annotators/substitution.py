"""Numbers set in for names: `Price * Boxes = 12 * 4` after an earlier step's `Price = 12`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from annotators.references import MAX_CHARS, Copy, scaled, taken_back
from annotators.tokenizer import tokenize
from annotators.tokens import Kind, Token
from annotators.wording import words as word_set

MAX_NAME_WORDS = 8
MAX_NAMES = 300
"""Of a solution."""
_FILLERS = word_set("so then thus therefore hence now the a an we have get find that is our")


@dataclass(frozen=True, slots=True)
class _Item:
    """A name, a number or a sign of a written formula."""

    kind: str
    text: str
    value: Fraction
    start: int
    end: int


class Names:
    """What the names of a solution's formulas were given, step after step. A name with two values
    has none."""

    def __init__(self) -> None:
        self._values: dict[str, Fraction | None] = {}

    def read(self, step: str) -> Iterator[Copy]:
        """The numbers that are set in for names of earlier steps; then learns the names of this one."""
        chains = list(_chains(step[:MAX_CHARS]))
        defined = [pair for chain in chains if (pair := _definition(chain)) is not None]
        here = {name for name, _ in defined}
        for chain in chains:
            for left, right in pairwise(chain):
                yield from self._set_in(left, right, here, step)
        for name, value in defined[: MAX_NAMES - len(self._values)]:
            self._values[name] = value if self._values.get(name, value) == value else None

    def _set_in(
        self, left: Sequence[_Item], right: Sequence[_Item], here: set[str], step: str
    ) -> Iterator[Copy]:
        if len(left) != len(right) or len(left) < 3 or not any(i.kind == "name" for i in left):
            return
        for a, b in zip(left, right, strict=True):
            if b.kind == "name" or (a.kind == "sign") != (b.kind == "sign"):
                return
            if (a.kind == "sign" and a.text != b.text) or (
                a.kind == "number" and a.value != b.value
            ):
                return
        names = [(a, b) for a, b in zip(left, right, strict=True) if a.kind == "name"]
        known = {a.text: self._values.get(a.text) for a, _ in names}
        if taken_back(step, left[0].start, right[-1].end):
            return
        for a, b in names:
            value = known[a.text]
            if value is None or any(_ends_in(name, a.text) for name in here):
                continue
            if value == b.value:
                yield Copy(b.start, b.end, True)
            elif not (
                b.value in known.values()
                or scaled(value, b.value)
                or any(v == b.value and _ends_in(name, a.text) for name, v in self._values.items())
            ):
                yield Copy(b.start, b.end, False, str(value))


def _ends_in(name: str, other: str) -> bool:
    """May "new price" be meant where "price" is said?"""
    return name == other or name.endswith(" " + other)


def _chains(text: str) -> Iterator[list[list[_Item]]]:
    """The sides of each written formula: names, numbers and signs between stops."""
    sides: list[list[_Item]] = [[]]
    for item in (*_items(tokenize(text)), _Item("stop", "", Fraction(0), 0, 0)):
        if item.kind == "stop":
            if len(sides) > 1:
                yield [_folded(side) for side in sides]
            sides = [[]]
        elif item.kind == "equals":
            sides.append([])
        elif item.kind == "name" and sides[-1] and sides[-1][-1].kind == "number":
            continue  # its unit
        else:
            sides[-1].append(item)


def _folded(side: Sequence[_Item]) -> list[_Item]:
    """With (-3), (3) and a leading -3 as numbers."""
    found: list[_Item] = []
    for item in side:
        found.append(item)
        last = found[-2:]
        if [i.kind for i in last] == ["sign", "number"] and last[0].text == "-":
            if len(found) == 2 or (found[-3].kind == "sign" and found[-3].text != ")"):
                found[-2:] = [_Item("number", "", -last[1].value, last[0].start, last[1].end)]
        elif [i.text for i in found[-3::2]] == ["(", ")"] and found[-2].kind == "number":
            found[-3:] = [found[-2]]
    return found


def _items(tokens: Sequence[Token]) -> Iterator[_Item]:
    words: list[Token] = []
    noted = False
    for token in tokens:
        noted = token.kind is Kind.NOTE_OPEN or (noted and token.kind is not Kind.NOTE_CLOSE)
        if noted or token.kind is Kind.NOTE_CLOSE:
            continue
        if token.kind in (Kind.WORD, Kind.UNIT, Kind.VARIABLE):
            if words and token.kind is Kind.VARIABLE:  # "the sum is A + B"
                yield _Item("stop", "", Fraction(0), token.start, token.start)
                words = []
            words.append(token)
            continue
        if words:
            yield _name(words)
            words = []
        if token.kind is Kind.NUMBER and not token.percent:
            yield _Item("number", token.text, Fraction(token.text), token.start, token.end)
        elif token.kind in (Kind.OPERATOR, Kind.OPEN, Kind.CLOSE):
            yield _Item("sign", token.text, Fraction(0), token.start, token.end)
        elif token.kind is Kind.EQUALS:
            yield _Item("equals", "=", Fraction(0), token.start, token.end)
        else:
            yield _Item("stop", "", Fraction(0), token.start, token.end)
    if words:
        yield _name(words)


def _name(words: Sequence[Token]) -> _Item:
    texts = [word for token in words for word in token.text.split()]
    if not any(token.kind is Kind.VARIABLE for token in words):
        texts = [text.lower() for text in texts]
    while len(texts) > 1 and texts[0] in _FILLERS:
        texts = texts[1:]
    kind = "name" if len(texts) <= MAX_NAME_WORDS else "stop"
    return _Item(kind, " ".join(texts), Fraction(0), words[0].start, words[-1].end)


def _definition(chain: Sequence[Sequence[_Item]]) -> tuple[str, Fraction] | None:
    first, last = chain[0], chain[-1]
    if len(first) != 1 or first[0].kind != "name":
        return None
    sign = -1 if last and last[0].text == "-" and last[0].kind == "sign" else 1
    rest = list(last[1:] if sign < 0 else last)
    while len(rest) > 2 and rest[0].text in "({" and rest[-1].text in ")}":
        rest = rest[1:-1]
    if len(rest) != 1 or rest[0].kind != "number":
        return None
    return first[0].text, sign * rest[0].value
