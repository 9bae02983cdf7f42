"""The stages of a run: each turns rows into rows, a shard at a time, and knows which are done.

    generate | import   problems (or your solutions) -> graded solutions
    <annotator>         solutions -> verdicts, one stage for each annotator

A stage's rows are keyed by its fingerprint (configuration, code and model versions) and by the ids
of the rows they come from, so a rerun makes only what is missing, and a change of configuration
only the stages it touches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, Generic, Protocol, TypeVar

from pipeline.annotator import Annotator, HintedAnnotator, Tools
from pipeline.config import RunConfig
from pipeline.engine.protocol import Completion, Engine, SampleRequest
from pipeline.errors import BadRequestError, BudgetSpentError, EngineFaultError, RunError
from pipeline.grading import VERSION as GRADING_VERSION
from pipeline.grading import Grader
from pipeline.growth import grown
from pipeline.prompts import PromptTemplate
from pipeline.records import (
    NO_ERROR,
    Outcome,
    Problem,
    Record,
    Solution,
    Verdict,
    content_hash,
)
from pipeline.shards import Store, chunked
from pipeline.steps import Splitter

GENERATE_VERSION = 2
IMPORT_VERSION = 2

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be made now. It is not written; the next run of the batch tries again."""

    id: str
    reason: str
    unpaid: bool = False
    """The budget didn't pay for it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine will never take what an item asks (too long, say): `row` says so, and is no label. Where
    it takes no request of the stage at all, that is a fault of engine or configuration instead."""

    row: Record
    reason: str


Rows = list[Record] | Refused
Alone = Callable[[Any, Tools], Awaitable[Rows]]
"""Makes an item's rows with the tools alone, so that any process can; it can be pickled."""

Elsewhere = Callable[[str, Alone, Sequence[tuple[str, Any]]], Awaitable[Sequence[Rows | Fault]]]
"""(stage, how, items with their ids) -> what came of each, made by other processes."""


@dataclass(frozen=True, slots=True)
class ShardResult:
    rows: int
    faults: tuple[Fault, ...]


class Stage(Protocol, Generic[ItemT]):
    """`role` names the engine it needs, `calls` where they are recorded. An item is what one
    coroutine works on."""

    name: str
    calls: str
    role: str | None
    store: Store
    fingerprint: str
    kind: type[Record]

    def pending(self, size: int) -> Iterator[list[ItemT]]:
        """Items not done yet, in shards of about `size` solutions. Read lazily: a batch may be larger
        than memory."""
        ...

    def counts(self) -> tuple[int, int]:
        """(items in all, items done)."""
        ...

    async def make(self, item: ItemT, engine: Engine | None) -> Rows:
        """The rows of one item. Raises EngineFaultError."""
        ...

    def alone(self) -> Alone | None:
        """How another process makes them; None where that takes an engine or what the run knows."""
        ...

    def item_id(self, item: ItemT) -> str: ...


async def attempt(item_id: str, made: Awaitable[Rows]) -> Rows | Fault:
    """What came of one item."""
    try:
        return await made
    except (EngineFaultError, BadRequestError) as error:
        return Fault(item_id, str(error), isinstance(error, BudgetSpentError))


async def run_shard(
    stage: Stage[Any],
    items: list[Any],
    engine: Engine | None,
    on_row: Callable[[], None],
    on_fault: Callable[[Fault], None],
    refusals: Refusals,
    elsewhere: Elsewhere | None = None,
) -> ShardResult:
    """Make all rows of one shard at once, here or `elsewhere`, and write them as one part."""

    def told(item: Any, made: Rows | Fault) -> list[Record] | Fault:
        if isinstance(made, Fault):
            on_fault(made)
            return made
        on_row()
        if isinstance(made, Refused):
            refusals.waiting.append((stage.item_id(item), made))
            return []
        refusals.some_taken = True
        return made

    async def one(item: Any) -> list[Record] | Fault:
        return told(item, await attempt(stage.item_id(item), stage.make(item, engine)))

    if elsewhere is not None and (alone := stage.alone()) is not None:
        named = [(stage.item_id(item), item) for item in items]
        made = await elsewhere(stage.name, alone, named)
        results = [told(item, each) for item, each in zip(items, made, strict=True)]
    else:
        results = await asyncio.gather(*(one(item) for item in items))
    rows = [row for result in results if not isinstance(result, Fault) for row in result]
    rows += refusals.settled()
    if rows:
        await asyncio.to_thread(stage.store.write, rows, stage.kind)
    return ShardResult(len(rows), tuple(r for r in results if isinstance(r, Fault)))


