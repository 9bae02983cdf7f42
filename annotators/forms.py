"""Exact values of algebra: quotients of polynomials in symbols, π and square roots.

Square roots of different squarefree integers are independent over the rationals, and so is π of them,
so that two forms are equal exactly where their cross products have the same coefficients. Terms,
degrees and the size of coefficients are capped; past a cap `Unclear` is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt

MAX_BITS = 2048
MAX_DEGREE = 60
MAX_PRODUCTS = 400
"""Of terms, in one multiplication."""
MAX_RADICAND = 10**8
"""Beyond this only roots of perfect squares are taken."""
PI = "π"

Powers = tuple[tuple[str, int], ...]
Term = tuple[int, Powers]
"""A squarefree radicand (1 where there is no root), and each symbol's power, sorted."""
Polynomial = Mapping[Term, Fraction]

_DIGITS = 60
_PI = Fraction(3141592653589793238462643383279502884197169399375105820974944, 10**_DIGITS)
_UNIT: Term = (1, ())


class Unclear(Exception):
    """The expression has no certain value."""


def small(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise Unclear
    return value


@dataclass(frozen=True, slots=True)
class Form:
    """top / bottom; bottom is never zero."""

    top: Polynomial
    bottom: Polynomial

    @staticmethod
    def of(value: Fraction | Form) -> Form:
        if isinstance(value, Form):
            return value
        return Form({_UNIT: value} if value else {}, {_UNIT: Fraction(1)})

    @staticmethod
    def symbol(name: str) -> Form:
        return Form({(1, ((name, 1),)): Fraction(1)}, {_UNIT: Fraction(1)})

    @staticmethod
    def root(of: Fraction) -> Form:
        """The square root of a rational; of a negative one there is none here."""
        if of < 0:
            raise Unclear
        factor, radicand = _squarefree(of.numerator * of.denominator)
        value = Fraction(factor, of.denominator)
        return Form({(radicand, ()): value} if value else {}, {_UNIT: Fraction(1)})

    def __add__(self, other: Fraction | Form) -> Form:
        b = Form.of(other)
        if self.bottom == b.bottom:
            return Form(_sum(self.top, b.top), self.bottom)
        top = _sum(_product(self.top, b.bottom), _product(b.top, self.bottom))
        return Form(top, _product(self.bottom, b.bottom))

    __radd__ = __add__

    def __neg__(self) -> Form:
        return Form({term: -value for term, value in self.top.items()}, self.bottom)

    def __sub__(self, other: Fraction | Form) -> Form:
        return self + -other

    def __rsub__(self, other: Fraction | Form) -> Form:
        return -self + other

    def __mul__(self, other: Fraction | Form) -> Form:
        b = Form.of(other)
        return Form(_product(self.top, b.top), _product(self.bottom, b.bottom))

    __rmul__ = __mul__

    def __truediv__(self, other: Fraction | Form) -> Form:
        b = Form.of(other)
        if not b.top:
            raise Unclear
        return Form(_product(self.top, b.bottom), _product(self.bottom, b.top))

    def __rtruediv__(self, other: Fraction | Form) -> Form:
        return Form.of(other) / self

    def __pow__(self, exponent: int) -> Form:
        value = Form.of(Fraction(1))
        for _ in range(exponent):
            value = value * self
        return value

    @property
    def symbols(self) -> frozenset[str]:
        """π isn't one."""
        powers = [powers for part in (self.top, self.bottom) for _, powers in part]
        return frozenset(name for each in powers for name, _ in each if name != PI)

    def rational(self) -> Fraction | None:
        """The value, where it is a rational number whatever the symbols are."""
        if not self.top:
            return Fraction(0)
        term = next(iter(self.bottom))
        ratio = self.top.get(term, Fraction(0)) / self.bottom[term]
        scaled = {t: value * ratio for t, value in self.bottom.items()}
        return ratio if scaled == self.top else None

    def approximate(self) -> Fraction:
        """A number without symbols, to some forty digits."""
        bottom = _number(self.bottom)
        value = _number(self.top) / bottom if bottom else Fraction(0)
        if abs(value) * 10**30 < 1 or abs(bottom) * 10**30 < 1:
            if not self.top:
                return Fraction(0)
            raise Unclear
        return value

    def at(self, symbol: str, value: Fraction) -> Fraction | None:
        """The numerator's value where it has no other symbol and no root; else None."""
        if self.symbols - {symbol} or any(
            root != 1 or dict(p).keys() - {symbol} for root, p in self.top
        ):
            return None
        total = sum(
            (c * value ** sum(n for _, n in p) for (_, p), c in self.top.items()), Fraction(0)
        )
        return small(total)

    def monomial(self) -> tuple[Powers, Powers] | None:
        """Powers above and below the line, without what is cancelled, where each has one term only."""
        if len(self.top) != 1 or len(self.bottom) != 1:
            return None
        (_, above), (_, below) = next(iter(self.top)), next(iter(self.bottom))
        net = dict(above)
        for name, power in below:
            net[name] = net.get(name, 0) - power
        named = sorted(net.items())
        return (
            tuple((name, n) for name, n in named if n > 0),
            tuple((name, -n) for name, n in named if n < 0),
        )

    def setting(self, names: frozenset[str]) -> Form:
        """With these symbols set to 1."""
        bottom = _without(self.bottom, names)
        if not bottom:
            raise Unclear
        return Form(_without(self.top, names), bottom)


def _without(polynomial: Polynomial, names: frozenset[str]) -> Polynomial:
    found: dict[Term, Fraction] = {}
    for (root, powers), value in polynomial.items():
        term = (root, tuple(each for each in powers if each[0] not in names))
        found[term] = found.get(term, Fraction(0)) + value
    return {term: value for term, value in found.items() if value}


def _sum(a: Polynomial, b: Polynomial) -> Polynomial:
    total = dict(a)
    for term, value in b.items():
        total[term] = small(total.get(term, Fraction(0)) + value)
        if not total[term]:
            del total[term]
    return total


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) * len(b) > MAX_PRODUCTS:
        raise Unclear
    found: dict[Term, Fraction] = {}
    for (r, p), x in a.items():
        for (s, q), y in b.items():
            common = gcd(r, s)
            powers = _joined(p, q)
            term = ((r // common) * (s // common), powers)
            found[term] = small(found.get(term, Fraction(0)) + x * y * common)
    return {term: value for term, value in found.items() if value}


def _joined(p: Powers, q: Powers) -> Powers:
    if not p or not q:
        return p or q
    powers = dict(p)
    for name, power in q:
        powers[name] = powers.get(name, 0) + power
    if sum(powers.values()) > MAX_DEGREE:
        raise Unclear
    return tuple(sorted(powers.items()))


def _number(polynomial: Polynomial) -> Fraction:
    scale = 10**_DIGITS
    total = Fraction(0)
    for (radicand, powers), value in polynomial.items():
        root = Fraction(isqrt(radicand * scale * scale), scale) if radicand != 1 else Fraction(1)
        total += value * root * _PI ** sum(power for _, power in powers)
    return total


def _squarefree(n: int) -> tuple[int, int]:
    """(a, b) with n = a² b and b squarefree."""
    if (root := isqrt(n)) ** 2 == n:
        return root, 1
    if n > MAX_RADICAND:
        raise Unclear
    factor, rest, at = 1, n, 2
    while at * at <= rest:
        while rest % (at * at) == 0:
            rest //= at * at
            factor *= at
        at += 1
    return factor, rest
