"""Solutions brought along -> graded ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from pipeline.annotator import Tools
from pipeline.arrow import Record
from pipeline.config import RunConfig
from pipeline.engine.protocol import Engine
from pipeline.grading import Grader
from pipeline.records import Solution, content_hash
from pipeline.shards import Store, chunked
from pipeline.stages.grade import graded, graded_by
from pipeline.stages.keys import key_of
from pipeline.stages.stage import Alone, Rows
from pipeline.steps import SPLIT_VERSION

IMPORT_VERSION = 2


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
        self.fingerprint = content_hash(
            IMPORT_VERSION, SPLIT_VERSION, config.steps.fingerprint, graded_by(config)
        )

    def pending(self, size: int) -> Iterator[list[Solution]]:
        """What is no longer brought leaves the run."""
        done = self._done()
        if gone := done - self._solutions.keys():
            self.store.drop(gone, Solution)
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
