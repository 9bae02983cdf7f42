"""What a token of the mathematics in a text is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    NUMBER = "number"
    OPERATOR = "operator"
    EQUALS = "equals"
    RELATION = "relation"
    """One of < > ≤ ≥ ≠ ≈ ≡."""
    OPEN = "("
    CLOSE = ")"
    FRAC = "frac"
    ROOT = "root"
    """`text` is its index: 2, 3, …"""
    BINOMIAL = "binomial"
    INTEGRAL = "integral"
    """`text` is its limits, "0 1", or nothing."""
    VARIABLE = "variable"
    UNIT = "unit"
    """What a number counts or measures; singular."""
    WORD = "word"
    BREAK = "break"
    """Ends an expression cleanly: a line break, a comma, a full stop, a LaTeX delimiter."""
    JUNK = "junk"
    """Not understood; an expression beside it is not understood either."""
    RATIO = "ratio"
    """3:4, which may be a time of day."""
    NOTE_OPEN = "<<"
    NOTE_CLOSE = ">>"


MATHS = frozenset(
    (
        Kind.NUMBER,
        Kind.OPERATOR,
        Kind.EQUALS,
        Kind.RELATION,
        Kind.OPEN,
        Kind.CLOSE,
        Kind.FRAC,
        Kind.ROOT,
        Kind.BINOMIAL,
        Kind.INTEGRAL,
        Kind.VARIABLE,
        Kind.UNIT,
        Kind.RATIO,
    )
)


class Token(NamedTuple):
    """Characters start..end. `text` is normalised: a number's digits, one of + - * / ^ !, a word.

    Of a number: `percent` sign, `money` sign. `spaced` says that whitespace stands before it, `maths`
    that it lies within LaTeX's delimiters.
    """

    kind: Kind
    text: str
    start: int
    end: int
    spaced: bool
    percent: bool = False
    money: bool = False
    maths: bool = False

    @property
    def places(self) -> int:
        """Decimals that a number shows."""
        return len(self.text.partition(".")[2])


def singular(word: str) -> str:
    """The same for apple and apples; good enough to compare, not to show."""
    word = word.lower()
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word
