"""From a text and a gold answer to an outcome."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pipeline.config import GradingConfig
from pipeline.grading.equivalence import Comparison, compare_answers
from pipeline.grading.extract import find_answer, gold_answer
from pipeline.grading.pool import WorkerPool
from pipeline.records import Outcome

VERSION = 4
"""Part of the key of what is graded: a change of rules makes new outcomes."""
CACHE_SIZE = 100_000

CUT = "cut"
NO_ANSWER = "no answer"


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

    Worker processes start when the first pair needs them; `close` ends them.
    """

    def __init__(self, config: GradingConfig) -> None:
        self.config = config
        self._pool = WorkerPool(config.workers, config.timeout_s)
        self._cache: OrderedDict[tuple[str, str], Comparison] = OrderedDict()

    async def grade(self, text: str, gold: str, finish_reason: str = "stop") -> Grade:
        """Outcome of one text. `gold` may be a worked answer; `finish_reason` "length" means cut."""
        if finish_reason == "length":
            return Grade(Outcome(self.config.cut), reason=CUT)
        found = find_answer(text)
        if found is None:
            return Grade(Outcome.UNDECIDED, reason=NO_ANSWER)
        result = await self.compare(found.text, gold_answer(gold))
        outcome = {
            True: Outcome.CORRECT,
            False: Outcome.INCORRECT,
            None: Outcome.UNDECIDED,
        }[result.same]
        return Grade(outcome, found.text, found.rule, result.reason)

    async def grade_many(self, items: Iterable[tuple[str, str, str]]) -> list[Grade]:
        """`grade` of each (text, gold, finish_reason), in order."""
        return list(await asyncio.gather(*(self.grade(*item) for item in items)))

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
