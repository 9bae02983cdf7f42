"""Exact values as a person would write them."""

from __future__ import annotations

from fractions import Fraction

from annotators.expressions import UNIT, Number, plain
from annotators.forms import Form, Polynomial


def shown(value: Number) -> str:
    """Nothing of one that is long."""
    value = plain(value)
    if isinstance(value, Form):
        text = _polynomial(value.top)
        if list(value.bottom.items()) != [((1, ()), Fraction(1))]:
            text = f"({text})/({_polynomial(value.bottom)})"
        return text if len(text) <= 200 else ""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1 and value.denominator <= 10**9:
        return f"{float(value):.12g}"
    if value.denominator > 10**12:
        return f"about {float(value):.6g}"
    return f"{value.numerator}/{value.denominator}"


def _polynomial(polynomial: Polynomial) -> str:
    parts = []
    for (root, powers), factor in sorted(
        polynomial.items(), key=lambda term: (-sum(n for _, n in term[0][1]), term[0])
    ):
        names = [f"√{root}"] if root != 1 else []
        names += [name.lstrip(UNIT) + (f"^{n}" if n > 1 else "") for name, n in powers]
        number = shown(abs(factor)) if abs(factor) != 1 or not names else ""
        sign = "-" if factor < 0 else "+"
        parts.append(f" {sign} " + " ".join([number, *names]).strip())
    text = "".join(parts).removeprefix(" + ")
    return "-" + text[3:] if text.startswith(" - ") else text
