"""Numbers that a step says it has from the problem ("the problem says … 15") or from an earlier step
("40 (from step 2)"). All other numbers are let be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from annotators import wording
from annotators.equality import close

MAX_CHARS = 20_000
MAX_REFERENCES = 20
"""Of a step."""
MAX_NUMBERS = 40
"""Of the problem's, that are combined with each other."""

_DIGITS = r"[$€£]?\d{1,9}(?:,\d{3}){0,3}(?:\.\d{1,9})?"
_NUMBER = re.compile(rf"(?<![\w.,/^_:]){_DIGITS}(?![\w/^:]|[.,]\d)")
_ANY_NUMBER = re.compile(r"\d{1,15}(?:,\d{3}){0,3}(?:\.\d{1,9})?")
_WORD = re.compile(r"[A-Za-z]+")
_PROBLEM_SAYS = re.compile(
    r"\b(?:(?:the )?(?:problem|question) (?:says|states|tells us|mentions|gives|said|stated)|"
    r"according to the (?:problem|question)|(?:as )?(?:given|stated) in the (?:problem|question))\b",
    re.I,
)
_CLAUSE_ENDS = re.compile(
    r"[:;\n=?!]|\.(?!\d)|\b(?:which|so|meaning|means|then|therefore|thus|represents?)\b", re.I
)
_STEP_FOUND = re.compile(
    r"\b(?:from |in )?step (\d{1,2})\)?,? (?:we )?(?:found|gave|gives|calculated|got|have|shows|showed)"
    r" (?:that )?(?:(?:the|there|it|he|she|they|is|are|was|were|has|had|as|be) ){0,3}"
    rf"(?P<number>{_DIGITS})(?![\w/^:%]|[.,]\d)|"
    rf"(?<![\w.,/^_:])(?P<before>{_DIGITS}) "
    r"(?:[a-z]{1,20} ){0,2}\(?(?:from|found in|calculated in|in) step (\d{1,2})\b",
    re.I,
)
_SUPPOSED = re.compile(r"\b(?:if|suppose|assum\w+|would)\b", re.I)
_WORDS = (
    "zero|one once single|two twice double half pair couple second|three triple thrice third|"
    "four quarter fourth|five fifth|six sixth|seven|eight|nine|ten|eleven|twelve dozen|thirteen|"
    "fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORTH = {word: n for n, words in enumerate(_WORDS.split("|")) for word in words.split()} | {
    word: 10 * n for n, word in enumerate(_TENS.split("|"), 2)
}
_SCALES = frozenset(map(Fraction, (7, 12, 24, 30, 52, 60, 100, 365, 1000, 3600, 10**6)))


@dataclass(frozen=True, slots=True)
class Copy:
    """Characters start..end of a step: a number that is said to stand elsewhere. `expected` is what
    stands there, or nothing where no such number does; `agrees` says that it is the same."""

    start: int
    end: int
    agrees: bool
    expected: str | None = None


def numbers_in(text: str) -> set[Fraction]:
    """Every number of a text, digits or words."""
    found = {_value(m[0]) for m in _ANY_NUMBER.finditer(text[:MAX_CHARS])}
    words = (m[0].lower().removesuffix("s") for m in _WORD.finditer(text[:MAX_CHARS]))
    return found | {Fraction(_WORTH[word]) for word in words if word in _WORTH}


class References:
    """The numbers of a problem and of the steps that were read, and what refers to them."""

    def __init__(self, problem: str) -> None:
        self._stated = numbers_in(problem)
        self._known = _combined(self._stated)
        """What the problem states, what one operation makes of it, and what earlier steps hold."""
        self._steps: list[set[Fraction]] = []

    def read(self, step: str) -> list[Copy]:
        """What the step says it has from elsewhere; then learns its numbers."""
        own = numbers_in(step)
        found = [*self._from_problem(step[:MAX_CHARS]), *self._from_steps(step[:MAX_CHARS])]
        self._steps.append(own)
        self._known |= own
        return found

    def _from_problem(self, step: str) -> Iterator[Copy]:
        """Against the problem's own numbers and what follows from them at once."""
        for says in islice(_PROBLEM_SAYS.finditer(step), MAX_REFERENCES):
            rest = step[says.end() : says.end() + wording.WINDOW]
            ends = _CLAUSE_ENDS.search(rest)
            clause = rest[: ends.start()] if ends else rest
            if taken_back(step, says.start(), says.end()):
                continue
            for number in _NUMBER.finditer(clause):
                value = _value(number[0])
                start, end = says.end() + number.start(), says.end() + number.end()
                if value in self._stated:
                    yield Copy(start, end, True)
                elif clause[number.end() :].lstrip("\\ ")[:1] not in tuple("%*+-×"):
                    before = numbers_in(step[: says.start()])
                    if value > 2 and value not in self._known | before:
                        yield Copy(start, end, False)

    def _from_steps(self, step: str) -> Iterator[Copy]:
        """Steps are counted from 1; of scaled and rounded values nothing is said."""
        for match in islice(_STEP_FOUND.finditer(step), MAX_REFERENCES):
            group = "number" if match["number"] else "before"
            index = int(match[1] or match[4]) - 1
            if not 0 <= index < len(self._steps) or taken_back(step, *match.span()):
                continue
            there, value = self._steps[index], _value(match[group])
            if value in there:
                yield Copy(*match.span(group), True)
            elif not any(scaled(value, other) for other in there):
                yield Copy(*match.span(group), False)


def _combined(stated: set[Fraction]) -> set[Fraction]:
    """The numbers, each two of them added, subtracted, multiplied and divided, and other units."""
    base = sorted(stated)[:MAX_NUMBERS]
    found = set(stated)
    for a in base:
        found |= {a + b for b in base} | {a - b for b in base}
        for b in (*base, *_SCALES):
            found |= {a * b, a / b} if b else set()
    return found


def _value(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").lstrip("$€£"))


def scaled(a: Fraction, b: Fraction) -> bool:
    """The same in another unit, or rounded?"""
    if not a or not b:
        return a == b
    return max(a / b, b / a) in _SCALES or close(a, b, 100)


def taken_back(step: str, start: int, end: int) -> bool:
    """Is what stands there supposed or taken back by the text around it?"""
    before = step[max(0, start - wording.WINDOW) : start]
    around = before + step[end : end + wording.WINDOW]
    return bool(wording.TAKEN_BACK.search(around) or _SUPPOSED.search(before[-60:]))
