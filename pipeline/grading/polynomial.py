"""Polynomials over the rationals in symbols, roots, powers and functions: what exact values are made of.

Nothing is evaluated as Python; every size is capped, and what is over a cap raises NotUnderstood.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from pipeline.grading.errors import NotUnderstood

MAX_TERMS = 200
MAX_BITS = 2000
MAX_EXPONENT = 200
MAX_KEY = 1000
LARGEST_FACTOR = 10_000
"""A `Generator.prime` up to its square is known to be one."""

Point = Mapping[str, float]
"""A value for each symbol; "log" holds the logarithm of the base that \\log means."""


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
ONE: Monomial = ()
UNIT: Poly = {ONE: Fraction(1)}

I = Generator("i", lambda _: 1j)  # noqa: E741 - the imaginary unit
PI = Generator("pi", lambda _: math.pi, positive=True)
E = Generator("e", lambda _: math.e, positive=True)


def _check(poly: Poly) -> Poly:
    if len(poly) > MAX_TERMS:
        raise NotUnderstood("too many terms")
    for value in poly.values():
        if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
            raise NotUnderstood("too large a number")
    return poly


def add(a: Poly, b: Poly, sign: int = 1) -> Poly:
    """a + sign · b."""
    total = dict(a)
    for monomial, value in b.items():
        new = total.get(monomial, Fraction(0)) + sign * value
        if new:
            total[monomial] = new
        else:
            total.pop(monomial, None)
    return _check(total)


def times(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > 4 * MAX_TERMS:
        raise NotUnderstood("too many terms")
    total: Poly = {}
    for one, x in a.items():
        for other, y in b.items():
            if not one or not other:
                terms = {one or other: x * y}
            else:
                terms = reduced([*one, *other], x * y)
            total = add(total, terms)
    return total


def reduced(powers: list[tuple[Generator, Fraction]], value: Fraction) -> Poly:
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
    return _check(reduce(times, expanded, {monomial: value}))


def symbols_of(poly: Poly) -> frozenset[str]:
    return frozenset().union(*(g.symbols for monomial in poly for g, _ in monomial))


def key_of(poly: Poly) -> str:
    """A text that polynomials have in common only where they are the same."""
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


def value_at(poly: Poly, point: Point) -> complex:
    """An approximate value. Raises as `Exact.at`."""
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
