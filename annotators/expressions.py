r"""Exact values of the expressions in model-written text.

Recursive descent over the tokens of one side of an equation: exact fractions, and `Form`s where there
are symbols or roots. Nothing is ever evaluated as code. Numbers, powers, depth and size are capped;
past a cap, or where the reading is not certain, there is no value.

    sum     := product (("+" | "-") product)*
    product := power (("*" | "/") power | glued)*            glued: 2(3 + 4), 2x, x\sqrt{3}
    power   := atom "!"? ("^" integer)?
    atom    := number unit* | number fraction | symbol | "-" power | "(" sum ")" | \frac{sum}{sum}
             | \sqrt[n]{sum} | \binom{n}{k} | \frac{d}{dx}(sum) | \int product dx
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import comb, factorial

from annotators.calculus import antiderivative, definite, derivative
from annotators.forms import PI, Form, Unclear, small
from annotators.tokens import Kind, Token

MAX_EXPONENT = 60
MAX_DEPTH = 30
MAX_FACTORIAL = 60
MAX_TOKENS = 300
"""Longest expression."""
UNIT = "#"
"""Marks the symbols that are units."""
_FUNCTIONS = "fghFGHPpQqTVSNCEφ"
"""Letters that, before a parenthesis, name functions rather than factors."""

Number = Fraction | Form


class Percent(StrEnum):
    """How percent signs are read: 5% as .05; as a mere unit, 5; and `- 5%` as 5% of what precedes."""

    HUNDREDTHS = "hundredths"
    UNITS = "units"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Value:
    """`heads` are the values of the expression's beginnings: for 3 + 4 * 2 these are 3, …

    `calculus`: it is a derivative or an integral, so that an equation with it is meant as an identity;
    `any_constant`: up to a constant.
    """

    value: Number
    heads: tuple[Number, ...]
    calculus: bool = False
    any_constant: bool = False


def evaluate(
    tokens: Sequence[Token], percent: Percent = Percent.HUNDREDTHS, mixed: bool = True
) -> Value | None:
    r"""Exact value with percent signs read as `percent` says, and 2\frac{1}{3} as a mixed number or
    as a product. None where it isn't certain."""
    if not tokens or len(tokens) > MAX_TOKENS:
        return None
    parser = _Parser(tokens, percent, mixed)
    try:
        value = parser.sum(0)
    except Unclear:
        return None
    if parser.at != len(tokens):
        return None
    return Value(value, tuple(parser.heads), parser.calculus, parser.any_constant)


def plain(value: Number) -> Number:
    """A fraction wherever the value is one."""
    if isinstance(value, Form) and (rational := value.rational()) is not None:
        return rational
    return value


