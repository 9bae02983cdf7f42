"""Evidence by queries: steps that are SQL, run by DuckDB on the tables of their problem.

A step of Reward-SQL (Zhang et al. 2025, arXiv 2505.04671) is a table of a chain of common table expressions,
one of TaTToo (Zou et al. 2025, arXiv 2510.06217) a query of its own; `pipeline.grading.chains` says what is
run of each. A step whose query runs is exact: that it can be run is all it claims. The last one is held
against the gold answer: as a multiset of rows where that is a query too, as a value where it is one, and
the result has one cell that is also what the text answers. A query that asks for a table or column that
there is not is contradicted, and where `grading.programs.dialect` is duckdb whatever else it can't read or
make sense of. What was stopped (time, memory, files, settings) or is no SELECT is unchecked, and so is what
comes after it in its chain, or after a statement that changes something.

As with all checks the first error is at the contradicted step or before it: a chain may run to its end and
have taken a wrong turn at its first table.
"""

from __future__ import annotations

from typing import ClassVar

from annotators.checking import CheckingAnnotator, NoOptions
from pipeline.annotator import Tools
from pipeline.grading import find_answer, gold_answer, on_tables, queries
from pipeline.grading.chains import pieces_of, queries_of
from pipeline.grading.queries import Failure, run_queries
from pipeline.grading.results import Result, same_result
from pipeline.records import Check, Solution, Status

MAX_STEPS = 100
"""Queries of a solution; further ones are not run."""
MAX_CLAIM_CHARS = 2000

Said = tuple[Status, str | None]


class SqlAnnotator(CheckingAnnotator):
    VERSION = 2
    NOTHING = "no query is contradicted"
    uses_outcome = True  # it runs and compares as the grading does
    executes: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = queries.PACKAGES

    def __init__(self, name: str, options: NoOptions) -> None:
        queries.require_duckdb()
        super().__init__(name, options)

    async def checks(self, solution: Solution, tools: Tools) -> tuple[Check, ...]:
        assert tools.sandbox is not None
        if solution.tables is None:
            return ()
        pieces = pieces_of(solution.steps)[:MAX_STEPS]
        asked = queries_of(pieces)
        run = [query for query in asked if query is not None]
        found = await run_queries(
            solution.tables, [query.sql for query in run], tools.sandbox, tools.grader.limits
        )
        results = dict(zip(run, found, strict=True))
        dialect = tools.grader.config.programs.dialect
        checks = []
        for number, (piece, query) in enumerate(zip(pieces, asked, strict=True)):
            last = number == len(pieces) - 1
            if query is None:
                said: Said = (Status.UNCHECKED, "no query that can be run")
            elif isinstance(result := results[query], Failure):
                cut = last and solution.finish_reason == "length"
                wrong = query.sure and not cut and result.contradicts(query.sql, dialect)
                said = _failed(result, wrong)
            elif last and query.whole:
                said = await _against_gold(solution, result, tools)
            else:
                said = Status.EXACT, None
            if query is not None and said[0] is Status.CONTRADICTED and not query.counts(dialect):
                said = Status.UNCHECKED, "it may mean something else than what was run"
            claim = piece.sql.strip()[:MAX_CLAIM_CHARS]
            checks.append(Check(piece.step, piece.start, piece.end, claim, *said))
        return tuple(checks)


def _failed(failure: Failure, wrong: bool) -> Said:
    if wrong:
        return Status.CONTRADICTED, failure.message
    return Status.UNCHECKED, f"{failure.kind}: {failure.message}"


async def _against_gold(solution: Solution, result: Result, tools: Tools) -> Said:
    """What the gold answer says of the last query's result."""
    assert solution.tables is not None
    if on_tables(solution):
        gold = await tools.grader.gold_result(solution.tables, solution.gold)
        if isinstance(gold, Failure):
            return Status.UNCHECKED, f"the gold query fails: {gold.message}"
        return _status(same_result(gold, result), f"{len(gold.result.rows)} other rows")
    if len(result.rows) != 1 or result.columns != 1 or result.rows[0][0] is None:
        return Status.UNCHECKED, "its result is more than a value"
    cell, gold_text = str(result.rows[0][0]), gold_answer(solution.gold)
    same = (await tools.grader.compare(cell, gold_text)).same
    if same is False:
        answer = find_answer(solution.text)
        if answer is None or not (await tools.grader.compare(cell, answer.text)).same:
            return Status.UNCHECKED, "its result isn't what the text answers"
    return _status(same, gold_text)


def _status(same: bool | None, expected: str) -> Said:
    if same is None:
        return Status.UNCHECKED, "nearly the gold answer's result"
    return (Status.EXACT, None) if same else (Status.CONTRADICTED, expected)
