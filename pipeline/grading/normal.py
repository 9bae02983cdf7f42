"""Answers in exact normal form, without a computer algebra system: numbers and plain words.

`read_answer` gives None for what it does not fully understand; that goes to math-verify. Of two
answers that it does understand, `compare_forms` says whether they are the same, or None for cases
that people grade both ways (0.67 for 2/3, 180 minutes for 3 hours).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 60
_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"([-+]?)\s?({_NUMBER})(?:\s?/\s?(\d+))?\s?(%?)\s?(.*)", re.S)
_MIXED = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_FRAC = re.compile(r"([-+]?)\\[dtc]?frac(?:\{(-?\d+)\}\{(-?\d+)\}|(\d)(\d))")
_UNIT = re.compile(r"[A-Za-z][A-Za-z ./-]{0,60}")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,7}")
_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_SPACING = re.compile(r"(\\\\)|\\[,;: ]|~|\s+")
_NO_SPACE = re.compile(r"(\\\\)|\\!\s*")
_SCALES = re.compile(
    r"\b(hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pairs?|k|m|bn|percent|pct|"
    r"percentage|half|halves|thirds?|quarters?|more|less|times|and|or|to|plus|minus|of|squared|cubed)\b",
    re.I,
)
_FACTORS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280)
)
_CONVERTIBLE = re.compile(
    r"\$|\b(cents?|dollars?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|inch|inches|feet|foot|"
    r"yards?|miles?|[cmk]?m|(?:centi|kilo|milli)?met(?:er|re)s?|[km]?g|(?:kilo|milli)?grams?|"
    r"ounces?|pounds?|lbs?|oz|ml|(?:milli)?lit(?:er|re)s?|degrees?|s|h|min|hrs?|secs?|mins?)\b",
    re.I,
)
_TRUE = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as written: `places` decimals (None: no decimal point), its unit, a % sign."""

    value: Fraction
    places: int | None = None
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    text: str


Form = Number | Words


def read_answer(answer: str) -> Form | None:
    """The normal form of an answer, or None where it isn't wholly understood."""
    text = tidy(answer)
    if len(text) > 200:
        return None
    return _read_number(text) or _read_words(text)


def tidy(answer: str) -> str:
    r"""Without $, \( \), spacing commands, \text{} around words, and the last full stop."""
    text = answer.strip()
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")):
        if (
            text.startswith(opening)
            and text.endswith(closing)
            and len(text) > len(opening + closing)
        ):
            text = text[len(opening) : -len(closing)]
            break
    text = _WRAPPED.sub(r" \1 ", text)
    text = _NO_SPACE.sub(r"\1", text).replace("{,}", ",").replace("\\%", "%")
    text = text.replace("\\$", "$").replace("\N{MINUS SIGN}", "-").replace("^\\circ", " degrees")
    text = _SPACING.sub(r"\1 ", text.strip("*_ ")).strip()
    return text[:-1].rstrip() if text.endswith(".") else text


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
    if unit and (not _UNIT.fullmatch(unit) or _SCALES.search(unit) or _glued_variable(text, unit)):
        return None
    if bottom is not None:
        ratio = _ratio(sign, digits.replace(",", ""), bottom) if "." not in digits else None
        return ratio and Number(ratio.value, None, unit or "$" * money, bool(percent))
    value = Fraction(digits.replace(",", "").rstrip("."))
    _, dot, decimals = digits.partition(".")
    return Number(
        -value if sign == "-" else value,
        len(decimals) if dot else None,
        unit.casefold().strip(" .") or "$" * money,
        bool(percent),
    )


def _glued_variable(text: str, unit: str) -> bool:
    """`2x` and `3 n` are algebra, not a number with a unit."""
    return len(unit.strip(" .")) == 1 or (text.endswith(unit) and len(unit.split()[0]) == 1)


def _ratio(sign: str, top: str, bottom: str) -> Number | None:
    if max(len(top), len(bottom)) > MAX_DIGITS or int(bottom) == 0:
        return None
    value = Fraction(int(top), int(bottom))
    return Number(-value if sign == "-" else value)


def _read_words(text: str) -> Words | None:
    if len(text) == 3 and text[0] == "(" and text[2] == ")":
        text = text[1]  # a choice such as (B)
    if not _WORDS.fullmatch(text):
        return None
    folded = " ".join(text.casefold().split())
    return Words(_TRUE.get(folded, folded))


def compare_forms(pred: Form, gold: Form) -> bool | None:
    """Same, different, or None: not clear."""
    if isinstance(pred, Words) and isinstance(gold, Words):
        if pred.text == gold.text:
            return True
        return False if " " not in pred.text + gold.text else None
    if isinstance(pred, Words) or isinstance(gold, Words):
        return None
    return _compare_numbers(pred, gold)


def _compare_numbers(pred: Number, gold: Number) -> bool | None:
    a, b = pred.value, gold.value
    if pred.percent != gold.percent:
        # "28" for "28%" and "0.28" for "28%" are both how people write it.
        a, b = (
            (a, b) if a == b else (a / 100 if pred.percent else a, b / 100 if gold.percent else b)
        )
    if a == b or abs(a - b) <= Fraction(1, 10**6) * max(abs(a), abs(b)):
        return True
    convertible = any(_CONVERTIBLE.search(side.unit) for side in (pred, gold))
    if convertible and pred.unit != gold.unit and a and b and max(a / b, b / a) in _FACTORS:
        return (
            None  # as far apart as minutes and hours, and no telling whether the unit is the same
        )
    return None if _rounded(pred, gold) or _rounded(gold, pred) else False


def _rounded(short: Number, exact: Number) -> bool:
    """Is `short` the value of `exact` rounded to the places that `short` shows (at least two)?"""
    if short.places is None or short.places < 2:
        return False
    if exact.places is not None and exact.places <= short.places:
        return False
    return abs(short.value - exact.value) <= Fraction(1, 10**short.places)