class _Parser:
    def __init__(self, tokens: Sequence[Token], percent: Percent, mixed: bool) -> None:
        self.at = 0
        self.heads: list[Number] = []
        self.calculus = False
        self.any_constant = False
        self._tokens = tokens
        self._percent = percent
        self._mixed = mixed
        self._named = ""
        """The letter whose power was just read, if it was one."""
        self._points = False
        """Was the term just read in percentage points: 5%, (5% + 2%)?"""

    def _peek(self, ahead: int = 0) -> Token | None:
        at = self.at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def _operator(self, among: str) -> str | None:
        token = self._peek()
        if token is None or token.kind is not Kind.OPERATOR or token.text not in among:
            return None
        self.at += 1
        return token.text

    def sum(self, depth: int) -> Number:
        if depth > MAX_DEPTH:
            raise Unclear
        value = self._product(depth, depth == 0)
        points = self._points
        while operator := self._operator("+-"):
            if depth == 0:
                self.heads.append(value)
            term = self._product(depth, False)
            if self._points and not points and self._percent is Percent.RELATIVE:
                term = _checked(value * term)
            points = points and self._points
            value = _checked(value + term if operator == "+" else value - term)
        self._points = points
        return value

    def _product(self, depth: int, leading: bool) -> Number:
        value = self._power(depth)
        divided = False
        while True:
            operator = self._operator("*/")
            if operator is None and not self._glued():
                return value
            if leading:
                self.heads.append(value)
            if operator is None and (divided or self._is_applied()):  # 6/2(1+2) is read both ways
                raise Unclear
            factor = self._power(depth)
            self._points = False
            if operator == "/":
                if factor == 0 or divided:  # 25 / 1/3 is read both ways, too
                    raise Unclear
                divided = True
                value = _checked(value / factor)
            else:
                divided = False
                value = _checked(value * factor)

    def _glued(self) -> bool:
        """2(3 + 4), (2)(3), 2x, 2\\sqrt{3} are products."""
        token = self._peek()
        if token is None:
            return False
        if token.kind is Kind.OPEN:
            return token.text == "(" and (not token.spaced or token.maths)
        if token.kind in (Kind.VARIABLE, Kind.ROOT, Kind.FRAC, Kind.BINOMIAL):
            return not token.spaced or token.maths
        return False

    def _is_applied(self) -> bool:
        """Is what stands before a parenthesis a function: f^{-1}(0), f^2(x)?"""
        token, closing = self._peek(), self._peek(2)
        if not self._named or token is None or token.text != "(":
            return False
        return self._named in _FUNCTIONS or (closing is not None and closing.text == ")")

    def _power(self, depth: int) -> Number:
        first = self._peek()
        base = self._atom(depth)
        self._named = first.text[0] if first is not None and first.kind is Kind.VARIABLE else ""
        token = self._peek()
        if token is not None and token.text == "!" and token.kind is Kind.OPERATOR:
            self.at += 1
            base = Fraction(factorial(_whole(base, MAX_FACTORIAL)))
        named = self._named
        value = self._raised(base, depth)
        self._named = named
        return value

    def _raised(self, base: Number, depth: int) -> Number:
        token = self._peek()
        if token is None or token.kind is not Kind.OPERATOR or token.text[0] != "^":
            return base
        self.at += 1
        exponent = Fraction(token.text[1:]) if len(token.text) > 1 else self._exponent(depth)
        exponent = plain(exponent)
        if (token := self._peek()) is not None and token.text[:1] == "^":  # 2^3^2
            raise Unclear
        if isinstance(exponent, Fraction) and exponent < 0 and base != 0:
            return _checked(Fraction(1) / base ** _whole(-exponent, MAX_EXPONENT))
        if base == 0 and exponent == 0:
            raise Unclear
        if isinstance(base, Fraction) and base.numerator.bit_length() > 64:
            return _checked(base ** _whole(exponent, 20))
        return _checked(base ** _whole(exponent, MAX_EXPONENT))

    def _exponent(self, depth: int) -> Number:
        token = self._peek()
        if token is not None and token.text == "{":
            return self._bracketed(depth, "{", "}")
        return self._atom(depth)

    def _atom(self, depth: int) -> Number:
        token = self._peek()
        if token is None or depth > MAX_DEPTH:
            raise Unclear
        if token.kind is Kind.NUMBER:
            return self._measured(self._number(token), depth)
        if token.kind is Kind.OPERATOR and token.text == "-":
            self.at += 1
            return -self._power(depth + 1)
        if token.kind is Kind.FRAC:
            return self._fraction(depth)
        if token.kind is Kind.VARIABLE:
            return self._symbol(token)
        if token.kind is Kind.UNIT:
            self.at += 1
            return Form.symbol(UNIT + token.text)
        if token.kind is Kind.ROOT:
            return self._root(int(token.text), depth)
        if token.kind is Kind.BINOMIAL:
            self.at += 1
            n = _whole(self._bracketed(depth, "{", "}"), 200)
            return _checked(Fraction(comb(n, _whole(self._bracketed(depth, "{", "}"), 200))))
        if token.kind is Kind.INTEGRAL:
            return self._integral(token, depth)
        if token.kind is Kind.RATIO:
            return self._ratio(token)
        if token.text == "{":
            return self._bracketed(depth, "{", "}")
        return self._bracketed(depth, "(", ")")

    def _ratio(self, token: Token) -> Fraction:
        terms = token.text.replace(" ", "").split(":")
        if len(self._tokens) > 1 or len(terms) != 2 or not all(t.isdigit() for t in terms):
            raise Unclear
        if max(map(len, terms)) > 9 or int(terms[1]) == 0:
            raise Unclear
        self.at += 1
        return Fraction(int(terms[0]), int(terms[1]))

    def _number(self, token: Token) -> Fraction:
        self.at += 1
        self._points = token.percent
        whole, _, decimals = token.text.partition(".")
        value = Fraction(int(whole + decimals or "0"), 10 ** len(decimals))
        if token.percent:
            return value / 100 if self._percent is not Percent.UNITS else value
        return value if decimals else value + self._mixed_part()

    def _mixed_part(self) -> Fraction:
        r"""The fraction of 3 1/2 and of 3\frac{1}{2}, which may also be a product."""
        top, stroke, bottom = self._peek(), self._peek(1), self._peek(2)
        if top is not None and top.kind is Kind.FRAC and self._mixed:
            parts = self._tokens[self.at + 1 : self.at + 7]
            if [t.text for t in parts[::3]] == ["{", "{"] and [t.text for t in parts[2::3]] == [
                "}",
                "}",
            ]:
                top, bottom = parts[1], parts[4]
                if _is_whole(top) and _is_whole(bottom) and int(top.text) < int(bottom.text):
                    self.at += 7
                    return Fraction(int(top.text), int(bottom.text))
            return Fraction(0)
        if top is None or bottom is None or stroke is None or stroke.text != "/":
            return Fraction(0)
        glued = top.spaced and not stroke.spaced and not bottom.spaced
        if not glued or not _is_whole(top) or not _is_whole(bottom):
            return Fraction(0)
        if int(top.text) >= int(bottom.text):
            raise Unclear
        self.at += 3
        return Fraction(int(top.text), int(bottom.text))

    def _measured(self, value: Number, depth: int) -> Number:
        """With the units that follow, each with its own exponent: 5 cm^2."""
        while (token := self._peek()) is not None and token.kind is Kind.UNIT:
            self.at += 1
            value = _checked(value * self._raised(Form.symbol(UNIT + token.text), depth))
        return value

    def _symbol(self, token: Token) -> Number:
        self.at += 1
        if token.text == "π":
            return Form.symbol(PI)
        following, closing = self._peek(), self._peek(2)
        if following is not None and following.text == "(" and not following.spaced:
            applied = token.text[0] in _FUNCTIONS or "'" in token.text
            if applied or (closing is not None and closing.text == ")"):
                raise Unclear
        return Form.symbol(token.text)

    def _fraction(self, depth: int) -> Number:
        if (name := self._differential()) is not None:
            value = derivative(Form.of(self._bracketed(depth, "(", ")")), name)
            self.calculus = True
            return value
        self.at += 1
        top = self._bracketed(depth, "{", "}")
        bottom = self._bracketed(depth, "{", "}")
        if bottom == 0:
            raise Unclear
        self._points = False
        return _checked(top / bottom)

    def _differential(self) -> str | None:
        r"""The x of \frac{d}{dx}; Unclear for \frac{dy}{dx}."""
        texts = [token.text for token in self._tokens[self.at + 1 : self.at + 8]]
        if texts[:2] != ["{", "d"]:
            return None
        if texts[2:5] == ["}", "{", "d"] and texts[6:] == ["}"]:
            self.at += 8
            return texts[5]
        if len(texts) > 3 and texts[2] != "}":
            raise Unclear
        return None

    def _integral(self, token: Token, depth: int) -> Number:
        self.at += 1
        begin = self.at
        product = Form.of(self._product(depth + 1, False))
        ends = self._tokens[self.at - 2 : self.at]
        if self.at - begin < 2 or ends[0].text != "d" or ends[1].kind is not Kind.VARIABLE:
            raise Unclear
        self.calculus = True
        primitive = antiderivative(product, ends[1].text)
        if not token.text:
            self.any_constant = True
            return primitive
        low, high = token.text.split()
        return definite(primitive, ends[1].text, int(low), int(high))

    def _root(self, index: int, depth: int) -> Number:
        self.at += 1
        token = self._peek()
        if token is not None and token.text == "{":
            of = plain(self._bracketed(depth, "{", "}"))
        else:
            of = plain(self._atom(depth + 1))
        if isinstance(of, Form):
            raise Unclear
        if index == 2:
            return plain(Form.root(of))
        if of < 0 or index < 2:
            raise Unclear
        return Fraction(_nth_root(of.numerator, index), _nth_root(of.denominator, index))

    def _bracketed(self, depth: int, opening: str, closing: str) -> Number:
        for wanted in (opening, closing):
            token = self._peek()
            if token is None or token.text != wanted:
                raise Unclear
            self.at += 1
            if wanted == opening:
                value = self.sum(depth + 1)
        return value


def _is_whole(token: Token) -> bool:
    return token.kind is Kind.NUMBER and token.text.isdigit() and not token.percent


def _whole(value: Number, most: int) -> int:
    value = plain(value)
    if isinstance(value, Form) or value.denominator != 1 or not 0 <= value <= most:
        raise Unclear
    return int(value)


def _nth_root(n: int, index: int) -> int:
    root = round(n ** (1 / index)) if n < 10**15 else 0
    if root**index != n:
        raise Unclear
    return root


def _checked(value: Number) -> Number:
    """Fractions are capped here, forms by their own operations."""
    return small(value) if isinstance(value, Fraction) else value
