"""Queries that models wrote, run by a real DuckDB in the real sandbox; hostile ones are contained."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pipeline.config import GradingConfig
from pipeline.grading import Grader
from pipeline.grading.grader import GOLD_FAILS, NO_QUERY
from pipeline.grading.queries import PACKAGES, Failure, run_queries
from pipeline.grading.results import Result
from pipeline.records import Outcome, Solution
from pipeline.sandbox import Limits, Sandbox
from tests.open_sandbox import open_sandbox

pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'steplabel[sql]'")

PEOPLE = {
    "columns": ["name", "age", "the team", "pay"],
    "rows": [["Ann", 31, "a", 1.5], ["Bob", 25, None, 2], ["Cy", 25, "b", 0.25]],
}
TABLES = json.dumps({"people": PEOPLE, "Odd ones": {"columns": ["x"], "rows": []}})
LIMITS = Limits(wall_s=20.0, cpu_s=2, memory_mb=256, output_kb=1024)
LIVES = "SELECT count(*) FROM people"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox(*PACKAGES) as opened:
        yield opened


async def run(sandbox: Sandbox, *queries: str) -> list[Result | Failure]:
    return await run_queries(TABLES, queries, sandbox, LIMITS)


async def test_tables_keep_their_names_kinds_and_nulls(sandbox: Sandbox) -> None:
    everything, empty = await run(sandbox, "SELECT * FROM people", 'SELECT * FROM "odd ones"')
    assert everything == Result(4, tuple(map(tuple, PEOPLE["rows"])))
    assert empty == Result(1, ())


HOSTILE = {
    "reads a file": "SELECT * FROM read_csv('/etc/passwd')",
    "reads a text": "SELECT content FROM read_text('/etc/hostname')",
    "reads through a name": "SELECT * FROM '/etc/passwd'",
    "lists files": "SELECT * FROM glob('/*')",
    "asks the network": "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
    "writes a file": "COPY people TO '/tmp/people.csv'",
    "writes all": "EXPORT DATABASE '/tmp/all'",
    "attaches": "ATTACH '/tmp/other.db' AS other",
    "installs": "INSTALL httpfs",
    "loads": "LOAD '/tmp/evil.duckdb_extension'",
    "unlocks": "SET enable_external_access = true",
    "pragma": "PRAGMA memory_limit = '100GB'",
    "changes": "DROP TABLE people",
    "hides a second": "SELECT 1; DROP TABLE people",
    "python": "SELECT * FROM asked",
    "environment": "SELECT getenv('HOME')",
    "endless": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r",
    "doubles": "WITH RECURSIVE r AS (SELECT 'a' AS n UNION ALL SELECT n || n FROM r) SELECT * FROM r",
    "crosses": "SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000000) b",
    "large": "SELECT repeat('x', 3000000000)",
    "many rows": "SELECT * FROM range(1000000)",
    "wide": "SELECT repeat('x', 3000000)",
    "deep": f"SELECT {'(' * 20_000}1{')' * 20_000}",
    "sleeps": "SELECT pg_sleep(1000)",
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_sql_gives_nothing_and_leaves_nothing(sandbox: Sandbox, what: str) -> None:
    limits = Limits(wall_s=3.0, cpu_s=1, memory_mb=256, output_kb=1024)
    found = await run_queries(TABLES, [LIVES, HOSTILE[what]], sandbox, limits)
    assert found[0] == Result(1, ((3,),))
    assert isinstance(found[1], Failure)
    assert await run(sandbox, LIVES) == [Result(1, ((3,),))]


@pytest.mark.parametrize("what", ["writes a file", "unlocks", "endless", "large", "reads a file"])
async def test_what_was_stopped_contradicts_nothing(sandbox: Sandbox, what: str) -> None:
    limits = Limits(wall_s=3.0, cpu_s=1, memory_mb=256, output_kb=1024)
    (found,) = await run_queries(TABLES, [HOSTILE[what]], sandbox, limits)
    assert isinstance(found, Failure)
    for dialect in ("any", "duckdb"):
        assert not found.contradicts(HOSTILE[what], dialect)


@pytest.mark.parametrize(
    ("query", "any_dialect", "in_duckdb"),
    [
        ("SELECT * FROM persons", True, True),
        ("SELECT nam FROM people", True, True),
        ("SELECT p.nam FROM people AS p", True, True),
        ("SELECT q.name FROM people AS p", True, True),
        ('SELECT * FROM people WHERE name = "Ann"', False, True),
        ("SELECT oid FROM people", False, True),
        ("SELECT 1 FROM dual", False, True),
        ("SELECT name FROM dbo.people", False, True),
        ("SELECT name FROM people LIMIT 1, 2", False, True),
        ("SELECT group_concat_of(name) FROM people", False, True),
        ("SELECT age, count(*) FROM people", False, True),
        ("SELECT CAST(name AS INTEGER) FROM people", False, True),
        ("SELEC name FROM people", False, True),
    ],
)
async def test_only_what_no_dialect_forgives_is_wrong_in_any(
    sandbox: Sandbox, query: str, any_dialect: bool, in_duckdb: bool
) -> None:
    (found,) = await run(sandbox, query)
    assert isinstance(found, Failure)
    assert found.contradicts(query, "any") is any_dialect
    assert found.contradicts(query, "duckdb") is in_duckdb


def attempt(gold: str) -> Solution:
    return Solution("s", "p", "Who is 25?", gold, ("",), "g", tables=TABLES)


GOLD = "SELECT name FROM people WHERE age = 25"
EVERY = "SELECT name FROM people"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT name FROM people WHERE age < 30", Outcome.CORRECT),
        (
            "```sql\nWITH young AS (SELECT * FROM people WHERE age <= 25)\nSELECT name FROM young"
            "\nORDER BY name DESC;\n```",
            Outcome.CORRECT,
        ),
        ("SELECT name FROM people", Outcome.INCORRECT),
        ("SELECT nam FROM people", Outcome.INCORRECT),
        ("SELECT name FROM people WHERE age = 25 LIMIT 0, 5", Outcome.UNDECIDED),
        ("SELECT sum(range) FROM range(100000000000)", Outcome.UNDECIDED),
        ("```sql\r\nSELECT name FROM people WHERE age < 30\r\n```\r\n", Outcome.CORRECT),
        ("SELECT [name] FROM people WHERE age = 25", Outcome.UNDECIDED),
        ("SELECT 1;\nCREATE VIEW young AS SELECT 1;\nSELECT name FROM young", Outcome.UNDECIDED),
        ("```sql\nUPDATE people SET age = 25\n```\n```sql\n" + EVERY + "\n```", Outcome.UNDECIDED),
        ("<think>\n```sql\nSELECT 1\n```\n</think>Bob and Cy.", Outcome.UNDECIDED),
        ("Bob and Cy.", Outcome.UNDECIDED),
    ],
)
async def test_a_solution_is_right_where_its_last_query_finds_the_gold_rows(
    sandbox: Sandbox, text: str, expected: Outcome
) -> None:
    config = GradingConfig.model_validate({"programs": {"cpu_s": 1}})
    async with Grader(config, sandbox) as grader:
        grade = await grader.attempt(text, attempt(GOLD))
    assert grade.outcome is expected
    assert (grade.reason == NO_QUERY) is text.endswith("Bob and Cy.")


async def test_a_gold_query_with_ties_or_faults_decides_nothing(sandbox: Sandbox) -> None:
    async with Grader(GradingConfig(), sandbox) as grader:
        ties = attempt("SELECT name FROM people ORDER BY age LIMIT 1")
        assert (await grader.attempt("SELECT 'Cy'", ties)).outcome is Outcome.CORRECT
        assert (await grader.attempt("SELECT 'Bob'", ties)).outcome is Outcome.CORRECT
        assert (await grader.attempt("SELECT 'Ann'", ties)).outcome is Outcome.UNDECIDED
        faulty = await grader.attempt("SELECT 1", attempt("SELECT nothing FROM people"))
    assert faulty.outcome is Outcome.UNDECIDED
    assert (faulty.reason or "").startswith(GOLD_FAILS)
