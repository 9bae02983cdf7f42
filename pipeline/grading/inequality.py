"""What an inequality says of its variable: an interval, or a condition where it isn't solved for one."""

from __future__ import annotations

from fractions import Fraction

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.exact import Exact, infinity
from pipeline.grading.nodes import Condition, Interval, Node, Scalar

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def inequality(left: Exact, operator: str, right: Exact) -> Node:
    """2x < 6, or with any other operator."""
    zero = left - right
    if len(zero.symbols) == 1 and operator != "!=":
        (variable,) = zero.symbols
        solved = zero.linear(variable)
        slope = solved[0].rational() if solved else None
        if solved and slope:
            bound = Scalar(-solved[1] / solved[0])
            below = operator if slope > 0 else _FLIPPED[operator]
            if below in ("<", "<="):
                low = Scalar(-infinity())
                return Interval(low, bound, "(", "]" if below == "<=" else ")", variable)
            high = Scalar(infinity())
            return Interval(bound, high, "[" if below == ">=" else "(", ")", variable)
    normed = zero.normed()
    if zero.bottom != normed.bottom and operator != "!=":
        raise NotUnderstood("an inequality with a denominator")
    first = zero.top[min(zero.top)] if zero.top else Fraction(1)
    return Condition(_FLIPPED.get(operator, operator) if first < 0 else operator, normed)


def between(values: list[Exact], operators: list[str]) -> Node:
    """a < x <= b, in either direction."""
    if set(operators) <= {">", ">="}:
        values, operators = values[::-1], [_FLIPPED[operator] for operator in operators[::-1]]
    if not set(operators) <= {"<", "<="}:
        raise NotUnderstood("relations of several kinds")
    low, middle, high = values
    if len(middle.symbols) != 1 or low.symbols or high.symbols:
        raise NotUnderstood("not the bounds of one variable")
    (variable,) = middle.symbols
    solved = middle.linear(variable)
    slope = solved[0].rational() if solved else None
    if not solved or not slope or slope < 0:
        raise NotUnderstood("not the bounds of one variable")
    bottom, top = (Scalar((end - solved[1]) / solved[0]) for end in (low, high))
    opening, closing = "[" if operators[0] == "<=" else "(", "]" if operators[1] == "<=" else ")"
    return Interval(bottom, top, opening, closing, variable)
