"""Two results of queries: the same, others, or not to be told apart."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.grading.results import Cell, Gold, Result, same_result

Rows = list[tuple[Cell, ...]]


def result(rows: Rows) -> Result:
    return Result(len(rows[0]) if rows else 1, tuple(rows))


def same(gold: Rows, found: Rows, ordered: bool = False, other: Rows | None = None) -> bool | None:
    reverse = gold if other is None else other
    return same_result(Gold(result(gold), result(reverse), ordered), result(found))


@pytest.mark.parametrize(
    ("gold", "found", "expected"),
    [
        ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")], True),
        ([(1,), (1,)], [(1,)], False),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], False),
        ([(1, "a")], [("a", 1)], None),
        ([(1,)], [(1, 1)], False),
        ([], [], True),
        ([], [(1,)], False),
        ([(1,)], [(Decimal("1.00"),)], True),
        ([(True,)], [(1.0,)], True),
        ([(0.1 + 0.2,)], [(0.3,)], True),
        ([(1 / 3,)], [(0.3333334,)], None),
        ([(1 / 3,)], [(0.33,)], False),
        ([(7,)], [("7",)], None),
        ([("Ann",)], [("ann",)], None),
        ([(None,)], [(0,)], False),
        ([(float("nan"),)], [(float("nan"),)], True),
    ],
)
def test_rows_are_compared_as_a_multiset(gold: Rows, found: Rows, expected: bool | None) -> None:
    assert same(gold, found) is expected


def test_order_counts_where_the_gold_query_orders() -> None:
    assert same([(1,), (2,)], [(2,), (1,)], ordered=True) is False
    assert same([(1,), (2,)], [(1,), (2,)], ordered=True) is True


def test_the_order_of_ties_is_left_open() -> None:
    rows: Rows = [("a", 1), ("b", 1), ("c", 2)]
    ties: Rows = [("b", 1), ("a", 1), ("c", 2)]
    assert same(rows, ties, ordered=True, other=ties) is True
    assert same(rows, [rows[2], rows[0], rows[1]], ordered=True, other=ties) is None


def test_a_gold_query_that_leaves_its_rows_open_contradicts_nothing() -> None:
    assert same([("a",)], [("c",)], other=[("b",)]) is None
    assert same([("a",)], [("b",)], other=[("b",)]) is True
