"""Are two answers the same? Exact normal forms first, math-verify in a worker for the rest.

Three-valued: "same" or "different" is said only when both answers were wholly understood; math-verify,
which multiplies by a unit, may call different only what was read here as values, and isn't asked of what
can be read in two ways.
What is too large, too deep, or not mathematics is undecided, and never reaches sympy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.extract import find_answer
from pipeline.grading.nodes import Named, Node, Scalar
from pipeline.grading.normal import CONVERSIONS, Number, compare_forms, read_tidied
from pipeline.grading.pool import WorkerPool
from pipeline.grading.reading import Reading, listed, read_text
from pipeline.grading.same_structure import compare
from pipeline.grading.same_value import number_of
from pipeline.grading.sameness import Sameness
from pipeline.grading.units import measures, unit_of

UNCLEAR = "answers not clearly the same"
NOT_UNDERSTOOD = "an answer not understood"

MAX_LENGTH = 400
MAX_DEPTH = 12
MAX_DIGITS = 40
MAX_POWERS = 12

_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS + 1}}}")
_POWER = re.compile(r"\*\*|\^")
_BIG_POWER = re.compile(r"(?:\*\*|\^)\s?\{?\s?[-+]?\s?(?:\d{4}|\d{1,3}\s?\}?\s?(?:\*\*|\^))")
_BIG_FACTORIAL = re.compile(r"(?:\d{3}|[)}\]!])\s?!")
_COMMAND = re.compile(r"\\(?:text|mathrm|operatorname|begin|end)\{[A-Za-z ]{0,20}\}|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_MATHS_WORD = re.compile(
    r"sin|cos|tan|sec|csc|cot|log|ln|exp|sqrt|pi|and|or|in|arcsin|arccos|arctan|"
    r"[abc]{2,3}|[kmn]{2}|[pqr]{2,3}|[xyz]{2,3}"
)
"""Functions, and products of variables."""
_MISREAD = re.compile(r"[^\x00-\x7f]|'|\.[.(]|\\(?:overline|bar|dot)\b|\d[eE][-+]?\d")
"""What a parser reads as something else, or drops: other scripts, primes, repeating decimals, 1e5."""
_CLOCK = re.compile(r"\b(?:[01]?\d|2[0-4]):[0-5]\d\b")
"""What may be a time of day: 2:30 is not 1:15, though their ratios are the same."""
_COMMA_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:[. ]\d{3})+),\d+ ?%?")
"""1,22 may be a decimal number or two values."""
_COMMA_GROUPS = re.compile(r"[. ](?=\d{3})")
_COMMA_DECIMAL = re.compile(r"[-+]?\d+,\d{2,}")
_DECIMAL = re.compile(r"\.\d\d")
_INEXACT = re.compile(
    r"frac|/|sqrt|pi\b|\^|ln|log|sin|cos|tan|sec|csc|cot|exp|(?<![a-z])e(?![a-z])"
)
_RELATION = re.compile(r"[<>]|\\(?:le|ge|lt|gt|leq|geq)(?:slant)?(?![a-z])")
_BASE = re.compile(r"(?<=\d)_\{?\w+\}?")
_SCALE = re.compile(r"\A[-+$]?[\d.,]+( ?(?:[A-Za-z]{2,3}|[A-Zabcdf-hj-mo-w])| [a-z])\Z")
"""A number with letters that may be a unit or a scale, as those that are no usual variable: parsers multiply
by them, or drop them, like a base."""
_AMIDST = re.compile(r"\d ?(?![xX] ?\d)[A-Za-z]{1,3} ?\d")
"""7R2, 5C2, 1h30m: letters between numbers are seldom factors."""
_CALL = re.compile(
    r"\\(?:(?:arc)?(?:sin|cos|tan|cot|csc|sec)|ln|log(?:_\{\d+\})?) ?\([^()]*\) ?/(?! ?\\)"
    r"|/ ?\d+ ?\\(?:arc)?(?:sin|cos|tan|cot|csc|sec|ln|log)"
)
"""sin(x)/2 and 1/2 sin(x): a parser may take what is divided, or what divides, for another part."""
_LOG, _LN = re.compile(r"\\log(?![_A-Za-z])"), re.compile(r"\\ln(?![A-Za-z])")
_INDEX = re.compile(r"_\{?\w+\}?")
_CODE = re.compile(r"(?=[A-Z0-9]{0,20}\d)(?:[A-Z]\d*){4,20}")
"""A plate or a serial number is no number."""
_MATHS = re.compile(r"[\d\\^_=<>+*/(\[{-]")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`same` is None when it is not clear; `reason` then says why."""

    same: bool | None
    reason: str | None = None


async def compare_answers(pred: str, gold: str, pool: WorkerPool, decimals: int = 4) -> Comparison:
    """Compare two final answers, or texts that say one. Symmetric. `decimals`: see
    `GradingConfig.decimals`. Raises PrerequisiteError when workers can't start."""
    return compare_here(pred, gold, decimals) or await _compare_elsewhere(
        answer_of(pred), answer_of(gold), pool
    )


def compare_here(pred: str, gold: str, decimals: int = 4) -> Comparison | None:
    """What can be said in this process, without a computer algebra system; None for the rest."""
    if pred.strip() == gold.strip():
        return Comparison(True)
    return compare_readings(answer_of(pred), answer_of(gold), decimals)


@lru_cache(1024)  # the gold answer, and what many attempts say
def answer_of(text: str) -> Reading:
    """The text where it can be read as an answer, else the answer that it says, if it says one."""
    reading = read_text(text)
    if reading.understood:
        return reading
    found = find_answer(text)
    return read_text(found.text) if found else reading


