"""Are the two sides of a claimed equation equal, as people write equations?

Exactly, or as a rounded decimal: `EXACT`. In a way that other readings explain (digits cut off, a
run-on chain, two units, a difference without its sign, a percentage of who knows what): `UNCHECKED`.
Otherwise `CONTRADICTED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators.expressions import Kind, Percent, Token, Value, evaluate
from pipeline.records import Status

_FACTORS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280, 10**6)
)
_CYCLES = (7, 12, 24, 60, 360)
"""Counts after which days, months, hours, minutes and degrees start again."""
_FLOAT_NOISE = 10**9
"""1.6363636363636365 for 18/11 is what a calculator shows."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation. `values`: one for each reading of its percent signs."""

    tokens: tuple[Token, ...]
    values: tuple[Value, ...]
    ambiguous: bool = False
    """It adds or takes off a percentage, as in 200 - 15%, of what it doesn't say."""

    @property
    def numbers(self) -> list[Token]:
        return [token for token in self.tokens if token.kind is Kind.NUMBER]


def read_side(tokens: Sequence[Token]) -> Side | None:
    """None where the side has no certain value."""
    readings = tuple(Percent) if any(t.percent for t in tokens) else (Percent.HUNDREDTHS,)
    found = {r: value for r in readings if (value := evaluate(tokens, r)) is not None}
    relative, plain = found.get(Percent.RELATIVE), found.get(Percent.HUNDREDTHS)
    ambiguous = Percent.RELATIVE in readings and relative != plain
    return Side(tuple(tokens), tuple(found.values()), ambiguous) if found else None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`pairs` are the values of both sides in each reading; `expected` shows the left one."""

    status: Status
    pairs: tuple[tuple[Fraction, Fraction], ...]

    @property
    def expected(self) -> str:
        return _shown(self.pairs[0][0])


def judge(left: Side, right: Side, unit_named: bool) -> Judgement:
    """`unit_named` says that a word, maybe a unit, follows the right side."""
    pairs = tuple((a.value, b.value) for a in left.values for b in right.values)
    if any(close(a, b, _FLOAT_NOISE) or _as_rounded(a, b, right) for a, b in pairs):
        return Judgement(Status.EXACT, pairs)
    explained = (
        left.ambiguous
        or right.ambiguous
        or any(a == -b or _near(a, b, left, right) for a, b in pairs)
        or any(a.value in b.heads for a in left.values for b in right.values)
        or _units_differ(pairs, left, right, unit_named)
    )
    return Judgement(Status.UNCHECKED if explained else Status.CONTRADICTED, pairs)


def close(a: Fraction, b: Fraction, part: int) -> bool:
    return abs(a - b) * part <= max(abs(a), abs(b))


def same_in_cycle(exact: Fraction, stated: Fraction) -> bool:
    """Are they equal where counting starts again, as in 10 + 5 = 3 o'clock, 350 + 20 = 10 degrees?"""
    return any(0 <= stated <= cycle and (exact - stated) % cycle == 0 for cycle in _CYCLES)


def _as_rounded(exact: Fraction, stated: Fraction, right: Side) -> bool:
    """Is the right side, one number with decimals, the exact value rounded to those decimals?"""
    if len(right.numbers) != 1 or not (places := right.numbers[0].places):
        return False
    return abs(stated - exact) * 2 <= Fraction(1, 10**places)


def _near(a: Fraction, b: Fraction, left: Side, right: Side) -> bool:
    """A difference that cutting off digits, on either side, may explain."""
    numbers = right.numbers
    if (
        len(numbers) == 1
        and a.denominator != 1
        and abs(a - b) < Fraction(1, 10 ** numbers[0].places)
    ):
        return True
    rounded = any(n.places >= 2 and n.text[-1] not in "05" for n in left.numbers + numbers)
    return rounded and close(a, b, 200)


def _units_differ(
    pairs: Sequence[tuple[Fraction, Fraction]], left: Side, right: Side, unit_named: bool
) -> bool:
    """May the sides be the same quantity in two units, such as minutes and hours?"""
    money = [any(number.money for number in side.numbers) for side in (left, right)]
    if not unit_named and money[0] == money[1]:
        return False
    return any(a and b and max(a / b, b / a) in _FACTORS for a, b in pairs)


def _shown(value: Fraction) -> str:
    """An exact value as a person would write it."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1 and value.denominator <= 10**9:
        return f"{float(value):.12g}"
    return f"{value.numerator}/{value.denominator}"
