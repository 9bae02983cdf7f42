"""Answers in exact normal form, without a computer algebra system: numbers and plain words.

`read_answer` gives None for what it does not fully understand; that goes to math-verify. Of two
answers that it does understand, `compare_forms` says whether they are the same, or None for cases
that people grade both ways (0.67 for 2/3, 180 minutes for 3). Units are compared before, by
`pipeline.grading.units`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.grading.notation import tidy
from pipeline.grading.units import measures, unit_of
from pipeline.grading.words import (
    Choice,
    Words,
    compare_choices,
    compare_words,
    is_no_number,
    read_choice,
    read_words,
)

MAX_DIGITS = 60
NOISE = 10**10
"""What part of a value the noise of a float is, at most."""
_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"([-+]?)\s?({_NUMBER})(?:\s?/\s?(\d+))?\s?(%?)\s?(.*)", re.S)
_MIXED = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_FRAC = re.compile(r"([-+]?)\\[dtc]?frac(?:\{(-?\d+)\}\{(-?\d+)\}|(\d)(\d))")
_UNIT = re.compile(r"[A-Za-z][A-Za-z ./-]{0,60}")
_POWER = re.compile(r" ?\^ ?\{?[23]\}?\Z")
_NO_UNIT = re.compile(
    r"\b(hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pairs?|k|m|bn|percent|pct|"
    r"percentage|half|halves|thirds?|quarters?|more|less|times|"
    r"(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|[a-z]{3,6}teen|[a-z]{3,5}tie|hundred|thousand|"
    r"million|billion|trillion)ths?|score|gross|below|above|under|over|negative|zero|factorial|power|"
    r"inverse|reciprocals?|choose|mod|modulo|base|divided|than|"
    r"and|or|to|plus|minus|of|squared|cubed|"
    r"is|are|was|were|be|no|not|never|but|if|correct|incorrect|wrong|sure|maybe|perhaps|seems|should|would|could)\b",
    re.I,
)
"""What makes the words after a number more than its unit: another scale, or a sentence."""
CONVERSIONS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280)
) | {Fraction(180 / math.pi)}
"""How far apart one quantity in two units may be."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as written: `places` decimals (None: no decimal point), its unit, a % sign."""

    value: Fraction
    places: int | None = None
    unit: str = ""
    percent: bool = False


Form = Number | Words | Choice


def read_answer(answer: str) -> Form | None:
    """The normal form of an answer, or None where it isn't wholly understood."""
    return read_tidied(tidy(answer))


def read_tidied(text: str) -> Form | None:
    """`read_answer` of a text that `tidy` gave."""
    if len(text) > 200:
        return None
    return _read_number(text) or read_choice(text) or read_words(text)


def _read_number(text: str) -> Number | None:
    money = "$" in text
    if money:
        if text.count("$") > 1 or not re.match(r"[-+]?\s?\$", text):
            return None
        text = text.replace("$", "", 1).strip()
    if fraction := _FRAC.fullmatch(text):
        top, bottom = fraction[2] or fraction[4], fraction[3] or fraction[5]
        return _ratio(fraction[1], top, bottom)
    if mixed := _MIXED.fullmatch(text):
        part = _ratio("", mixed[3], mixed[4])
        if part is None or len(mixed[2]) > MAX_DIGITS:
            return None
        value = int(mixed[2]) + part.value
        return Number(-value if mixed[1] == "-" else value)
    match = _PLAIN.fullmatch(text)
    if match is None or len(match[2]) > MAX_DIGITS:
        return None
    sign, digits, bottom, percent, unit = match.groups()
    if unit and not _is_unit(unit, glued=text[-len(unit) - 1].isdigit()):
        return None
    unit = ("$ " * money + unit.casefold()).strip(" .")
    if bottom is not None:
        ratio = _ratio(sign, digits.replace(",", ""), bottom) if "." not in digits else None
        return ratio and replace(ratio, unit=unit, percent=bool(percent))
    value = Fraction(digits.replace(",", "").rstrip("."))
    _, dot, decimals = digits.partition(".")
    return Number(
        -value if sign == "-" else value, len(decimals) if dot else None, unit, bool(percent)
    )


