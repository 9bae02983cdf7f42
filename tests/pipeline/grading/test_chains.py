"""What is run of SQL that a model wrote, after each of its steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grading.chains import (
    Query,
    final_query,
    is_ordered,
    is_query,
    pieces_of,
    queries_of,
)

CHAIN = (
    "WITH young AS (\n  SELECT name, age FROM people WHERE age < 30 -- not old)\n),\n\n",
    "teams (t) AS NOT MATERIALIZED (SELECT team FROM young JOIN ranks USING (name)),\n\n",
    "best AS (SELECT max(t) AS m FROM teams)\n\n",
    "SELECT m FROM best ORDER BY (m);",
)


def run_of(*steps: str) -> list[Query | None]:
    return queries_of(pieces_of(steps))


def test_a_chain_is_looked_at_through_its_last_table_as_it_grows() -> None:
    found = [query for query in run_of(*CHAIN) if query is not None]
    assert [query.whole for query in found] == [False, False, False, True]
    assert [query.sql.rsplit(" ", 1)[1] for query in found[:3]] == ["YOUNG", "TEAMS", "BEST"]
    assert found[3].sql == "".join(CHAIN).removesuffix(";")


def test_the_same_chain_in_a_fence_of_each_step_needs_no_commas() -> None:
    steps = [f"Next:\n```sql\n{step.strip().removesuffix(',')}\n```\n" for step in CHAIN]
    found = [query for query in run_of(*steps) if query is not None]
    assert [query.whole for query in found] == [False, False, False, True]
    assert "),\nteams" in found[3].sql


def test_one_fence_may_go_over_several_steps() -> None:
    steps = ("We join.\n```sql\nWITH a AS (SELECT 1 AS x)\n\n", "SELECT x FROM a\n```\n", "So 1.")
    pieces = pieces_of(steps)
    assert [(piece.step, steps[piece.step][piece.start : piece.end]) for piece in pieces] == [
        (0, "WITH a AS (SELECT 1 AS x)\n\n"),
        (1, "SELECT x FROM a\n"),
    ]
    final = final_query("".join(steps))
    assert final is not None
    assert final.sql == "WITH a AS (SELECT 1 AS x)\n\nSELECT x FROM a"


def test_a_step_that_ends_inside_a_table_is_run_with_the_next() -> None:
    found = run_of("WITH a AS (\n  SELECT 1 AS x,\n\n", "  2 AS y\n)\n\n", "SELECT * FROM a")
    assert found[0] is None
    assert [query.whole for query in found[1:] if query] == [False, True]


def test_steps_may_be_queries_of_their_own() -> None:
    found = run_of(
        "```sql\nSELECT 1\n```\n", "```sql\nSELECT 2;\n```\n", "```sql\nDROP TABLE t\n```"
    )
    assert found == [Query("SELECT 1", True), Query("SELECT 2", True), None]


def test_of_a_query_that_goes_on_nothing_is_run_before_its_end() -> None:
    found = run_of("```sql\nWITH a AS (SELECT 1 AS x)\n\n", "SELECT x\n\n", "FROM a\n```\n")
    assert [query and query.whole for query in found] == [False, None, True]
    assert run_of("SELECT 1;\n\n", "SELECT 2") == [Query("SELECT 1", True), Query("SELECT 2", True)]


def test_a_chain_that_begins_anew_may_have_meant_the_tables_before_it() -> None:
    found = run_of("```sql\nWITH a AS (SELECT 1)\n```\n", "```sql\nWITH b AS (SELECT 2)\n```\n")
    assert [query.sure for query in found if query] == [True, False]


@pytest.mark.parametrize(
    "text", ["We can't tell.", "```sql\nWITH a AS (SELECT 1)\n```", "```python\nSELECT 1\n```", ""]
)
def test_a_text_that_ends_without_a_query_has_none(text: str) -> None:
    assert final_query(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", True),
        ("-- gold\nwith a as (select 1) select * from a", True),
        ("select", False),
        ("31", False),
        ("With", False),
    ],
)
def test_a_gold_answer_that_is_a_query_is_told_from_a_value(text: str, expected: bool) -> None:
    assert is_query(text) is expected


def test_only_the_query_s_own_order_orders_it() -> None:
    assert is_ordered("SELECT a FROM t ORDER  BY a")
    assert not is_ordered("SELECT rank() OVER (ORDER BY a) FROM (SELECT a FROM t ORDER BY a) u")
    assert not is_ordered("SELECT 'ORDER BY' FROM t -- ORDER BY a")


@given(st.lists(st.sampled_from([*"()'\"`;,-/* \n", "WITH ", "a AS (", "SELECT ", "```sql\n"])))
def test_any_text_is_read(parts: list[str]) -> None:
    pieces = pieces_of(parts)
    assert len(queries_of(pieces)) == len(pieces)