def compare_readings(one: Reading, other: Reading, decimals: int) -> Comparison | None:
    """Symmetric. None for what is left to a computer algebra system."""
    if one.text == other.text:
        return Comparison(True)
    measured = [measures(reading.text) for reading in (one, other)]
    if all(measured) and measured[0] != measured[1]:
        return Comparison(None, "units differ")
    if one.form is not None and other.form is not None:
        same = compare_forms(one.form, other.form, decimals)
        return Comparison(same, None if same is not None else UNCLEAR)
    if one.ambiguous or other.ambiguous:
        return Comparison(None, UNCLEAR)
    if _code_and_number(one, other):
        return Comparison(False)
    try:
        left, right = one.structure(), other.structure()
        found = compare(left, right, decimals)
    except NotUnderstood:
        return Comparison(None, UNCLEAR) if _about(one) or _about(other) else None
    timed = any(_CLOCK.search(reading.text) for reading in (one, other))
    if timed and _unnamed(left) != _unnamed(right):
        return Comparison(None, UNCLEAR)
    as_decimals = _as_decimals(one, other)
    if found is Sameness.SAME or as_decimals:
        return Comparison(True)
    if found is Sameness.DIFFERENT and not (
        as_decimals is None
        or _about(one)
        or _about(other)
        or _differ(_SCALE, one.text, other.text)
        or (measured[0] != measured[1] and _conversion(left, right))
    ):
        return Comparison(False)
    return None if found is Sameness.UNKNOWN else Comparison(None, UNCLEAR)


async def _compare_elsewhere(one: Reading, other: Reading, pool: WorkerPool) -> Comparison:
    pred, gold = listed(one.text), listed(other.text)
    for text in (pred, gold):
        if why := too_much(text):
            return Comparison(None, f"an answer {why}")
        if not (_MATHS.search(text) and understood(text)):
            return Comparison(None, NOT_UNDERSTOOD)
    if any(_differ(what, pred, gold) for what in (_SCALE, _BASE, _AMIDST)):
        return Comparison(None, UNCLEAR)
    of_two_logs = any(_LOG.search(a) and _LN.search(b) for a, b in ((pred, gold), (gold, pred)))
    if of_two_logs or _CALL.search(pred) or _CALL.search(gold):
        return Comparison(None, UNCLEAR)
    same, why = await pool.compare(pred, gold)
    if same is None:
        return Comparison(None, why)
    if not same and (
        not (one.structured and other.structured)
        or measures(pred) != measures(gold)
        or _unclear(pred, gold)
        or _unclear(gold, pred)
    ):
        return Comparison(None, UNCLEAR)
    return Comparison(same)


def _about(reading: Reading) -> bool:
    """Is it said to be a rounded value?"""
    return "\\approx" in reading.text or "≈" in reading.text


def _code_and_number(one: Reading, other: Reading) -> bool:
    return any(
        isinstance(a.form, Number) and b.form is None and _CODE.fullmatch(b.text)
        for a, b in ((one, other), (other, one))
    )


def _unnamed(node: Node) -> Node:
    return node.node if isinstance(node, Named) else node


def _conversion(one: Node, other: Node) -> bool:
    """May two values be one in two units, as far apart as minutes and hours are?"""
    values = [number_of(node.value) if isinstance(node, Scalar) else None for node in (one, other)]
    if values[0] is None or values[1] is None:
        return True
    sizes = sorted(abs(value) for value in values if value is not None)
    return sizes[0] > 0 and any(abs(sizes[1] / sizes[0] / f - 1) < 1e-9 for f in CONVERSIONS)


def _as_decimals(one: Reading, other: Reading) -> bool | None:
    """Is 1,22 the number 1.22? The comparison where it is one of the readings, else False. None where
    two values could be meant as well: 3,5 for 3.5, or 1,22 for 61/50."""
    commas = [_COMMA_NUMBER.fullmatch(reading.text) is not None for reading in (one, other)]
    if not any(commas):
        return False
    forms = [
        read_tidied(_COMMA_GROUPS.sub("", reading.text).replace(",", "."))
        if comma
        else reading.form
        for reading, comma in zip((one, other), commas, strict=True)
    ]
    if forms[0] is None or forms[1] is None:
        return False
    same = compare_forms(forms[0], forms[1])
    texts = (one.text, other.text)
    clear = any(_COMMA_DECIMAL.fullmatch(t) for t in texts) and any("." in t for t in texts)
    return None if same and not clear else same


def too_much(text: str) -> str | None:
    """Why a text may not go to sympy, or None. Linear time."""
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    if _LONG_NUMBER.search(text):
        return f"has a number of more than {MAX_DIGITS} digits"
    if len(_POWER.findall(text)) > MAX_POWERS or _BIG_POWER.search(text):
        return "has too large a power"
    return "has too large a factorial" if _BIG_FACTORIAL.search(text) else None


def understood(text: str) -> bool:
    """Is every word of an answer mathematics? Parsers pick numbers out of prose: no evidence."""
    if _MISREAD.search(text):
        return False
    words = _WORD.findall(_COMMAND.sub(" ", text))
    return all(_MATHS_WORD.fullmatch(word) or unit_of(word) for word in words)


def _differ(what: re.Pattern[str], pred: str, gold: str) -> bool:
    return [m.strip("_{} ") for m in what.findall(pred)] != [
        m.strip("_{} ") for m in what.findall(gold)
    ]


def _unclear(one: str, other: str) -> bool:
    """May two answers that a parser holds for different still be the same?"""
    rounded = bool(_DECIMAL.search(one) and _INEXACT.search(other))
    in_other_words = bool(_RELATION.search(one)) and not _RELATION.search(other)
    return (
        rounded
        or in_other_words
        or bool(_COMMA_NUMBER.fullmatch(one) or _CLOCK.search(one))
        or _differ(_INDEX, one, other)
    )
