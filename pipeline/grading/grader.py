"""From a text and what it is held against (a gold answer, tests, a query on tables) to an outcome."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pipeline.config import GradingConfig
from pipeline.errors import PrerequisiteError
from pipeline.grading.chains import final_query, is_query
from pipeline.grading.equivalence import Comparison, compare_answers
from pipeline.grading.extract import find_answer, gold_answer, stated_answer
from pipeline.grading.pool import WorkerPool
from pipeline.grading.programs import run_tests
from pipeline.grading.queries import Failure, run_gold, run_queries
from pipeline.grading.results import Gold, same_result
from pipeline.records import Outcome, Problem, Solution
from pipeline.sandbox import ExecutionStatus, Limits, Sandbox

VERSION = 6
"""Part of the key of what is graded: a change of rules makes new outcomes."""
CACHE_SIZE = 100_000

CUT = "cut"
NO_ANSWER = "no answer"
NO_PROGRAM = "no program"
NO_QUERY = "no query at the end"
GOLD_FAILS = "the gold query fails"
OUTCOMES = {True: Outcome.CORRECT, False: Outcome.INCORRECT, None: Outcome.UNDECIDED}
MAX_GOLDS = 1000
"""Results of gold queries that are kept."""
MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Grade:
    """`answer` and the `rule` that found it, or None; `reason` says why an outcome is undecided
    (or, for a cut text that counts as incorrect, that it was cut)."""

    outcome: Outcome
    answer: str | None = None
    rule: str | None = None
    reason: str | None = None


class Grader:
    """Grades texts; usable from many coroutines at once, and from one event loop after another.

    Worker processes start when the first pair needs them; `close` ends them. What models wrote is run in
    `sandbox`, which whoever has problems with tests or queries lends it.
    """

    def __init__(self, config: GradingConfig, sandbox: Sandbox | None = None) -> None:
        self.config = config
        self.sandbox = sandbox
        programs = config.programs
        self.limits = Limits(
            wall_s=4.0 * programs.cpu_s + 10.0,  # a busy machine is no fault of the program's
            cpu_s=programs.cpu_s,
            memory_mb=programs.memory_mb,
            output_kb=4096,
        )
        self._pool = WorkerPool(config.workers, config.timeout_s)
        self._cache: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._golds: OrderedDict[tuple[str, str], Gold | Failure] = OrderedDict()

    async def attempt(self, text: str, solution: Solution, finish_reason: str = "stop") -> Grade:
        """Outcome of a text that attempts the solution's problem: by its tests where it has some, by its
        tables where the gold answer is a query, by its gold answer else.

        Raises EngineFaultError where the sandbox could not run it now.
        """
        if solution.tests is None and not on_tables(solution):
            return await self.grade(text, solution.gold, finish_reason)
        if finish_reason == "length":
            return Grade(Outcome(self.config.cut), reason=CUT)
        if solution.tests is not None:
            return await self._tested(text, solution.question, solution.tests)
        assert solution.tables is not None
        return await self._queried(text, solution.tables, solution.gold)

    async def _tested(self, text: str, question: str, tests: str) -> Grade:
        """A program that takes too long, or too much memory, is undecided, unless the configuration says
        that the time is the problems' own limit."""
        run = await run_tests(text, question, tests, self._open_sandbox(), self.limits)
        if run.program is None:
            return Grade(Outcome.UNDECIDED, reason=NO_PROGRAM)
        done, outcome = run.done, OUTCOMES[run.passed]
        slow = done.status is ExecutionStatus.TIMEOUT and "processor" in done.reason
        if slow:
            outcome = Outcome(self.config.programs.slow)
        told = None if done.ok and run.passed else f"{done.status}: {done.reason}"[:MAX_REASON]
        if done.ok and not run.passed:
            told = "it left before its tests ran"
        return Grade(outcome, rule="program", reason=told)

    async def _queried(self, text: str, tables: str, gold: str) -> Grade:
        query = final_query(text)
        if query is None:
            return Grade(Outcome.UNDECIDED, reason=NO_QUERY)
        wanted = await self.gold_result(tables, gold)
        if isinstance(wanted, Failure):
            return Grade(Outcome.UNDECIDED, reason=f"{GOLD_FAILS}: {wanted.message}"[:MAX_REASON])
        dialect = self.config.programs.dialect
        (found,) = await run_queries(tables, [query.sql], self._open_sandbox(), self.limits)
        if isinstance(found, Failure):
            wrong = query.counts(dialect) and found.contradicts(query.sql, dialect)
            told = f"{found.kind}: {found.message}"[:MAX_REASON]
            return Grade(OUTCOMES[False if wrong else None], query.sql, "query", told)
        same, reason = same_result(wanted, found), None
        if same is None:
            reason = "its result is nearly the gold query's"
        elif not same and not query.counts(dialect):
            same, reason = None, "it may mean something else than what was run"
        return Grade(OUTCOMES[same], query.sql, "query", reason)

    async def gold_result(self, tables: str, gold: str) -> Gold | Failure:
        """What a gold query gives; remembered."""
        key = (tables, gold)
        if (known := self._golds.get(key)) is None:
            known = await run_gold(tables, gold, self._open_sandbox(), self.limits)
            self._golds[key] = known
            if len(self._golds) > MAX_GOLDS:
                self._golds.popitem(last=False)
        return known

    def _open_sandbox(self) -> Sandbox:
        if self.sandbox is None:
            raise PrerequisiteError(
                "problems with tests or queries are graded in a sandbox: Grader(config, sandbox)"
            )
        return self.sandbox

    async def grade(self, text: str, gold: str, finish_reason: str = "stop") -> Grade:
        """Outcome of one text. `gold` may be a worked answer; `finish_reason` "length" means cut."""
        if finish_reason == "length":
            return Grade(Outcome(self.config.cut), reason=CUT)
        found = find_answer(text)
        if found is None:
            return Grade(Outcome.UNDECIDED, reason=NO_ANSWER)
        result = await self.compare(found.text, gold_answer(gold))
        return Grade(OUTCOMES[result.same], found.text, found.rule, result.reason)

    async def compare(self, pred: str, gold: str) -> Comparison:
        """Are two final answers the same? Remembered for each pair."""
        key = (pred, gold)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known
        result = await compare_answers(pred, gold, self._pool, self.config.decimals)
        self._cache[key] = result
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return result

    async def close(self) -> None:
        """End the worker processes."""
        await asyncio.to_thread(self._pool.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def says_nothing(given: str, written: str, one: Problem | Solution) -> bool:
    """Whether what was written behind the beginning of a text leaves its outcome open: it is blank, and no
    answer is stated before it. What stands there so far is no final answer."""
    by_answer = one.tests is None and not on_tables(one)
    return by_answer and not written.strip() and stated_answer(given) is None


def on_tables(one: Problem | Solution) -> bool:
    """Whether what answers the problem is a query on its tables."""
    gold = one.answer if isinstance(one, Problem) else one.gold
    return one.tables is not None and one.tests is None and is_query(gold)
