"""Exact values: quotients of polynomials, and whether two of them are the same.

Equality of two values that is found here is proved: cross-multiplied, their difference is the empty
polynomial. Square and higher roots of distinct primes are linearly independent over the rationals
(Besicovitch 1940), so for those, and for polynomials, the form decides both ways. A difference of
others (nested roots, logarithms) is told by evaluating both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.polynomial import (
    LARGEST_FACTOR,
    ONE,
    UNIT,
    Generator,
    I,
    Point,
    Poly,
    add,
    key_of,
    reduced,
    symbols_of,
    times,
    value_at,
)


@dataclass(frozen=True, slots=True)
class Exact:
    """`top` / `bottom`."""

    top: Poly
    bottom: Poly

    def __add__(self, other: Exact) -> Exact:
        if self.bottom == other.bottom:
            return Exact(add(self.top, other.top), self.bottom)
        return Exact(
            add(times(self.top, other.bottom), times(other.top, self.bottom)),
            times(self.bottom, other.bottom),
        )

    def __neg__(self) -> Exact:
        return Exact({monomial: -value for monomial, value in self.top.items()}, self.bottom)

    def __sub__(self, other: Exact) -> Exact:
        return self + -other

    def __mul__(self, other: Exact) -> Exact:
        return Exact(times(self.top, other.top), times(self.bottom, other.bottom))

    def __truediv__(self, other: Exact) -> Exact:
        if not other.top:
            raise NotUnderstood("division by zero")
        return _quotient(times(self.top, other.bottom), times(self.bottom, other.top))

    @property
    def key(self) -> str:
        return key_of(self.top) + ("" if self.bottom == UNIT else "/" + key_of(self.bottom))

    @property
    def symbols(self) -> frozenset[str]:
        return symbols_of(self.top) | symbols_of(self.bottom)

    @property
    def generators(self) -> frozenset[Generator]:
        return frozenset(
            g for poly in (self.top, self.bottom) for monomial in poly for g, _ in monomial
        )

    def rational(self) -> Fraction | None:
        """The value, where it is a rational number."""
        if self.bottom != UNIT or any(monomial for monomial in self.top):
            return None
        return self.top.get(ONE, Fraction(0))

    def constant(self) -> Fraction:
        """The term without a symbol, of a polynomial; 0 of what has a denominator."""
        return self.top.get(ONE, Fraction(0)) if self.bottom == UNIT else Fraction(0)

    def at(self, point: Point) -> complex:
        """An approximate value. Raises ArithmeticError, or ValueError outside a function's domain."""
        return value_at(self.top, point) / value_at(self.bottom, point)

    def linear(self, symbol: str) -> tuple[Exact, Exact] | None:
        """(a, b) where this is a·symbol + b and neither holds the symbol; None otherwise."""
        if symbol in symbols_of(self.bottom):
            return None
        a: Poly = {}
        b: Poly = {}
        for monomial, value in self.top.items():
            rest = tuple((g, e) for g, e in monomial if g.key != symbol)
            if any(symbol in g.symbols for g, _ in rest):
                return None
            if len(rest) == len(monomial):
                b[monomial] = value
            elif {g.key: e for g, e in monomial}[symbol] == 1:
                a[rest] = value
            else:
                return None
        return Exact(a, self.bottom), Exact(b, self.bottom)

    def normed(self) -> Exact:
        """Without the denominator, the first coefficient 1: what an equation = 0 is compared by."""
        first = self.top[min(self.top)] if self.top else Fraction(1)
        return Exact({monomial: value / first for monomial, value in self.top.items()}, UNIT)


def _quotient(top: Poly, bottom: Poly) -> Exact:
    """With the denominator 1 where it is one term that can be inverted."""
    if len(bottom) != 1:
        return Exact(top, bottom)
    ((monomial, value),) = bottom.items()
    inverted = [(g, -e) for g, e in monomial if g.inner is None]
    kept = tuple((g, e) for g, e in monomial if g.inner is not None)
    return Exact(times(top, reduced(inverted, 1 / value)), {kept: Fraction(1)})


def number(value: Fraction | int) -> Exact:
    return Exact({ONE: Fraction(value)} if value else {}, UNIT)


def of(generator: Generator, exponent: Fraction | int = 1) -> Exact:
    return Exact({((generator, Fraction(exponent)),): Fraction(1)}, UNIT)


def symbol(name: str) -> Exact:
    return of(Generator(name, lambda point: point[name], symbols=frozenset({name})))


def infinity() -> Exact:
    return of(Generator("oo", lambda _: math.inf, opaque=True))


def any_opaque(*values: Exact) -> bool:
    return any(g.opaque for value in values for g in value.generators)


def any_logarithm(*values: Exact) -> bool:
    return any(g.logarithm for value in values for g in value.generators)


def same(a: Exact, b: Exact) -> bool | None:
    """Are two values the same? None where neither sameness nor difference could be shown."""
    if not add(times(a.top, b.bottom), times(b.top, a.bottom), -1):
        return True
    if a.rational() is not None and b.rational() is not None:
        return False
    if infinite(a) or infinite(b):
        other = b if infinite(a) else a
        return None if any_opaque(other) and not infinite(other) else infinite(a) == infinite(b)
    if any_opaque(a, b):
        return None
    if all(_independent(g) for g in a.generators | b.generators):
        return False
    logs = (math.log(10), 1.0) if any_logarithm(a, b) else (1.0,)
    symbols = sorted(a.symbols | b.symbols)
    for seed, scale in ((0.37, 1), (0.71, 1), (0.13, 10)):
        point = _point(symbols, seed, scale)
        if all(_apart(a, b, point | {"log": log}) for log in logs):
            return False
    return None


def _independent(generator: Generator) -> bool:
    """Is it a symbol, i, or the root of a number that is known to be prime?"""
    if generator.prime:
        return generator.prime <= LARGEST_FACTOR**2
    return generator is I or generator.symbols == {generator.key}


def infinite(value: Exact) -> int:
    """1 or -1 for plus or minus infinity, else 0."""
    if value.bottom != UNIT or [[g.key for g, _ in monomial] for monomial in value.top] != [["oo"]]:
        return 0
    (coefficient,) = value.top.values()
    return 1 if coefficient > 0 else -1


def _point(symbols: list[str], seed: float, scale: float) -> dict[str, float]:
    """A positive value for each symbol, all different."""
    return {
        name: scale * (1 + 2 * ((seed + 0.618034 * (i + 1)) % 1)) for i, name in enumerate(symbols)
    }


def _apart(a: Exact, b: Exact, point: Point) -> bool:
    try:
        x, y = a.at(point), b.at(point)
        size, off = max(abs(x), abs(y)), abs(x - y)
    except (ArithmeticError, ValueError):
        return False
    return math.isfinite(size) and off > 1e-7 * size
