"""Functions of exact values: circular, logarithms, roots, whole parts, factorials, and unknown ones."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from fractions import Fraction

from pipeline.grading.errors import NotUnderstood
from pipeline.grading.exact import Exact, any_logarithm, any_opaque, number, of
from pipeline.grading.polynomial import PI, E, Generator, Point, real
from pipeline.grading.powers import power

MAX_FACTORIAL = 60
MAX_SHIFT = 8

_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "cot": lambda x: 1 / cmath.tan(x),
    "sec": lambda x: 1 / cmath.cos(x),
    "csc": lambda x: 1 / cmath.sin(x),
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "tanh": cmath.tanh,
    "ln": cmath.log,
    "abs": abs,
    "floor": lambda x: math.floor(x.real),
    "ceil": lambda x: math.ceil(x.real),
}
_WHOLE: dict[str, Callable[[Fraction], Fraction | int]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
}
FUNCTIONS = frozenset(_FUNCTIONS) | {"log", "exp", "sqrt"}
_CIRCULAR = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


def call(name: str, *arguments: Exact) -> Exact:
    """A function of FUNCTIONS, or an unknown one; `log` takes its base as a second argument."""
    value = arguments[0].rational()
    if name == "sqrt":
        return power(arguments[0], number(Fraction(1, 2)))
    if name == "exp":
        return power(of(E), arguments[0])
    if value is not None and name in _WHOLE:
        return number(_WHOLE[name](value))
    if len(arguments) == 2 and name == "log":
        return call("ln", arguments[0]) / call("ln", arguments[1])
    if name in ("ln", "log") and value == 1:
        return number(0)
    function = _FUNCTIONS.get(name)
    known = function is not None or name == "log"
    # a whole multiple of π, for whole n, is another matter than for any n
    whole = bool(arguments[0].symbols) and (
        name in ("floor", "ceil") or (name in _CIRCULAR and PI in arguments[0].generators)
    )

    def at(point: Point) -> complex:
        inside = complex(arguments[0].at(point))
        if name in ("ln", "log"):
            inside = real(inside, arguments[0].symbols)
        return function(inside) if function else cmath.log(inside) / point["log"]

    return of(
        Generator(
            f"{name}({','.join(argument.key for argument in arguments)})",
            at,
            symbols=frozenset().union(*(argument.symbols for argument in arguments)),
            opaque=not known or whole or any_opaque(*arguments),
            logarithm=name == "log" or any_logarithm(*arguments),
        )
    )


def factorial(value: Exact) -> Exact:
    """n!; (n+2)! is n!·(n+1)(n+2), so that n!/(n-1)! is n."""
    known = value.rational()
    if known is not None:
        if known.denominator != 1 or not 0 <= known <= MAX_FACTORIAL:
            raise NotUnderstood("no such factorial")
        return number(math.factorial(int(known)))
    shift = value.constant()
    if shift.denominator != 1 or abs(shift) > MAX_SHIFT:
        raise NotUnderstood("no such factorial")
    base = value - number(shift)
    result = of(
        Generator(
            f"fact({base.key})",
            lambda point: math.gamma(base.at(point).real + 1),
            symbols=base.symbols,
            opaque=any_opaque(base),
            positive=True,
        )
    )
    for step in range(1, int(shift) + 1):
        result = result * (base + number(step))
    for step in range(int(shift) + 1, 1):
        result = result / (base + number(step))
    return result
