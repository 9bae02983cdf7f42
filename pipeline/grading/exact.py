"""Exact values: quotients of polynomials over the rationals in symbols, roots, powers and functions.

Equality of two values that is found here is proved: cross-multiplied, their difference is the empty
polynomial. Square and higher roots of distinct primes are linearly independent over the rationals
(Besicovitch 1940), so for those, and for polynomials, the form decides both ways. A difference of
others (nested roots, logarithms) is told by evaluating both. Nothing is evaluated as Python; every size
is capped, and what is over a cap raises NotUnderstood.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

MAX_TERMS = 200
MAX_BITS = 2000
MAX_EXPONENT = 200
MAX_KEY = 1000
LARGEST_FACTOR = 10_000

Point = Mapping[str, float]
"""A value for each symbol; "log" holds the logarithm of the base that \\log means."""


class NotUnderstood(ValueError):
    """A text, or a value, that this package says nothing of."""


class Ambiguous(NotUnderstood):
    """A text that can be read in two ways: nobody may say which."""


@dataclass(frozen=True, order=True, slots=True)
class Generator:
    """What polynomials are made of. `positive`: powers of powers multiply. `opaque`: its value isn't
    known, so that only identical forms are the same."""

    key: str
    at: Callable[[Point], complex] = field(compare=False, repr=False)
    positive: bool = field(default=False, compare=False)
    opaque: bool = field(default=False, compare=False)
    symbols: frozenset[str] = field(default=frozenset(), compare=False)
    inner: Poly | None = field(default=None, compare=False, repr=False)
    """Of a root: what stands under it. Whole powers are expanded."""
    prime: int = field(default=0, compare=False)
    logarithm: bool = field(default=False, compare=False)


Monomial = tuple[tuple[Generator, Fraction], ...]
Poly = dict[Monomial, Fraction]
_ONE: Monomial = ()


def _check(poly: Poly) -> Poly:
    if len(poly) > MAX_TERMS:
        raise NotUnderstood("too many terms")
    for value in poly.values():
        if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
            raise NotUnderstood("too large a number")
    return poly


def _add(a: Poly, b: Poly, sign: int = 1) -> Poly:
    total = dict(a)
    for monomial, value in b.items():
        new = total.get(monomial, Fraction(0)) + sign * value
        if new:
            total[monomial] = new
        else:
            total.pop(monomial, None)
    return _check(total)


def _times(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > 4 * MAX_TERMS:
        raise NotUnderstood("too many terms")
    total: Poly = {}
    for one, x in a.items():
        for other, y in b.items():
            if not one or not other:
                terms = {one or other: x * y}
            else:
                terms = _reduced([*one, *other], x * y)
            total = _add(total, terms)
    return total


def _reduced(powers: list[tuple[Generator, Fraction]], value: Fraction) -> Poly:
    """A product of powers in normal form: i² is -1, 2^(3/2) is 2·2^(1/2), √(x+1)² is x+1."""
    exponents: dict[Generator, Fraction] = {}
    for generator, exponent in powers:
        exponents[generator] = exponents.get(generator, Fraction(0)) + exponent
    expanded: list[Poly] = []
    for generator, exponent in list(exponents.items()):
        if abs(exponent) > MAX_EXPONENT:
            raise NotUnderstood("too large a power")
        whole = math.floor(exponent)
        if generator is I:
            value *= (-1) ** ((whole % 4) // 2)
            exponents[generator] = Fraction(whole % 2)
        elif generator.prime and whole:
            value *= Fraction(generator.prime) ** whole
            exponents[generator] -= whole
        elif generator.inner is not None and whole > 0:
            expanded += [generator.inner] * whole
            exponents[generator] -= whole
    monomial = tuple(sorted((g, e) for g, e in exponents.items() if e))
    return _check(reduce(_times, expanded, {monomial: value}))


def _symbols(poly: Poly) -> frozenset[str]:
    return frozenset().union(*(g.symbols for monomial in poly for g, _ in monomial))


def _key(poly: Poly) -> str:
    terms = [
        f"{value}*" + "*".join(f"{g.key}^{e}" for g, e in monomial)
        for monomial, value in sorted(
            poly.items(), key=lambda item: [(g.key, e) for g, e in item[0]]
        )
    ]
    text = "(" + "+".join(terms) + ")"
    if len(text) > MAX_KEY:
        raise NotUnderstood("too long")
    return text


def real(value: complex, symbols: frozenset[str]) -> complex:
    """As it is, or ValueError where symbols lead out of the real numbers: there, laws of roots and
    logarithms don't hold, so that a difference says nothing."""
    if symbols and (abs(value.imag) > 1e-12 or value.real <= 0):
        raise ValueError("outside the real numbers")
    return value


