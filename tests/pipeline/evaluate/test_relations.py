"""How what is named lies to the truth: every pair has one relation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.panel import UNDECIDED
from pipeline.evaluate.relations import ORDER, Relation, confusion, relations


@pytest.mark.parametrize(
    ("named", "gold", "relation"),
    [
        (3, 3, Relation.EXACT),
        (-1, -1, Relation.EXACT),
        (2, 3, Relation.ONE_EARLY),
        (0, 3, Relation.EARLY),
        (4, 3, Relation.ONE_LATE),
        (6, 3, Relation.LATE),
        (-1, 0, Relation.MISSED),
        (-1, 3, Relation.MISSED),
        (0, -1, Relation.FALSE_ALARM),
        (5, -1, Relation.FALSE_ALARM),
        (UNDECIDED, -1, Relation.UNDECIDED),
        (UNDECIDED, 0, Relation.UNDECIDED),
    ],
)
def test_each_relation_is_told(named: int, gold: int, relation: Relation) -> None:
    assert ORDER[relations(np.array([named]), np.array([gold]))[0]] is relation


@given(st.lists(st.tuples(st.integers(UNDECIDED, 6), st.integers(-1, 6), st.sampled_from("ab"))))
def test_every_solution_is_counted_once_in_all_and_once_by_level(
    rows: list[tuple[int, int, str]],
) -> None:
    named = np.array([row[0] for row in rows], dtype=np.int64)
    gold = np.array([row[1] for row in rows], dtype=np.int64)
    tables = confusion(named, gold, levels=[row[2] for row in rows])
    assert tables[0].n == len(rows) == sum(tables[0].counts.values())
    assert sum(table.n for table in tables if table.by == "level") == len(rows)


def test_as_many_levels_as_solutions_take_no_longer() -> None:
    named = gold = np.zeros(100_000, dtype=np.int64)
    assert len(confusion(named, gold, levels=[str(n) for n in range(100_000)])) == 100_001


def test_outcomes_are_told_right_first_and_levels_by_value() -> None:
    named = gold = np.zeros(4, dtype=np.int64)
    tables = confusion(named, gold, ["wrong", "right", "", "wrong"], ["10", "9", "hard", "9"])
    assert [(t.by, t.of, t.n) for t in tables[1:]] == [
        ("outcome", "right", 1),
        ("outcome", "wrong", 2),
        ("level", "9", 2),
        ("level", "10", 1),
        ("level", "hard", 1),
    ]
