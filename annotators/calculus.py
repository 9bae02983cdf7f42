"""Derivatives and integrals of polynomials in one variable, exactly."""

from __future__ import annotations

from fractions import Fraction

from annotators.forms import Form, Term, Unclear


def derivative(form: Form, name: str) -> Form:
    """d/d`name` of a polynomial in `name` alone; of anything else Unclear is raised."""
    found: dict[Term, Fraction] = {}
    for power, value in _coefficients(form, name).items():
        if power:
            found[_term(name, power - 1)] = value * power
    return Form(found, form.bottom)


def antiderivative(product: Form, name: str) -> Form:
    """Of f dx, written as the product f * d * x, without its constant. Unclear is raised unless f is
    a polynomial in `name` alone."""
    found: dict[Term, Fraction] = {}
    for (root, powers), value in product.top.items():
        exponents = dict(powers)
        if root != 1 or exponents.pop("d", 0) != 1 or exponents.pop(name, 0) < 1 or exponents:
            raise Unclear
        power = dict(powers)[name]
        found[_term(name, power)] = value / power
    _coefficients(Form({}, product.bottom), name)
    return Form(found, product.bottom)


def definite(primitive: Form, name: str, low: int, high: int) -> Fraction:
    ends = [primitive.at(name, Fraction(end)) for end in (low, high)]
    bottom = next(iter(primitive.bottom.values()))
    if ends[0] is None or ends[1] is None:
        raise Unclear
    return (ends[1] - ends[0]) / bottom


def _coefficients(form: Form, name: str) -> dict[int, Fraction]:
    if list(form.bottom) != [(1, ())]:
        raise Unclear
    return {_power(term, name): value for term, value in form.top.items()}


def _power(term: Term, name: str) -> int:
    root, powers = term
    if root != 1 or len(powers) > 1 or any(other != name for other, _ in powers):
        raise Unclear
    return powers[0][1] if powers else 0


def _term(name: str, power: int) -> Term:
    return (1, ((name, power),) if power else ())