def _at(poly: Poly, point: Point) -> complex:
    total = 0j
    for monomial, value in poly.items():
        term = complex(value)
        for generator, exponent in monomial:
            base = generator.at(point)
            if exponent.denominator == 1:
                term *= base ** int(exponent)
            else:
                term *= real(base, generator.symbols) ** float(exponent)
        total += term
    return total


@dataclass(frozen=True, slots=True)
class Exact:
    """`top` / `bottom`."""

    top: Poly
    bottom: Poly

    def __add__(self, other: Exact) -> Exact:
        if self.bottom == other.bottom:
            return Exact(_add(self.top, other.top), self.bottom)
        return Exact(
            _add(_times(self.top, other.bottom), _times(other.top, self.bottom)),
            _times(self.bottom, other.bottom),
        )

    def __neg__(self) -> Exact:
        return Exact({monomial: -value for monomial, value in self.top.items()}, self.bottom)

    def __sub__(self, other: Exact) -> Exact:
        return self + -other

    def __mul__(self, other: Exact) -> Exact:
        return Exact(_times(self.top, other.top), _times(self.bottom, other.bottom))

    def __truediv__(self, other: Exact) -> Exact:
        if not other.top:
            raise NotUnderstood("division by zero")
        return _quotient(_times(self.top, other.bottom), _times(self.bottom, other.top))

    @property
    def key(self) -> str:
        return _key(self.top) + ("" if self.bottom == _UNIT else "/" + _key(self.bottom))

    @property
    def symbols(self) -> frozenset[str]:
        return _symbols(self.top) | _symbols(self.bottom)

    @property
    def generators(self) -> frozenset[Generator]:
        return frozenset(
            g for poly in (self.top, self.bottom) for monomial in poly for g, _ in monomial
        )

    def rational(self) -> Fraction | None:
        """The value, where it is a rational number."""
        if self.bottom != _UNIT or any(monomial for monomial in self.top):
            return None
        return self.top.get(_ONE, Fraction(0))

    def constant(self) -> Fraction:
        """The term without a symbol, of a polynomial; 0 of what has a denominator."""
        return self.top.get(_ONE, Fraction(0)) if self.bottom == _UNIT else Fraction(0)

    def at(self, point: Point) -> complex:
        """An approximate value. Raises ArithmeticError, or ValueError outside a function's domain."""
        return _at(self.top, point) / _at(self.bottom, point)

    def linear(self, symbol: str) -> tuple[Exact, Exact] | None:
        """(a, b) where this is a·symbol + b and neither holds the symbol; None otherwise."""
        if symbol in _symbols(self.bottom):
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
        return Exact({monomial: value / first for monomial, value in self.top.items()}, _UNIT)


_UNIT: Poly = {_ONE: Fraction(1)}


def _quotient(top: Poly, bottom: Poly) -> Exact:
    """With the denominator 1 where it is one term that can be inverted."""
    if len(bottom) != 1:
        return Exact(top, bottom)
    ((monomial, value),) = bottom.items()
    inverted = [(g, -e) for g, e in monomial if g.inner is None]
    kept = tuple((g, e) for g, e in monomial if g.inner is not None)
    return Exact(_times(top, _reduced(inverted, 1 / value)), {kept: Fraction(1)})


I = Generator("i", lambda _: 1j)  # noqa: E741 - the imaginary unit
PI = Generator("pi", lambda _: math.pi, positive=True)
E = Generator("e", lambda _: math.e, positive=True)


def number(value: Fraction | int) -> Exact:
    return Exact({_ONE: Fraction(value)} if value else {}, _UNIT)


def of(generator: Generator, exponent: Fraction | int = 1) -> Exact:
    return Exact({((generator, Fraction(exponent)),): Fraction(1)}, _UNIT)


def symbol(name: str) -> Exact:
    return of(Generator(name, lambda point: point[name], symbols=frozenset({name})))


def infinity() -> Exact:
    return of(Generator("oo", lambda _: math.inf, opaque=True))


def _prime(value: int) -> Generator:
    return Generator(f"#{value}", lambda _: value, positive=True, prime=value)


def _factors(value: int) -> list[tuple[int, int]]:
    """Prime factors; one that is over LARGEST_FACTOR² may be composite, which costs proofs alone."""
    root = math.isqrt(value)
    if root > LARGEST_FACTOR and root * root == value:
        return [(factor, 2 * count) for factor, count in _factors(root)]
    found = []
    factor = 2
    while factor * factor <= value and factor <= LARGEST_FACTOR:
        count = 0
        while value % factor == 0:
            value //= factor
            count += 1
        if count:
            found.append((factor, count))
        factor += 1
    return found + [(value, 1)] * (value > 1)