@dataclass(slots=True)
class Refusals:
    """What an engine refused of a stage, until it is known whether it takes any of its requests."""

    some_taken: bool = False
    waiting: list[tuple[str, Refused]] = field(default_factory=list)

    def settled(self) -> list[Record]:
        """Rows to be written now."""
        if not self.some_taken:
            return []
        refused, self.waiting = self.waiting, []
        return [each.row for _, each in refused]


KEY_COLUMNS = ("problem_id", "question", "gold", "tests", "tables")
"""Of a solution's row: what says to which problem it belongs."""

NAMED = frozenset({"id", "outcome", *KEY_COLUMNS})
"""Enough to know whether a solution is to be annotated."""


class Solutions(Protocol):
    def __call__(self, columns: Collection[str] | None = None, /) -> Iterator[Solution]:
        """Solutions of a run, of which these columns are read (`NAMED` among them), or all."""
        ...


@lru_cache(64)  # a problem's solutions follow each other; its tables may be large
def problem_key(
    problem_id: str, question: str, gold: str, tests: str | None = None, tables: str | None = None
) -> str:
    """A problem by its content: the same id with another text, answer or tests is another problem."""
    more = [{"tests": tests, "tables": tables}] if tests or tables else []
    return content_hash(problem_id, question, gold, *more)


def key_of(one: Problem | Solution) -> str:
    """Key of a problem, or of that of a solution."""
    if isinstance(one, Problem):
        return problem_key(one.id, one.question, one.answer, one.tests, one.tables)
    return problem_key(one.problem_id, one.question, one.gold, one.tests, one.tables)


def key_of_row(row: Mapping[str, Any]) -> str:
    """The same of a row with KEY_COLUMNS; one of an earlier version has neither tests nor tables."""
    values: list[Any] = [row.get(name) for name in KEY_COLUMNS]
    return problem_key(*values)


