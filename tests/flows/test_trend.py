"""The runs of one name beside each other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flows.trend import nights, trend_line, trend_rows
from pipeline.history import Record

FIRST = Record(1, "2026-01-01T02", "2026-01-01T03", "c0ffee", 10, 40, 30, 0.5, 0.9, 1000, 0)


def later(before: Record, solutions: int, kept: int) -> Record:
    return replace(
        before,
        attempt=before.attempt + 1,
        solutions=before.solutions + solutions,
        kept=before.kept + kept,
        sampled_tokens=before.sampled_tokens + 10 * solutions,
    )


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=10))
def test_what_the_nights_added_sums_to_what_is_there(added: list[tuple[int, int]]) -> None:
    records = [FIRST]
    for solutions, kept in added:
        records.append(later(records[-1], solutions, min(kept, solutions)))
    found = nights(records)
    assert sum(n.solutions or 0 for n in found) == records[-1].solutions
    assert sum(n.kept or 0 for n in found) == records[-1].kept
    assert [row["all solutions"] for row in trend_rows(records)] == [
        r.solutions for r in reversed(records)
    ]


def test_the_newest_is_set_against_the_median_of_those_before() -> None:
    second = later(FIRST, 40, 20)
    worse = later(second, 100, 10)
    assert trend_line([FIRST, second, worse]) == (
        "10.0% of 100 new solutions kept; median of the 2 before: 62.5%"
    )
    assert trend_line([FIRST, later(FIRST, 0, 0)]) == "nothing new to label"


def test_another_configuration_is_not_compared() -> None:
    other = replace(later(FIRST, 40, 20), config="decaf")
    assert "another configuration" in trend_line([FIRST, other])
    assert trend_rows([FIRST, other])[0]["new solutions"] == "–"
