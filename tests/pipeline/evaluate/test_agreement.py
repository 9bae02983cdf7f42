"""Kappa against worked examples, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.agreement import agreement, cohen, fleiss
from pipeline.evaluate.panel import UNDECIDED, Ints
from pipeline.evaluate.resample import Bootstrap

named = st.integers(UNDECIDED, 3)
panels = st.integers(2, 4).flatmap(
    lambda witnesses: st.lists(st.tuples(*[named] * witnesses), min_size=2, max_size=30)
)


def few(n: int) -> Bootstrap:
    return Bootstrap(np.arange(n), draws=100)


def test_cohen_gives_the_worked_example() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: .7 seen, .5 by chance."""
    cells = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    first, second = np.array(cells).T
    kappa = cohen(first, second, np.ones(50, dtype=bool), few(50))
    assert kappa.value == pytest.approx(0.4)
    assert kappa.low is not None
    assert kappa.high is not None
    assert kappa.low < 0.4 < kappa.high


FLEISS = """0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7"""


def test_fleiss_gives_the_worked_example() -> None:
    """Ten subjects, fourteen raters, five categories: .210."""
    table: Ints = np.array(
        [
            [category for category, times in enumerate(line.split()) for _ in range(int(times))]
            for line in FLEISS.splitlines()
        ]
    )
    kappa = fleiss(table, np.ones(10, dtype=bool), few(10))
    assert kappa.value == pytest.approx(0.20993, abs=1e-5)


@settings(deadline=None)
@given(panels)
def test_kappa_never_passes_one_and_needs_no_order(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows)
    names = {str(number): column for number, column in enumerate(table.T)}
    found = agreement(names, few(len(rows)))
    turned = agreement(dict(reversed(names.items())), few(len(rows)))
    values = [found.fleiss, *(p.kappa for p in found.pairs), *(p.on_common for p in found.pairs)]
    assert all(f is not None and (f.value is None or f.value <= 1 + 1e-12) for f in values)
    assert found.fleiss is not None
    assert turned.fleiss is not None
    assert found.fleiss.value == pytest.approx(turned.fleiss.value)
    assert {frozenset((p.first, p.second)): p.kappa.n for p in found.pairs} == {
        frozenset((p.first, p.second)): p.kappa.n for p in turned.pairs
    }


def test_undecided_rows_are_in_no_kappa() -> None:
    a = np.array([0, 1, -1, 2, UNDECIDED])
    b = np.array([0, 1, -1, UNDECIDED, 1])
    c = np.array([0, UNDECIDED, -1, 2, 1])
    found = agreement({"a": a, "b": b, "c": c}, few(5))
    assert [p.kappa.n for p in found.pairs] == [3, 3, 3]
    assert [p.on_common.n for p in found.pairs] == [2, 2, 2]
    assert [p.kappa.value for p in found.pairs] == [1.0, 1.0, 1.0]
    assert found.fleiss is not None
    assert (found.fleiss.value, found.fleiss.n) == (1.0, 2)


def test_two_who_always_say_the_same_one_thing_have_no_kappa() -> None:
    same = np.full(6, -1)
    assert cohen(same, same, np.ones(6, dtype=bool), few(6)).value is None


def test_one_witness_agrees_with_nobody() -> None:
    assert agreement({"judge": np.array([1, 2])}, few(2)).fleiss is None