class GenerateStage:
    """N solutions to each problem, and those of the tree that grows from them where there is to be
    one, split into steps and graded. An item is a problem."""

    name = calls = "generate"
    role: str | None = "generator"
    kind: type[Record] = Solution

    def __init__(
        self,
        config: RunConfig,
        problems: Mapping[str, Problem],
        prompt: PromptTemplate,
        splitter: Splitter,
        grader: Grader,
        engine_fingerprint: str,
        store: Store,
    ) -> None:
        self._config = config
        self._problems = problems
        self._prompt = prompt
        self._splitter = splitter
        self._grader = grader
        self._sampling = config.generate.sampling.sampling()
        self._generator = engine_fingerprint
        self.store = store
        self._made_by = content_hash(
            GENERATE_VERSION,
            config.seed,
            engine_fingerprint,
            prompt.fingerprint,
            config.generate.fingerprint,
        )
        self.fingerprint = content_hash(self._made_by, config.steps.fingerprint, graded_by(config))

    def pending(self, size: int) -> Iterator[list[Problem]]:
        done = self._done()
        todo = (self._problems[key] for key in sorted(self._problems) if key not in done)
        return chunked(todo, max(1, size // self._config.generate.samples))

    def counts(self) -> tuple[int, int]:
        return len(self._problems), len(self._done() & self._problems.keys())

    def item_id(self, item: Problem) -> str:
        return item.id

    def alone(self) -> None:
        """It samples."""

    async def make(self, item: Problem, engine: Engine | None) -> Rows:
        assert engine is not None
        n = self._config.generate.samples
        key = key_of(item)
        try:
            turns = self._prompt.fill({"question": item.question})
            prompt = engine.renderer.render(turns)
            result = await engine.sample(SampleRequest(prompt, self._sampling, n))
        except BadRequestError as error:
            return self._refused(item, key, error)
        share = replace(
            result.cost,
            calls=0,
            prompt_tokens=0,
            cached_tokens=0,
            completion_tokens=0,
            seconds=result.cost.seconds / n,
        )
        solutions = []
        for index, completion in enumerate(result.completions):
            # The call is charged to its first solution, sampled tokens to each their own.
            cost = replace(
                result.cost if index == 0 else share,
                completion_tokens=len(completion.token_ids) or result.cost.completion_tokens // n,
                seconds=share.seconds,
            )
            solution = await self._written(item, (), completion)
            solutions.append(
                replace(solution, index=index, token_ids=completion.token_ids, cost=cost)
            )
        if (tree := self._config.generate.tree) is not None:
            write = partial(self._written, item)
            solutions = await grown(solutions, tree, turns, self._sampling, engine, write)
        return [
            replace(s, id=content_hash(key, self._made_by, s.index, s.steps)) for s in solutions
        ]

    async def _written(
        self, item: Problem, given: tuple[str, ...], completion: Completion
    ) -> Solution:
        """The steps that were given and what was written after them; without an id."""
        solution = Solution(
            id="",
            problem_id=item.id,
            question=item.question,
            gold=item.answer,
            steps=tuple(self._splitter("".join(given) + completion.text)),
            generator=self._generator,
            finish_reason=completion.finish_reason,
            reference=item.reference,
            level=item.level,
            tests=item.tests,
            tables=item.tables,
            given=len(given),
        )
        return await graded(solution, self._grader, self._config.steps.max_steps)

    def _refused(self, item: Problem, key: str, error: BadRequestError) -> Refused:
        solution = Solution(
            id=content_hash(key, self._made_by, "refused"),
            problem_id=item.id,
            question=item.question,
            gold=item.answer,
            steps=(),
            generator=self._generator,
            outcome_reason=f"request refused: {error}",
            reference=item.reference,
            level=item.level,
            tests=item.tests,
            tables=item.tables,
        )
        return Refused(solution, str(error))

    def _done(self) -> set[str]:
        return {key_of_row(row) for row in self.store.rows(KEY_COLUMNS)}


class ImportStage:
    """Solutions you brought, graded. An item is a solution whose id is a hash of its content."""

    name = calls = "import"
    role: str | None = None
    kind: type[Record] = Solution

    def __init__(
        self, config: RunConfig, solutions: Iterable[Solution], grader: Grader, store: Store
    ) -> None:
        self._config = config
        self._solutions = {
            s.id: s
            for s in (
                replace(s, id=content_hash(key_of(s), s.id, list(s.steps))) for s in solutions
            )
        }
        self._grader = grader
        self.store = store
        self.fingerprint = content_hash(IMPORT_VERSION, config.steps.fingerprint, graded_by(config))

    def pending(self, size: int) -> Iterator[list[Solution]]:
        done = self._done()
        todo = (s for s in self._solutions.values() if s.id not in done)
        return chunked(todo, size)

    def counts(self) -> tuple[int, int]:
        return len(self._solutions), len(self._done() & self._solutions.keys())

    def item_id(self, item: Solution) -> str:
        return item.id

    def alone(self) -> Alone:
        return partial(_imported, self._config.steps.max_steps)

    async def make(self, item: Solution, engine: Engine | None) -> list[Record]:
        return [await graded(item, self._grader, self._config.steps.max_steps)]

    def _done(self) -> set[str]:
        return {str(row["id"]) for row in self.store.rows(["id"])}


async def _imported(max_steps: int, solution: Solution, tools: Tools) -> Rows:
    return [await graded(solution, tools.grader, max_steps)]


def graded_by(config: RunConfig) -> str:
    """What outcomes depend on besides the texts."""
    return content_hash(GRADING_VERSION, config.grading.fingerprint)


async def graded(solution: Solution, grader: Grader, max_steps: int) -> Solution:
    """The solution with its final answer and outcome."""
    if not solution.steps:
        return replace(solution, outcome_reason="empty text")
    if len(solution.steps) > max_steps:
        return replace(solution, outcome_reason=f"more than {max_steps} steps")
    grade = await grader.attempt(solution.text, solution, solution.finish_reason)
    return replace(
        solution,
        answer=grade.answer,
        answer_rule=grade.rule,
        outcome=grade.outcome,
        outcome_reason=grade.reason,
    )


class AnnotateStage:
    """One annotator over the chosen solutions. An item is a solution with a decided outcome."""

    kind: type[Record] = Verdict

    def __init__(
        self,
        config: RunConfig,
        annotator: Annotator,
        solutions: Solutions,
        tools: Callable[[Engine | None], Tools],
        engine_fingerprint: str,
        prompt: PromptTemplate,
        store: Store,
        name: str | None = None,
        hints: str | None = None,
    ) -> None:
        """`hints`: the fingerprint of what the annotator is hinted by."""
        self._config = config
        self._annotator = annotator
        self._solutions = solutions
        self._tools = tools
        self.name = name or annotator.name
        self.calls = annotator.name
        self.role = annotator.role
        self.store = store
        reads = (prompt.fingerprint, graded_by(config)) if annotator.uses_outcome else ()
        seed = None if annotator.role is None else config.seed
        self.fingerprint = content_hash(
            annotator.fingerprint, engine_fingerprint, seed, reads, *filter(None, [hints])
        )

    def pending(self, size: int) -> Iterator[list[Solution]]:
        done = self._done()
        todo = (s for s in self._candidates() if s.id not in done)
        return chunked(todo, size)

    def counts(self) -> tuple[int, int]:
        done, total, of_them = self._done(), 0, 0
        for solution in self._candidates(NAMED):
            total += 1
            of_them += solution.id in done
        return total, of_them

    def item_id(self, item: Solution) -> str:
        return item.id

    def alone(self) -> Alone | None:
        hinted = isinstance(self._annotator, HintedAnnotator) and self._annotator.hinted_by
        if self.role is not None or hinted:
            return None
        return partial(_annotated, self._annotator, self.name)

    async def make(self, item: Solution, engine: Engine | None) -> Rows:
        return await _annotated(self._annotator, self.name, item, self._tools(engine))

    def _candidates(self, columns: Collection[str] | None = None) -> Iterator[Solution]:
        return (s for s in self._solutions(columns) if s.outcome is not Outcome.UNDECIDED)

    def _done(self) -> set[str]:
        return {str(row["solution_id"]) for row in self.store.rows(["solution_id"])}


async def _annotated(annotator: Annotator, stage: str, item: Solution, tools: Tools) -> Rows:
    try:
        verdict = await annotator.annotate(item, tools)
    except BadRequestError as error:
        reason = f"request refused: {error}"
        return Refused(Verdict(item.id, annotator.name, None, reason), str(error))
    named = verdict.first_error
    if named is not None and not NO_ERROR <= named < len(item.steps):
        raise RunError(
            f"{stage}: solution {item.id} has {len(item.steps)} steps, and step {named} is "
            "named as its first error; steps are 0 to T-1, and -1 is none: the annotator is wrong"
        )
    reason = verdict.reason or ""
    if named is None and not verdict.cost.calls and reason.startswith("request refused"):
        return Refused(verdict, reason.removeprefix("request refused: "))
    return [verdict]
