"""Are two answers the same? Exact normal forms first, math-verify in a worker for the rest.

Three-valued: "same" or "different" is said only when both answers were wholly understood. What is
too large, too deep, or not mathematics is undecided, and never reaches sympy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.grading.normal import compare_forms, read_answer, tidy
from pipeline.grading.pool import WorkerPool
from pipeline.grading.units import measures, unit_of

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
_MISREAD = re.compile(r"[^\x00-\x7f]|\\(?:overline|bar|dot)\b|\d[eE][-+]?\d")
"""What a parser reads as something else: other scripts, repeating decimals, 1e5."""
_CLOCK = re.compile(r"\b\d\d?:\d\d\b")
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+")
"""1,22 may be a decimal number or two values."""
_AND = re.compile(r" ?,?\$? (?:and|or) \$?", re.I)
_DECIMAL = re.compile(r"\.\d\d")
_INEXACT = re.compile(
    r"frac|/|sqrt|pi\b|\^|ln|log|sin|cos|tan|sec|csc|cot|exp|(?<![a-z])e(?![a-z])"
)
_RELATION = re.compile(r"[<>]|\\(?:le|ge|lt|gt|leq|geq)(?:slant)?(?![a-z])")
_SCALE = re.compile(r"(?<=\d)_\{?\w+\}?|(?<=\d) ?[KM]\Z|(?<=\d) [a-z]\Z")
"""A base, or a letter that may be a unit or a scale: parsers drop them, or multiply by them."""
_INDEX = re.compile(r"_\{?\w+\}?")
_MATHS = re.compile(r"[\d\\^_=<>+*/(\[{-]")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`same` is None when it is not clear; `reason` then says why."""

    same: bool | None
    reason: str | None = None


async def compare_answers(pred: str, gold: str, pool: WorkerPool) -> Comparison:
    """Compare two final answers. Raises PrerequisiteError when workers can't start."""
    if pred.strip() == gold.strip():
        return Comparison(True)
    pred, gold = tidy(pred), tidy(gold)
    units, gold_units = measures(pred), measures(gold)
    if units and gold_units and units != gold_units:
        return Comparison(None, "units differ")
    pred_form, gold_form = read_answer(pred), read_answer(gold)
    if pred_form is not None and gold_form is not None:
        same = compare_forms(pred_form, gold_form)
        return Comparison(same, None if same is not None else "answers not clearly the same")
    pred, gold = _listed(pred), _listed(gold)
    if pred == gold:
        return Comparison(True)
    for side, text in (("answer", pred), ("gold answer", gold)):
        if why := too_much(text):
            return Comparison(None, f"{side} {why}")
        if not (_MATHS.search(text) and understood(text)):
            return Comparison(None, f"{side} not understood")
    if _differ(_SCALE, pred, gold):
        return Comparison(None, "answers not clearly the same")
    same, why = await pool.compare(pred, gold)
    if same is None:
        return Comparison(None, why)
    if not same and (units != gold_units or _unclear(pred, gold) or _unclear(gold, pred)):
        return Comparison(None, "answers not clearly the same")
    return Comparison(same)


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


def _listed(text: str) -> str:
    """Values joined by "and" or "or" as a list with commas."""
    return _AND.sub(", ", text)


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
