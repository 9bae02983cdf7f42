"""Do two results of queries say the same? Three-valued.

Rows are compared as a multiset; as a sequence only where the gold query orders them. What differs in a way
that SQL engines or annotators are not agreed about (the order of columns, of ties, a rounding, a number as
a text) is neither the same nor another result: None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

Cell = None | bool | int | float | Decimal | str
"""As JSON and Decimal have them; dates, lists and the like are texts."""
Key = tuple[str, str]


class Result(NamedTuple):
    """What a query gave."""

    columns: int
    rows: tuple[tuple[Cell, ...], ...]


class Gold(NamedTuple):
    """What the gold query gave: on the tables as they are, and with their rows the other way round. Where
    the two differ, ties or a LIMIT without an order leave open what it says."""

    result: Result
    reversed: Result
    ordered: bool


def same_result(gold: Gold, found: Result) -> bool | None:
    """Whether a query found what the gold query did."""
    rows, others = _keyed(gold.result, _exact), _keyed(gold.reversed, _exact)
    seen = _keyed(found, _exact)
    if seen in (rows, others) and found.columns == gold.result.columns:
        return True
    if found.columns == gold.result.columns and Counter(seen) in (Counter(rows), Counter(others)):
        if not gold.ordered:
            return True
        return None if rows != others else False
    if Counter(rows) != Counter(others) or _loosely_same(gold.result, found):
        return None
    return False


def _loosely_same(gold: Result, found: Result) -> bool:
    """Whether they have the same columns, each by itself: in another order, rounded, or as texts."""
    if gold.columns != found.columns or len(gold.rows) != len(found.rows):
        return False
    return _columns(gold) == _columns(found)


def _columns(result: Result) -> list[list[Key]]:
    rows = _keyed(result, _loose)
    return sorted(sorted(row[column] for row in rows) for column in range(result.columns))


def _keyed(result: Result, key: Callable[[Cell], Key]) -> list[tuple[Key, ...]]:
    return [tuple(map(key, row)) for row in result.rows]


def _exact(cell: Cell) -> Key:
    """1, 1.0, 1.00 and true are one number; floating-point sums differ in their last digits."""
    if cell is None:
        return ("null", "")
    if isinstance(cell, str):
        return ("text", cell)
    if isinstance(cell, int):
        return ("number", str(int(cell)))
    return ("number", _digits(cell, 12))


def _loose(cell: Cell) -> Key:
    if isinstance(cell, str):
        try:
            return ("", _digits(float(cell), 6))
        except ValueError:
            return ("", " ".join(cell.casefold().split()))
    return ("null", "") if cell is None else ("", _digits(cell, 6))


def _digits(number: float | Decimal, digits: int) -> str:
    """So many significant ones; whole numbers in full, whatever their kind."""
    if number.is_finite() if isinstance(number, Decimal) else isfinite(number):
        whole = int(number)
        if number == whole:
            return str(whole)
    return format(float(number), f".{digits}g")
