"""Steps that are SQL, run by a real DuckDB in the real sandbox on the tables of their problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from annotators.checking import NoOptions
from annotators.registry import make_annotators
from annotators.sql import SqlAnnotator
from pipeline.annotator import Tools
from pipeline.batch import run_batch
from pipeline.config import GradingConfig, RunConfig
from pipeline.grading import Grader
from pipeline.grading.queries import PACKAGES
from pipeline.prompts import PromptTemplate
from pipeline.records import Label, Outcome, Solution, Status, Verdict
from pipeline.run_folder import RunFolder
from pipeline.sandbox import Sandbox
from tests.open_sandbox import open_sandbox

pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'steplabel[sql]'")

ORDERS = {
    "columns": ["customer", "amount", "year"],
    "rows": [["Ann", 10, 2023], ["Bob", 20, 2023], ["Ann", 30, 2024], ["Cy", 5, 2024]],
}
TABLES = {"orders": ORDERS}
GOLD = "SELECT customer FROM orders WHERE year = 2024 AND amount > 8"
CHAIN = (
    "WITH recent AS (SELECT * FROM orders WHERE year = 2024),\n\n",
    "large AS (SELECT customer FROM recent WHERE amount > 8)\n\n",
    "SELECT customer FROM large",
)
EXACT, CONTRADICTED, UNCHECKED = Status.EXACT, Status.CONTRADICTED, Status.UNCHECKED


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox(*PACKAGES) as opened:
        yield opened


async def verdict(
    sandbox: Sandbox,
    *steps: str,
    gold: str = GOLD,
    finish_reason: str = "stop",
    tables: str | None = json.dumps(TABLES),
) -> Verdict:
    solution = Solution(
        "s", "p", "Who?", gold, steps, "g", finish_reason=finish_reason, tables=tables
    )
    config = GradingConfig.model_validate({"programs": {"cpu_s": 1}})
    async with Grader(config, sandbox) as grader:
        tools = Tools(None, grader, PromptTemplate("none", "raw", ""), sandbox=sandbox)
        return await SqlAnnotator("sql", NoOptions()).annotate(solution, tools)


def statuses(found: Verdict) -> list[tuple[int, Status]]:
    return [(check.step, check.status) for check in found.checks]


async def test_each_step_of_a_chain_is_run_and_the_last_held_against_the_gold(
    sandbox: Sandbox,
) -> None:
    found = await verdict(sandbox, *CHAIN)
    assert statuses(found) == [(0, EXACT), (1, EXACT), (2, EXACT)]
    assert (found.first_error, found.reason) == (None, SqlAnnotator.NOTHING)


async def test_the_first_step_that_asks_for_what_there_is_not_is_named(sandbox: Sandbox) -> None:
    steps = (CHAIN[0], CHAIN[1].replace("amount", "total"), CHAIN[2])
    found = await verdict(sandbox, *steps)
    assert found.first_error == 1
    assert statuses(found) == [(0, EXACT), (1, CONTRADICTED), (2, CONTRADICTED)]
    assert '"total" not found' in (found.checks[1].expected or "")


async def test_another_result_than_the_gold_s_contradicts_the_last_step_alone(
    sandbox: Sandbox,
) -> None:
    found = await verdict(sandbox, CHAIN[0].replace("2024", "2023"), *CHAIN[1:])
    assert statuses(found) == [(0, EXACT), (1, EXACT), (2, CONTRADICTED)]


async def test_steps_of_their_own_are_held_against_a_value(sandbox: Sandbox) -> None:
    first = "We need 2024.\n```sql\nSELECT * FROM orders WHERE year = 2024\n```\n"
    last = "So:\n```sql\nSELECT sum(amount) FROM orders WHERE year = 2024\n```\nThe answer is 35."
    assert statuses(await verdict(sandbox, first, last, gold="35")) == [(0, EXACT), (1, EXACT)]
    assert (await verdict(sandbox, first, last, gold="36")).first_error == 1
    listed = await verdict(sandbox, first, gold="35")
    assert statuses(listed) == [(0, UNCHECKED)]


async def test_a_result_that_the_text_goes_on_from_is_not_held_against_a_value(
    sandbox: Sandbox,
) -> None:
    total = "```sql\nSELECT sum(amount) FROM orders\n```\n\n"
    for said in ("The average over 4 orders is 65/4 = 16.25.", "We divide by 4."):
        assert statuses(await verdict(sandbox, total, said, gold="16.25")) == [(0, UNCHECKED)]
    assert statuses(await verdict(sandbox, total, "We add.", gold="65")) == [(0, EXACT)]


async def test_a_query_that_the_steps_cut_is_held_against_the_gold_at_its_end(
    sandbox: Sandbox,
) -> None:
    steps = ("```sql\nSELECT customer\n\n", "FROM orders\n\n", "WHERE amount > 8\n\n")
    ends = {"AND year = 2024\n```": EXACT, "AND year = 2023\n```": CONTRADICTED}
    for end, status in ends.items():
        found = await verdict(sandbox, *steps, end)
        assert statuses(found) == [(0, UNCHECKED), (1, UNCHECKED), (2, UNCHECKED), (3, status)]


@pytest.mark.parametrize(
    "before",
    [
        "CREATE TEMP VIEW r AS SELECT * FROM orders",
        "SELECT 1; CREATE TEMP VIEW r AS SELECT * FROM orders",
        "WITH a AS (SELECT 1)\nINSERT INTO r SELECT * FROM a; DELETE FROM orders",
    ],
)
@pytest.mark.parametrize("query", ["SELECT customer FROM r", "SELECT year FROM orders"])
async def test_what_follows_a_statement_that_changes_something_is_unchecked(
    sandbox: Sandbox, before: str, query: str
) -> None:
    found = await verdict(sandbox, f"```sql\n{before};\n```\n", f"```sql\n{query}\n```\n")
    assert statuses(found)[-1] == (1, UNCHECKED)
    assert found.first_error is None
    together = await verdict(sandbox, f"```sql\n{before};\n{query}\n```\n")
    assert together.first_error is None


async def test_names_in_brackets_are_another_dialect_s(sandbox: Sandbox) -> None:
    query = "SELECT [customer] FROM orders WHERE year = 2024 AND amount > 8"
    assert statuses(await verdict(sandbox, query)) == [(0, UNCHECKED)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r",
        "SELECT customer FROM orders LIMIT 0, 2",
        "DROP TABLE orders",
        "SELECT customer FROM orders WHERE",
    ],
)
async def test_what_was_stopped_or_may_be_another_dialect_s_is_unchecked(
    sandbox: Sandbox, query: str
) -> None:
    found = await verdict(sandbox, f"```sql\n{query}\n```\n", f"```sql\n{GOLD}\n```\n")
    assert found.first_error is None
    assert found.checks[0].status is UNCHECKED


async def test_a_query_that_was_cut_contradicts_nothing(sandbox: Sandbox) -> None:
    cut = "SELECT custo FROM orders"
    assert (await verdict(sandbox, cut)).first_error == 0
    assert (await verdict(sandbox, cut, finish_reason="length")).first_error is None


async def test_without_tables_or_queries_nothing_is_said(sandbox: Sandbox) -> None:
    for found in (
        await verdict(sandbox, *CHAIN, tables=None),
        await verdict(sandbox, "It is Ann."),
    ):
        assert (found.first_error, found.checks) == (None, ())


@pytest.mark.usefixtures("sandbox")  # skips where there is none
async def test_a_run_grades_queries_by_what_they_find_and_labels_their_steps(
    tmp_path: Path,
) -> None:
    problem = {"id": "p", "question": "Who?", "gold": GOLD, "tables": TABLES}
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem))
    wrong = [CHAIN[0], CHAIN[1].replace("amount", "total"), CHAIN[2]]
    rows = [{"problem_id": "p", "steps": list(CHAIN)}, {"problem_id": "p", "steps": wrong}]
    (tmp_path / "solutions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "run.yaml"
    config = {
        "name": "sql",
        "runs_dir": str(tmp_path / "runs"),
        "problems": {
            "path": str(tmp_path / "problems.jsonl"),
            "columns": {"answer": "gold", "tables": "tables"},
        },
        "solutions": {
            "path": str(tmp_path / "solutions.jsonl"),
            "columns": {"problem_id": "problem_id", "steps": "steps"},
        },
        "annotators": {"sql": {}},
        "consensus": {"witnesses": ["sql"], "vetoes": []},
        "sandbox": {"workers": 1},
    }
    path.write_text(yaml.safe_dump(config))
    settings = RunConfig.load(path)
    await run_batch(settings, make_annotators(settings))
    run = RunFolder(settings.folder)
    outcomes = {s.id: (s.outcome, s.answer_rule) for s in run.solutions.read(Solution)}
    assert sorted(outcomes.values()) == [
        (Outcome.CORRECT, "query"),
        (Outcome.INCORRECT, "query"),
    ]
    labels = {outcomes[label.solution_id][0]: label for label in run.labels.read(Label)}
    assert labels[Outcome.INCORRECT].step_labels == (1, -1, None)
    assert not labels[Outcome.CORRECT].kept