def power(base: Exact, exponent: Exact) -> Exact:
    """base^exponent. Raises NotUnderstood for 0^-1, and for roots of negative numbers but √."""
    known = exponent.rational()
    if known is None:
        return _symbolic_power(base, exponent)
    if known.denominator == 1:
        return _whole_power(base, int(known))
    return _root(base.top, known) / _root(base.bottom, known)


def _whole_power(base: Exact, exponent: int) -> Exact:
    if abs(exponent) > MAX_EXPONENT or (
        abs(exponent) > 24 and len(base.top) + len(base.bottom) > 2
    ):
        raise NotUnderstood("too large a power")
    if exponent < 0:
        return number(1) / _whole_power(base, -exponent)
    result = number(1)
    while exponent:
        if exponent & 1:
            result = result * base
        exponent >>= 1
        if exponent:
            base = base * base
    return result


def _root(poly: Poly, exponent: Fraction) -> Exact:
    """poly^exponent for an exponent that isn't whole."""
    if not poly:
        if exponent < 0:
            raise NotUnderstood("division by zero")
        return number(0)
    scale = Fraction(
        math.gcd(*(value.numerator for value in poly.values())),
        math.lcm(*(value.denominator for value in poly.values())),
    )
    rest = {monomial: value / scale for monomial, value in poly.items()}
    result = number(1)
    for whole, sign in ((scale.numerator, 1), (scale.denominator, -1)):
        for factor, count in _factors(whole):
            result = result * Exact(
                _reduced([(_prime(factor), sign * count * exponent)], Fraction(1)), _UNIT
            )
    if len(rest) == 1:
        ((monomial, value),) = rest.items()
        if value < 0:
            if exponent.denominator != 2:
                raise NotUnderstood("root of a negative number")
            result = result * of(I, 1) if exponent.numerator % 4 == 1 else result * -of(I, 1)
            rest = {monomial: -value}
        if len(monomial) == 1 and monomial[0][1] == 1 and monomial[0][0] is not I:
            return result * of(monomial[0][0], exponent)
        powers = [(g, e * exponent) for g, e in monomial if g.positive]
        result = result * Exact(_reduced(powers, Fraction(1)), _UNIT)
        rest = {tuple((g, e) for g, e in monomial if not g.positive): Fraction(1)}
        if rest == _UNIT:
            return result
    inner = Exact(rest, _UNIT)
    base = Generator(
        inner.key, inner.at, symbols=inner.symbols, inner=rest, opaque=any_opaque(inner)
    )
    return result * Exact(_reduced([(base, exponent)], Fraction(1)), _UNIT)


def any_opaque(*values: Exact) -> bool:
    return any(g.opaque for value in values for g in value.generators)


def any_logarithm(*values: Exact) -> bool:
    return any(g.logarithm for value in values for g in value.generators)


def _symbolic_power(base: Exact, exponent: Exact) -> Exact:
    """Term by term of the exponent, so that 2^(n+1) is 2·2^n and 4^n is (2^n)²."""
    value = base.rational()
    if exponent.bottom != _UNIT:
        bases = [(base, Fraction(1))]
        terms = [(exponent, Fraction(1))]
    else:
        terms = [(Exact({m: Fraction(1)}, _UNIT), c) for m, c in exponent.top.items()]
        bases = [(base, Fraction(1))]
        if value is not None and value > 0:
            bases = [
                (number(factor), Fraction(sign * count))
                for whole, sign in ((value.numerator, 1), (value.denominator, -1))
                for factor, count in _factors(whole)
            ]
    result = number(1)
    for term, coefficient in terms:
        plain = term.rational() is not None
        for factor, count in bases:
            if plain:
                result = result * power(factor, number(coefficient * count))
                continue
            positive = factor.top.keys() == {((E, Fraction(1)),)} or (factor.rational() or 0) > 0
            if not positive and coefficient.denominator != 1:
                raise NotUnderstood("root of what may be negative")
            result = result * of(_power_of(factor, term, positive), coefficient * count)
    return result


def _power_of(base: Exact, exponent: Exact, positive: bool) -> Generator:
    return Generator(
        f"{base.key}^[{exponent.key}]",
        lambda point: base.at(point) ** exponent.at(point),
        positive=positive,
        symbols=base.symbols | exponent.symbols,
        # (-1)^n is known at whole n alone, and what n is isn't said
        opaque=any_opaque(base, exponent) or (base.rational() or 1) < 0,
        logarithm=any_logarithm(base, exponent),
    )


def same(a: Exact, b: Exact) -> bool | None:
    """Are two values the same? None where neither sameness nor difference could be shown."""
    if not _add(_times(a.top, b.bottom), _times(b.top, a.bottom), -1):
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
    if value.bottom != _UNIT or [[g.key for g, _ in monomial] for monomial in value.top] != [
        ["oo"]
    ]:
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
