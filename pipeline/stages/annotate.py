"""solutions -> verdicts of one annotator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Protocol

from pipeline.annotator import Annotator, Tools, hints_of
from pipeline.arrow import Record
from pipeline.config import RunConfig
from pipeline.engine.protocol import Engine
from pipeline.errors import BadRequestError, RunError
from pipeline.prompts import PromptTemplate
from pipeline.records import NO_ERROR, Outcome, Solution, Verdict, content_hash
from pipeline.shards import Store, chunked
from pipeline.stages.grade import graded_by
from pipeline.stages.keys import KEY_COLUMNS
from pipeline.stages.stage import Alone, Refused, Rows

NAMED = frozenset({"id", "outcome", *KEY_COLUMNS})
"""Enough to know whether a solution is to be annotated."""


class Solutions(Protocol):
    def __call__(self, columns: Collection[str] | None = None, /) -> Iterator[Solution]:
        """Solutions of a run, of which these columns are read (`NAMED` among them), or all."""
        ...


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
        if self.role is not None or hints_of(self._annotator):
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
