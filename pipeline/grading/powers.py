"""Powers and roots of exact values: a root of a number is taken apart into roots of primes."""

from __future__ import annotations

import math
from fractions import Fraction

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.exact import Exact, any_logarithm, any_opaque, number, of
from pipeline.grading.polynomial import (
    LARGEST_FACTOR,
    MAX_EXPONENT,
    UNIT,
    E,
    Generator,
    I,
    Poly,
    reduced,
)


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
                reduced([(_prime(factor), sign * count * exponent)], Fraction(1)), UNIT
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
        result = result * Exact(reduced(powers, Fraction(1)), UNIT)
        rest = {tuple((g, e) for g, e in monomial if not g.positive): Fraction(1)}
        if rest == UNIT:
            return result
    inner = Exact(rest, UNIT)
    base = Generator(
        inner.key, inner.at, symbols=inner.symbols, inner=rest, opaque=any_opaque(inner)
    )
    return result * Exact(reduced([(base, exponent)], Fraction(1)), UNIT)


def _symbolic_power(base: Exact, exponent: Exact) -> Exact:
    """Term by term of the exponent, so that 2^(n+1) is 2·2^n and 4^n is (2^n)²."""
    value = base.rational()
    if exponent.bottom != UNIT:
        bases = [(base, Fraction(1))]
        terms = [(exponent, Fraction(1))]
    else:
        terms = [(Exact({m: Fraction(1)}, UNIT), c) for m, c in exponent.top.items()]
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
