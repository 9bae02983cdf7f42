"""Are the two sides of a claimed equation equal, as people write equations?

Exactly, or as a rounded decimal: `EXACT`. In a way that other readings explain (digits cut off, a
run-on chain, two units, a difference without its sign, a percentage of who knows what), or as a
condition on a variable: `UNCHECKED`. Otherwise `CONTRADICTED`. An equation with variables is
contradicted where no value at all fulfils it (x + 2 = x + 3), and where it is certainly meant as an
identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from annotators.expressions import UNIT, Number, Value, plain
from annotators.forms import Form, Unclear
from annotators.sides import Side, numbers, read_side
from annotators.tokens import Kind, Token
from annotators.wording import MEASURES
from annotators.written import shown
from pipeline.records import Status

_FACTORS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 1440, 3600, 5280, 10**6)
)
_CYCLES = (7, 12, 24, 60, 360)
"""Counts after which days, months, hours, minutes and degrees start again."""
_FLOAT_NOISE = 10**9
"""1.6363636363636365 for 18/11 is what a calculator shows."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`pairs` are the numbers on both sides in each reading; `expected` shows the left one."""

    status: Status
    pairs: tuple[tuple[Fraction, Fraction], ...] = ()
    expected: str = ""


def judge(left: Side, right: Side, unit: str, identity: bool = False) -> Judgement:
    """`unit` is the word, maybe a unit, that follows the right side; `identity` says that the text is
    rewriting an expression, so that an equation is meant for all values of its variables."""
    try:
        pairs = [(a.value, b.value) for a in left.values for b in right.values]
        named = Form.symbol(UNIT + unit)
        if any(_same(a, b) or (unit and _same(a, b * named)) for a, b in pairs):
            return Judgement(Status.EXACT)
        if _same_to_a_constant(left, right):
            return Judgement(Status.EXACT)
        symbols = left.symbols | right.symbols
        if all(name.startswith(UNIT) for name in symbols):
            return _judge_numbers(left, right, unit, symbols)
        return _judge_algebra(left, right, identity)
    except Unclear:
        return Judgement(Status.UNCHECKED)


def _same(a: Number, b: Number) -> bool:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    return plain(a - b) == 0


def _same_to_a_constant(left: Side, right: Side) -> bool:
    if not any(v.any_constant for v in left.values + right.values):
        return False
    rest = Form.of(left.values[0].value - right.values[0].value)
    return all(
        not powers or powers in ((("C", 1),), (("c", 1),), (("K", 1),)) for _, powers in rest.top
    ) and list(rest.bottom) == [(1, ())]


def _judge_numbers(left: Side, right: Side, unit: str, symbols: frozenset[str]) -> Judgement:
    pairs = tuple((numbers(a), numbers(b)) for a in left.values for b in right.values)
    expected = shown(pairs[0][0] if symbols else left.values[0].value)
    rounded = any(n.places for n in left.numbers + right.numbers)
    if any(
        a == b or (rounded and close(a, b, _FLOAT_NOISE)) or _as_rounded(a, b, right)
        for a, b in pairs
    ):
        doubtful = len({name[1:] for name in symbols} & MEASURES) > 1 or _has_unit_rate(left, right)
        return Judgement(Status.UNCHECKED if doubtful else Status.EXACT, pairs, expected)
    explained = (
        left.ambiguous
        or right.ambiguous
        or any(_unsigned(a, b, left, right) or _near(a, b, left, right) for a, b in pairs)
        or any(_same(a.value, head) for a in left.values for b in right.values for head in b.heads)
        or _is_share(left, right)
        or _is_share(right, left)
        or _dots_may_group(left, right)
        or _units_differ(pairs, left, right, bool(unit or symbols))
        or (bool(symbols) and not _alike(left, right, unit))
    )
    status = Status.UNCHECKED if explained else Status.CONTRADICTED
    return Judgement(status, pairs, expected)


def _unsigned(a: Fraction, b: Fraction, left: Side, right: Side) -> bool:
    """A difference the other way round: $1800 - $2000 = $200."""
    return a == -b and b > 0 and len(left.numbers) == 2 and len(right.numbers) == 1


def _alike(left: Side, right: Side, unit: str) -> bool:
    """Are both sides so many of the same thing? The right one may leave out of what, unless it is money."""
    if any(n.money for n in right.numbers) and not any(n.money for n in left.numbers):
        return False
    a, b = Form.of(left.values[0].value), Form.of(right.values[0].value)
    found = a.monomial()
    if found is None or found[1]:
        return False
    if b.symbols:
        return b.monomial() == found
    return not unit or any(name == UNIT + unit for name, _ in found[0])


