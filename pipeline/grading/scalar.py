"""One value, with its unit, its sign of percent or the base that it is written in: 5 cm, 40%, 1010_2."""

from __future__ import annotations

import re

from pipeline.grading.errors import Ambiguous, NotUnderstood
from pipeline.grading.exact import Exact
from pipeline.grading.expression import read_expression
from pipeline.grading.functions import FUNCTIONS
from pipeline.grading.nodes import Based, Listing, Scalar
from pipeline.grading.units import unit_of

MAX_BASE_DIGITS = 40

_WORD = re.compile(r"[A-Za-z]{2,}")
_RATE = re.compile(
    r"(?:[km]?m|cm|ft|mi|k?g|m?[lL]|k?J|N|mol|miles?|meters?|feet|dollars?|cents?)/"
    r"(?:s|h|hr|min|sec|m|k?g|[lL]|mol|K|day|hour|minute|second|year)(?:\^[23])?"
)
"""Units of a rate; m/s behind a number is no quotient of variables."""
_DECIMAL = re.compile(r"\d*\.(\d+)")


def read_based(tokens: list[str]) -> Based | None:
    """1010_2 and 1010_{2}; the numeral must be one of its base."""
    index = [token for token in tokens[2:] if token not in ("{", "}")] if len(tokens) > 2 else []
    if len(index) != 1 or tokens[1] != "_" or not (tokens[0].isdigit() and index[0].isdigit()):
        return None
    base = int(index[0][:3])
    if (
        not 2 <= base <= 16
        or len(tokens[0]) > MAX_BASE_DIGITS
        or (max(tokens[0]) >= str(base)[0] and base < 10)
    ):
        raise NotUnderstood("no numeral of that base")
    return Based(tokens[0].lstrip("0"), base)


def read_scalar(tokens: list[str]) -> Scalar | Listing:
    """One value with its unit, or the two of \\pm."""
    percent = False
    if tokens and tokens[0] == "$":
        tokens = tokens[1:]
    tokens, unit = _without_unit(tokens)
    if tokens and tokens[-1] in ("%", "\\%"):
        percent, tokens = True, tokens[:-1]
    if "\\pm" in tokens or "\\mp" in tokens:
        return Listing(
            tuple(Scalar(read_expression(tokens, sign), None, percent, unit) for sign in (1, -1))
        )
    shown = (
        _DECIMAL.fullmatch(tokens[-1])
        if len(tokens) == 1 or tokens[:-1] in (["-"], ["+"])
        else None
    )
    return Scalar(read_expression(tokens), len(shown[1]) if shown else None, percent, unit)


def _without_unit(tokens: list[str]) -> tuple[list[str], str]:
    """The tokens before the words of measure at the end: 5 cm, 10√2 square feet, 3 m/s."""
    for length in (5, 3):
        rate = "".join(tokens[-length:])
        if len(tokens) == length + 1 and tokens[0][-1].isdigit() and _RATE.fullmatch(rate):
            return tokens[:1], rate
    end = len(tokens)
    if (
        end > 2
        and tokens[end - 2] == "^"
        and tokens[end - 1] in ("2", "3")
        and _WORD.fullmatch(tokens[end - 3])
    ):
        end -= 2
    start = end
    while start > 1 and (
        (_WORD.fullmatch(tokens[start - 1]) and unit_of(tokens[start - 1]))
        or (tokens[start - 1] in ("/", "per") and start < end)
    ):
        start -= 1
    words = tokens[start:end]
    if words == ["degrees"] and not FUNCTIONS.isdisjoint(token.lstrip("\\") for token in tokens):
        raise Ambiguous("an angle in a function")
    if not words or words[0] == "/" or tokens[start - 1] in ("+", "-", "*", "/", "^", "_", "\\"):
        return tokens, ""
    return tokens[:start], " ".join(words)


def read_value(tokens: list[str]) -> Exact:
    """Of one side of a relation."""
    read = read_scalar(tokens)
    if not isinstance(read, Scalar) or read.percent:
        raise NotUnderstood("a relation of more than values")
    return read.value
