"""One side of an equation: its tokens, and its value in each way of reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from annotators.expressions import Percent, Value, evaluate
from annotators.forms import Form
from annotators.tokens import Kind, Token


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

    @property
    def symbols(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for value in self.values:
            if isinstance(value.value, Form):
                found |= value.value.symbols
        return found

    @property
    def computes(self) -> bool:
        """Is there something to calculate, rather than a number or a name alone?"""
        return len(self.numbers) > 1 or any(
            t.kind in (Kind.ROOT, Kind.BINOMIAL, Kind.INTEGRAL)
            or (t.kind is Kind.OPERATOR and (t.text[0] in "^!" or i > 0))
            for i, t in enumerate(self.tokens)
        )


def read_side(tokens: Sequence[Token]) -> Side | None:
    """None where the side has no certain value."""
    readings = tuple(Percent) if any(t.percent for t in tokens) else (Percent.HUNDREDTHS,)
    found = {r: value for r in readings if (value := evaluate(tokens, r)) is not None}
    relative, hundredths = found.get(Percent.RELATIVE), found.get(Percent.HUNDREDTHS)
    ambiguous = Percent.RELATIVE in readings and relative != hundredths
    values = list(found.values())
    if any(a.kind is Kind.NUMBER and b.kind is Kind.FRAC for a, b in pairwise(tokens)):
        product = evaluate(tokens, Percent.HUNDREDTHS, mixed=False)
        values += [product] if product is not None else []
    return Side(tuple(tokens), tuple(values), ambiguous) if values else None


def numbers(value: Value) -> Fraction:
    """Its number, units left out. Raises Unclear where a variable is in it."""
    found = value.value
    if isinstance(found, Fraction):
        return found
    return found.setting(found.symbols).approximate()
