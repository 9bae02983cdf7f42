r"""Tokens and exact values of the arithmetic in model-written text.

`tokenize` cuts a text in linear time; `evaluate` is recursive descent over the tokens of one side of
an equation, in exact fractions. Nothing is ever evaluated as code. Numbers, powers, depth and size
are capped; past a cap, or where the reading is not certain, the value is None.

    sum     := product (("+" | "-") product)*
    product := power (("*" | "/") power | glued-parenthesis)*
    power   := atom ("^" integer)?
    atom    := number | "-" power | "(" sum ")" | \frac{sum}{sum}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 30
MAX_EXPONENT = 20
MAX_DEPTH = 30
MAX_BITS = 2048
MAX_TOKENS = 300
"""Longest expression."""


class Kind(StrEnum):
    NUMBER = "number"
    OPERATOR = "operator"
    EQUALS = "equals"
    OPEN = "("
    CLOSE = ")"
    FRAC = "frac"
    WORD = "word"
    BREAK = "break"
    """Ends an expression cleanly: a line break, a comma, a full stop, a LaTeX delimiter."""
    JUNK = "junk"
    """Not understood; an expression beside it is not understood either."""
    NOTE_OPEN = "<<"
    NOTE_CLOSE = ">>"


class Token(NamedTuple):
    """Characters start..end. `text` is normalised: a number's digits, one of + - * / ^, a word.

    Of a number: `percent` sign, `money` sign. `spaced` says that whitespace stands before it.
    """

    kind: Kind
    text: str
    start: int
    end: int
    spaced: bool
    percent: bool = False
    money: bool = False

    @property
    def places(self) -> int:
        """Decimals that a number shows."""
        return len(self.text.partition(".")[2])


_TOKEN = re.compile(
    r"""
      (?P<note_open> << ) | (?P<note_close> >> )
    | (?P<space> [^\S\n]+ | \\[,!;:\ ] | \\(?:left|right)(?![a-z]) | \\?\$(?=<<) )
    | (?P<clock> \d+:\d[\d:]* )
    | (?P<number> (?: \\? [$€£] \s? )?
        (?: (?:\d{1,3}(?:(?:,|\{,\})\d{3}){1,6}(?!\d) | \d+) (?:\.\d+)? | \.\d+ )
        (?: \s? \\? % )? )
    | (?P<relation> [!<>=≈≠≤≥~]{2,3} | [≈≠≤≥<>~→⇒] | \\(?:approx|neq?|leq?|geq?|sim)(?![a-z]) | -> )
    | (?P<equals> = )
    | (?P<times> \*\*(?=[\d(])(?<=[\d)]\*\*) | \\(?:times|cdot|div)(?![a-z]) | [*/+×÷·^\-−²³] )
    | (?P<open> \( ) | (?P<close> \) )
    | (?P<frac> \\[dtc]?frac(?=\{) ) | (?P<open_brace> \{ ) | (?P<close_brace> \} )
    | (?P<word> [^\W\d_]+(?:['’][^\W\d_]+)* | \\(?:text|mathrm)\{[^{}]{0,80}\} )
    | (?P<break> \n | \\\\ | \\[()\[\]] | \$\$? | [.,;:!?"“”'‘’#|&] | \*\*+ )
    | (?P<junk> \\[a-zA-Z]+ | . )
    """,
    re.X | re.S,
)
_OPERATORS = {
    "×": "*",
    "·": "*",
    "\\times": "*",
    "\\cdot": "*",
    "÷": "/",
    "\\div": "/",
    "−": "-",
    "**": "^",
    "²": "^2",
    "³": "^3",
}
_KINDS = {
    "times": Kind.OPERATOR,
    "relation": Kind.JUNK,
    "clock": Kind.JUNK,
    "equals": Kind.EQUALS,
    "open": Kind.OPEN,
    "close": Kind.CLOSE,
    "open_brace": Kind.OPEN,
    "close_brace": Kind.CLOSE,
    "frac": Kind.FRAC,
    "word": Kind.WORD,
    "break": Kind.BREAK,
    "junk": Kind.JUNK,
    "note_open": Kind.NOTE_OPEN,
    "note_close": Kind.NOTE_CLOSE,
}


def tokenize(text: str) -> list[Token]:
    """All tokens of a text, in order, without whitespace."""
    tokens: list[Token] = []
    spaced = True
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or "junk"
        if group == "space":
            spaced = True
            continue
        if group == "number":
            token = _number(match, text, spaced, _goes_on(tokens, spaced))
        else:
            sign = _OPERATORS.get(match[0], match[0])
            token = Token(_KINDS[group], sign, match.start(), match.end(), spaced)
        tokens.append(token)
        spaced = False
    for at in range(1, len(tokens) - 1):
        if tokens[at].text in ("x", "X") and _is_times(*tokens[at - 1 : at + 2]):
            tokens[at] = tokens[at]._replace(kind=Kind.OPERATOR, text="*")
    return tokens


def _goes_on(tokens: Sequence[Token], spaced: bool) -> bool:
    """Is what follows the tokens the rest of an odd number, as in 16,0000 and 1.2.3?"""
    return (
        not spaced
        and len(tokens) > 1
        and tokens[-1].text in (",", ".")
        and not tokens[-1].spaced
        and tokens[-2].kind is Kind.JUNK
        and tokens[-2].text[-1:].isdigit()
    )


def _number(match: re.Match[str], text: str, spaced: bool, goes_on: bool) -> Token:
    raw = match[0]
    digits = "".join(c for c in raw.replace("{,}", "") if c in "0123456789.")
    after = text[match.end() : match.end() + 2]
    # 1,22 and 1.2.3 are no numbers that can be relied on; 0900 is a time of day.
    odd = goes_on or (len(after) == 2 and after[0] in ",." and after[1].isdigit())
    odd = odd or (digits[0] == "0" and len(digits) > 1 and digits[1] != ".")
    kind = Kind.JUNK if odd or len(digits) > MAX_DIGITS else Kind.NUMBER
    money = raw[0] != "." and not raw[0].isdigit()
    return Token(kind, digits, match.start(), match.end(), spaced, "%" in raw, money)


def _is_times(before: Token, letter: Token, after: Token) -> bool:
    """The letter x in "3 x 5" and "3x5"; "3x 5" is algebra."""
    operands = before.kind in (Kind.NUMBER, Kind.CLOSE) and after.kind in (Kind.NUMBER, Kind.OPEN)
    return operands and letter.spaced == after.spaced


class Percent(StrEnum):
    """How percent signs are read: 5% as .05; as a mere unit, 5; and `- 5%` as 5% of what precedes."""

    HUNDREDTHS = "hundredths"
    UNITS = "units"
    RELATIVE = "relative"


class _Unclear(Exception):
    """The expression has no certain value."""


@dataclass(frozen=True, slots=True)
class Value:
    """`heads` are the values of the expression's beginnings: for 3 + 4 * 2 these are 3, …"""

    value: Fraction
    heads: frozenset[Fraction]


def evaluate(tokens: Sequence[Token], percent: Percent = Percent.HUNDREDTHS) -> Value | None:
    """Exact value with percent signs read as `percent` says. None where it isn't certain."""
    if not tokens or len(tokens) > MAX_TOKENS:
        return None
    parser = _Parser(tokens, percent)
    try:
        value = parser.sum(0)
    except _Unclear:
        return None
    return Value(value, frozenset(parser.heads)) if parser.at == len(tokens) else None


class _Parser:
    def __init__(self, tokens: Sequence[Token], percent: Percent) -> None:
        self.at = 0
        self.heads: set[Fraction] = set()
        self._tokens = tokens
        self._percent = percent
        self._points = False
        """Was the term just read in percentage points: 5%, (5% + 2%)?"""

    def _peek(self) -> Token | None:
        return self._tokens[self.at] if self.at < len(self._tokens) else None

    def _operator(self, among: str) -> str | None:
        token = self._peek()
        if token is None or token.kind is not Kind.OPERATOR or token.text not in among:
            return None
        self.at += 1
        return token.text

    def sum(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise _Unclear
        value = self._product(depth, depth == 0)
        points = self._points
        while operator := self._operator("+-"):
            if depth == 0:
                self.heads.add(value)
            term = self._product(depth, False)
            if self._points and not points and self._percent is Percent.RELATIVE:
                term = _small(value * term)
            points = points and self._points
            value = _small(value + term if operator == "+" else value - term)
        self._points = points
        return value

    def _product(self, depth: int, leading: bool) -> Fraction:
        value = self._power(depth)
        divided = False
        while True:
            operator = self._operator("*/")
            if operator is None and not self._glued():
                return value
            if leading:
                self.heads.add(value)
            if operator is None and divided:  # 6/2(1+2) is read both ways
                raise _Unclear
            factor = self._power(depth)
            self._points = False
            if operator == "/":
                if factor == 0 or divided:  # 25 / 1/3 is read both ways, too
                    raise _Unclear
                divided = True
                value = _small(value / factor)
            else:
                divided = False
                value = _small(value * factor)

    def _glued(self) -> bool:
        """2(3 + 4) and (2)(3) are products."""
        token = self._peek()
        return (
            token is not None and token.kind is Kind.OPEN and token.text == "(" and not token.spaced
        )

    def _power(self, depth: int) -> Fraction:
        base = self._atom(depth)
        token = self._peek()
        if token is None or token.kind is not Kind.OPERATOR or token.text[0] != "^":
            return base
        self.at += 1
        exponent = Fraction(token.text[1:]) if len(token.text) > 1 else self._exponent(depth)
        if exponent.denominator != 1 or not 0 <= exponent <= MAX_EXPONENT:
            raise _Unclear
        return _small(base ** int(exponent))

    def _exponent(self, depth: int) -> Fraction:
        token = self._peek()
        if token is not None and token.text == "{":
            return self._bracketed(depth, "{", "}")
        return self._atom(depth)

    def _atom(self, depth: int) -> Fraction:
        token = self._peek()
        if token is None or depth > MAX_DEPTH:
            raise _Unclear
        if token.kind is Kind.NUMBER:
            self.at += 1
            self._points = token.percent
            whole, _, decimals = token.text.partition(".")
            value = Fraction(int(whole + decimals or "0"), 10 ** len(decimals))
            return value / 100 if token.percent and self._percent is not Percent.UNITS else value
        if token.kind is Kind.OPERATOR and token.text == "-":
            self.at += 1
            return -self._power(depth + 1)
        if token.kind is Kind.FRAC:
            self.at += 1
            top = self._bracketed(depth, "{", "}")
            bottom = self._bracketed(depth, "{", "}")
            if bottom == 0:
                raise _Unclear
            self._points = False
            return _small(top / bottom)
        return self._bracketed(depth, "(", ")")

    def _bracketed(self, depth: int, opening: str, closing: str) -> Fraction:
        for wanted in (opening, closing):
            token = self._peek()
            if token is None or token.text != wanted:
                raise _Unclear
            self.at += 1
            if wanted == opening:
                value = self.sum(depth + 1)
        return value


def _small(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _Unclear
    return value
