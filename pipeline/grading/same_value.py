"""Do two single values say the same, though one may be rounded, a percentage, or without its unit?"""

from __future__ import annotations

from fractions import Fraction

from pipeline.grading.exact import Exact, number, same
from pipeline.grading.nodes import Scalar
from pipeline.grading.normal import rounds
from pipeline.grading.sameness import DIFFERENT, SAME, UNCLEAR, UNKNOWN, Sameness, any_of

_UNITS = frozenset([*"msghdkltcABCFGHJKLMNSTVW", r"\Omega", r"\mu"])
"""Letters that may be a unit, or a scale; x, y, n and the like are none."""


def compare_scalars(a: Scalar, b: Scalar, decimals: int) -> Sameness:
    if "/" in a.unit + b.unit and a.unit and b.unit and a.unit != b.unit:
        return UNCLEAR  # rates may be the same in other units
    if a.percent == b.percent:
        return _values(a, b, decimals)
    found = any_of([_values(a, b, decimals), _values(_share(a), _share(b), decimals)])
    measured = b.unit if a.percent else a.unit
    return UNCLEAR if measured and found is SAME else found


def _values(a: Scalar, b: Scalar, decimals: int) -> Sameness:
    found = same(a.value, b.value)
    if found:
        return SAME
    rounded = any_of(_rounded(x, y, decimals) for x, y in ((a, b), (b, a)))
    if rounded is not DIFFERENT:
        return rounded
    if _differ_in_unit(a.value, b.value) or _differ_in_names(a.value, b.value):
        return UNCLEAR
    return UNKNOWN if found is None else DIFFERENT


def _rounded(short: Scalar, exact: Scalar, decimals: int) -> Sameness:
    decimal, value = short.value.rational(), number_of(exact.value)
    if decimal is None or value is None:
        return DIFFERENT
    found = rounds(decimal, short.places, value, exact.places, decimals)
    return UNCLEAR if found is None else SAME if found else DIFFERENT


def compare_exact(a: Exact, b: Exact) -> Sameness:
    """SAME or DIFFERENT where that is proved, else UNKNOWN."""
    found = same(a, b)
    return UNKNOWN if found is None else SAME if found else DIFFERENT


def number_of(value: Exact) -> Fraction | None:
    """The value as a number, near enough to tell roundings, or None."""
    known = value.rational()
    if known is not None or value.symbols:
        return known
    try:
        near = value.at({"log": 1.0})
        return Fraction(near.real) if abs(near.imag) < 1e-9 else None
    except (ArithmeticError, ValueError, KeyError):
        return None


def _share(scalar: Scalar) -> Scalar:
    """A percentage as a share of one."""
    if not scalar.percent:
        return scalar
    return Scalar(scalar.value * number(Fraction(1, 100)), (scalar.places or 0) + 2)


def _differ_in_unit(a: Exact, b: Exact) -> bool:
    """Is one of them a number, and the other one times letters that may be its unit?"""
    if bool(a.symbols) == bool(b.symbols):
        return False
    measured = a if a.symbols else b
    return measured.symbols <= _UNITS and len(measured.top) == len(measured.bottom) == 1


def _differ_in_names(a: Exact, b: Exact) -> bool:
    """Do letters that only one of them has stand for those that only the other has? k may be another's n,
    and x_1 another's x_2."""
    one, other = sorted(a.symbols - b.symbols), sorted(b.symbols - a.symbols)
    stems = [{name.partition("_")[0] for name in names} for names in (one, other)]
    if any("_" in name for name in one + other) and stems[0] & stems[1]:
        return True
    if not one or len(one) != len(other):
        return False
    point = {name: 1.3 + 0.618 * i for i, name in enumerate(sorted(a.symbols))} | {"log": 1.0}
    renamed = point | {new: point[old] for old, new in zip(one, other, strict=True)}
    try:
        x, y = a.at(point), b.at(renamed)
    except (ArithmeticError, ValueError, KeyError):
        return False
    return abs(x - y) <= 1e-9 * max(abs(x), abs(y))