def _is_unit(unit: str, glued: bool) -> bool:
    """`2x`, `3 n`, `4xy` and `5 x^2` are algebra, not numbers with a unit; `5cm^2` is one."""
    words = _POWER.sub("", unit)
    if _NO_UNIT.search(words) or not _UNIT.fullmatch(words) or len(words.split()[0]) == 1:
        return False
    return unit_of(words) is not None or (not glued and words == unit)


def _ratio(sign: str, top: str, bottom: str) -> Number | None:
    if max(len(top), len(bottom)) > MAX_DIGITS or int(bottom) == 0:
        return None
    value = Fraction(int(top), int(bottom))
    return Number(-value if sign == "-" else value)


def compare_forms(pred: Form, gold: Form, decimals: int = 4) -> bool | None:
    """Same, different, or None: not clear."""
    if isinstance(pred, Words) and isinstance(gold, Words):
        return compare_words(pred, gold)
    if not isinstance(pred, Number) and not isinstance(gold, Number):
        return compare_choices(pred, gold)
    if not isinstance(pred, Number) or not isinstance(gold, Number):
        value, words = (pred, gold) if isinstance(pred, Number) else (gold, pred)
        if isinstance(words, Choice):
            says = _read_number(words.text)
            return True if says and compare_forms(value, says, decimals) else None
        return False if isinstance(words, Words) and is_no_number(words) else None
    if pred.percent == gold.percent:
        return _compare_numbers(pred, gold, decimals)
    # "28" for "28%" and "0.28" for "28%" are both how people write it; $28 is neither.
    same = any_true(
        [
            _compare_numbers(pred, gold, decimals),
            _compare_numbers(_share(pred), _share(gold), decimals),
        ]
    )
    return None if same and (gold if pred.percent else pred).unit else same


def _share(number: Number) -> Number:
    """A percentage as a share of one."""
    if not number.percent:
        return number
    return replace(number, value=number.value / 100, places=(number.places or 0) + 2)


def _compare_numbers(pred: Number, gold: Number, decimals: int) -> bool | None:
    a, b = pred.value, gold.value
    if a == b:
        return True
    places, whole = max(pred.places or 0, gold.places or 0), a.denominator == b.denominator == 1
    off, size = abs(a - b), max(abs(a), abs(b))
    if places >= 6 and not whole and off <= size / 10**6:
        ratio = any(x.places is None and x.value.denominator != 1 for x in (pred, gold))
        return True if ratio or off <= size / NOISE else None  # a float, or what was rounded
    units_differ = measures(pred.unit) != measures(gold.unit)
    if units_differ and a and b and max(a / b, b / a) in CONVERSIONS:
        return None  # as far apart as minutes and hours, and one of them does not say which
    return any_true(
        rounds(x.value, x.places, y.value, y.places, decimals)
        for x, y in ((pred, gold), (gold, pred))
    )


def any_true(found: Iterable[bool | None]) -> bool | None:
    """True where one is, else None where one isn't clear."""
    seen = set(found)
    return True if True in seen else None if None in seen else False


def rounds(
    short: Fraction, places: int | None, exact: Fraction, exact_places: int | None, decimals: int
) -> bool | None:
    """Does a decimal with `places` (two at least) stand for `exact`, rounded? True where `exact` is no
    decimal itself and `decimals` places or more are right; None where people grade both ways."""
    if places is None or places < 2 or (exact_places is not None and exact_places <= places):
        return False
    off = abs(short - exact)
    if off > Fraction(1, 10**places):
        return False
    near = off <= abs(exact) / 10**decimals
    rightly = off <= Fraction(51, 10 ** (places + 2)) and places >= decimals
    return True if exact_places is None and near and rightly else None