def _has_unit_rate(left: Side, right: Side) -> bool:
    tokens = left.tokens + right.tokens
    return any(a.text == "/" and b.kind is Kind.UNIT for a, b in pairwise(tokens))


def _judge_algebra(left: Side, right: Side, identity: bool) -> Judgement:
    a, b = left.values[0], right.values[0]
    inexact = any(n.places or n.percent for n in left.numbers + right.numbers)
    several = len(left.values) * len(right.values) > 1
    difference = plain(a.value - b.value)
    if inexact or several:
        return Judgement(Status.UNCHECKED)
    impossible = isinstance(difference, Fraction) or not difference.symbols
    if not impossible and any(_same(a.value, head) for head in b.heads):
        return Judgement(Status.UNCHECKED)
    simplified = _collected(left, right)
    meant = a.calculus or b.calculus or (identity and left.symbols == right.symbols)
    if impossible or simplified or meant:
        return Judgement(Status.CONTRADICTED, (), shown(a.value))
    return Judgement(Status.UNCHECKED)


def _collected(left: Side, right: Side) -> bool:
    """Like terms on the left and one on the right: 3x + 2x = 6x."""
    a, b = Form.of(left.values[0].value), Form.of(right.values[0].value)
    terms = sum(t.kind is Kind.OPERATOR and t.text in "+-" for t in left.tokens[1:])
    one = not any(t.kind is Kind.OPERATOR and t.text in "+-*/" for t in right.tokens[1:])
    return terms > 0 and one and a.monomial() is not None and a.monomial() == b.monomial()


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
    stated = right.numbers
    if len(stated) == 1 and a.denominator != 1 and abs(a - b) < Fraction(1, 10 ** stated[0].places):
        return True
    rounded = [n for n in left.numbers + stated if n.places >= 2 and n.text[-1] not in "05"]
    return any(close(a, b, _precision(n) if _multiplies(left) else 200) for n in rounded)


def _precision(number: Token) -> int:
    """The part of it that rounding may have taken off: 74, for 0.37 may be 0.365; 200 at most, and where
    one digit is shown, which is seldom a rounding."""
    digits = int(number.text.replace(".", ""))
    return min(200, 2 * digits) if digits > 9 else 200


def _multiplies(side: Side) -> bool:
    return not any(t.kind is Kind.OPERATOR and t.text in "+-" for t in side.tokens)


def _is_share(side: Side, amount: Side) -> bool:
    """Fractions of a whole, equated with what they amount to: 1 - 1/4 = 30 apples, 25% + 5% = 60."""
    parts = [
        t
        for t, after in zip(side.tokens, (*side.tokens[1:], None), strict=True)
        if t.percent or t.kind is Kind.FRAC or (t.text == "/" and after and not after.spaced)
    ]
    plainly = all(t.kind is not Kind.OPERATOR or t.text in "+-/" for t in side.tokens)
    small = all(int(n.text.partition(".")[0] or 0) <= 100 and not n.money for n in side.numbers)
    if not parts or not plainly or not small or amount.computes:
        return False
    if any(number.percent for number in amount.numbers):
        return False
    return 0 < numbers(side.values[0]) <= 1 < numbers(amount.values[0])


def _dots_may_group(left: Side, right: Side) -> bool:
    """1.500 + 500 = 2.000, in Europe's way of writing thousands."""
    if not any(map(_may_group, left.tokens + right.tokens)):
        return False
    a, b = _dots_left_out(left), _dots_left_out(right)
    return any(_same(x.value, y.value) for x in a for y in b)


def _dots_left_out(side: Side) -> tuple[Value, ...]:
    tokens = [t._replace(text=t.text.replace(".", "")) if _may_group(t) else t for t in side.tokens]
    read = read_side(tokens)
    return read.values if read else ()


def _may_group(token: Token) -> bool:
    return (
        token.kind is Kind.NUMBER
        and token.places == 3
        and len(token.text) <= 7
        and token.text[0] not in "0."
    )


def _units_differ(
    pairs: Sequence[tuple[Fraction, Fraction]], left: Side, right: Side, unit_named: bool
) -> bool:
    """May the sides be the same quantity in two units, such as minutes and hours?"""
    money = [any(number.money for number in side.numbers) for side in (left, right)]
    if not unit_named and money[0] == money[1]:
        return False
    return any(a and b and max(a / b, b / a) in _FACTORS for a, b in pairs)
