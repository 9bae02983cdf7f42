"""Answers in exact normal form, without a computer algebra system: numbers and plain words.

`read_answer` gives None for what it does not fully understand; that goes to math-verify. Of two
answers that it does understand, `compare_forms` says whether they are the same, or None for cases
that people grade both ways (0.67 for 2/3, 180 minutes for 3). Units are compared before, by
`pipeline.grading.units`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.grading.units import measures, unit_of

MAX_DIGITS = 60
_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"([-+]?)\s?({_NUMBER})(?:\s?/\s?(\d+))?\s?(%?)\s?(.*)", re.S)
_MIXED = re.compile(r"([-+]?)(\d+) (\d+)/(\d+)")
_FRAC = re.compile(r"([-+]?)\\[dtc]?frac(?:\{(-?\d+)\}\{(-?\d+)\}|(\d)(\d))")
_UNIT = re.compile(r"[A-Za-z][A-Za-z ./-]{0,60}")
_POWER = re.compile(r" ?\^ ?\{?[23]\}?\Z")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W\d_]+){0,7}")
_WRAPPED = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\{([^{}]*)\}")
_SPACING = re.compile(r"(\\\\)|\\[,;: ]|~|\s+")
_NO_SPACE = re.compile(r"(\\\\)|\\!\s*")
_NO_UNIT = re.compile(
    r"\b(hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pairs?|k|m|bn|percent|pct|"
    r"percentage|half|halves|thirds?|quarters?|more|less|times|and|or|to|plus|minus|of|squared|cubed|"
    r"is|are|was|were|be|no|not|never|but|if|correct|incorrect|wrong|sure|maybe|perhaps|seems|should|would|could)\b",
    re.I,
)
"""What makes the words after a number more than its unit: another scale, or a sentence."""
_FACTORS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280)
)
_TRUE = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_CLOSED_SETS = (frozenset({"yes", "no"}), frozenset("abcdefghij"))
"""Words of which each excludes the others: truth values, and the letters of choices."""
_NAME = re.compile(
    r"(?!(?:None|Zero|Nothing|Nobody|Neither|Never|Impossible|Undefined|Unknown|Infinit[ye]|"
    r"Unbounded|Both|All|Every|Same|Equal|Yes|No|True|False|Autumn|Fall)\Z)[A-Z][a-z]{2,}"
)
"""One word written like a proper name, less those for which another word may stand."""
_SYMBOLS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "×": "\\times ",
        "·": "\\cdot ",
        "π": "\\pi ",
        "²": "^2",
        "³": "^3",
        "≤": "\\le ",
        "≥": "\\ge ",
        "∞": "\\infty ",
        "°": " degrees ",
    }
)
_ROOT = re.compile(r"√(\d+)")
_PERCENT = re.compile(r"(?<=\d) ?(?:percent(?:age)?|pct)\b")
_PI = re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])")
_SPACED_GROUPS = re.compile(r"(?<![\d.,/])\d{1,3}(?: \d{3})+(?![\d,/])")


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as written: `places` decimals (None: no decimal point), its unit, a % sign."""

    value: Fraction
    places: int | None = None
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Words without case; `name` says that they were one word written like a proper name."""

    text: str
    name: bool = False


Form = Number | Words


def read_answer(answer: str) -> Form | None:
    """The normal form of an answer, or None where it isn't wholly understood."""
    text = tidy(answer)
    if len(text) > 200:
        return None
    return _read_number(text) or _read_words(text)


def tidy(answer: str) -> str:
    r"""In LaTeX and ASCII where possible, without $, \( \), spacing, \text{} and the last full stop."""
    text = answer.strip().removesuffix(".").rstrip()
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
    text = text.replace("\\$", "$").replace("^\\circ", " degrees ").translate(_SYMBOLS)
    text = _PERCENT.sub("%", _PI.sub(r"\\pi ", _ROOT.sub(r"\\sqrt{\1}", text)))
    text = _SPACING.sub(r"\1 ", text.strip("*_ ")).strip()
    text = _SPACED_GROUPS.sub(lambda group: group[0].replace(" ", ""), text)
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


def _read_words(text: str) -> Words | None:
    if len(text) == 3 and text[0] == "(" and text[2] == ")":
        text = text[1]  # a choice such as (B)
    if not _WORDS.fullmatch(text):
        return None
    folded = " ".join(text.casefold().split())
    return Words(_TRUE.get(folded, folded), name=_NAME.fullmatch(text) is not None)


def compare_forms(pred: Form, gold: Form) -> bool | None:
    """Same, different, or None: not clear."""
    if isinstance(pred, Words) and isinstance(gold, Words):
        return _compare_words(pred, gold)
    if isinstance(pred, Words) or isinstance(gold, Words):
        return None
    if pred.percent == gold.percent:
        return _compare_numbers(pred, gold)
    # "28" for "28%" and "0.28" for "28%" are both how people write it.
    readings = {_compare_numbers(pred, gold), _compare_numbers(_share(pred), _share(gold))}
    return True if True in readings else None if None in readings else False


def _compare_words(pred: Words, gold: Words) -> bool | None:
    """Other words may say the same; names that begin alike may be one name's long and short form."""
    if pred.text == gold.text:
        return True
    if any(pred.text in words and gold.text in words for words in _CLOSED_SETS):
        return False
    return False if pred.name and gold.name and pred.text[0] != gold.text[0] else None


def _share(number: Number) -> Number:
    """A percentage as a share of one."""
    if not number.percent:
        return number
    return replace(number, value=number.value / 100, places=(number.places or 0) + 2)


def _compare_numbers(pred: Number, gold: Number) -> bool | None:
    a, b = pred.value, gold.value
    if a == b or abs(a - b) <= Fraction(1, 10**6) * max(abs(a), abs(b)):
        return True
    units_differ = measures(pred.unit) != measures(gold.unit)
    if units_differ and a and b and max(a / b, b / a) in _FACTORS:
        return None  # as far apart as minutes and hours, and one of them does not say which
    return None if _rounded(pred, gold) or _rounded(gold, pred) else False


def _rounded(short: Number, exact: Number) -> bool:
    """Is `short` the value of `exact` rounded to the places that `short` shows (at least two)?"""
    if short.places is None or short.places < 2:
        return False
    if exact.places is not None and exact.places <= short.places:
        return False
    return abs(short.value - exact.value) <= Fraction(1, 10**short.places)
