"""A stage's shards, a few at a time: what they made, what failed, what was not paid for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

from pipeline.cluster import Cluster
from pipeline.config import LARGEST_SHARD, RunConfig
from pipeline.engine.journal import compact_left
from pipeline.engine.recorded import RecordedEngine
from pipeline.engine.room import EngineRoom
from pipeline.errors import EngineFaultError
from pipeline.progress import Progress
from pipeline.run_folder import RunFolder
from pipeline.stages import Fault, GenerateStage, Refusals, ShardResult, Stage, run_shard

log = logging.getLogger(__name__)

LOGGED_FAULTS = 5
SHARDS_OF_A_STAGE = 500
"""A batch has larger shards rather than more: each is a task for Prefect, with 20 kB in its database, and
a file."""

MOST_SHARDS = 64
"""Shards begun and not written: what a stage holds in memory."""

LOOK_S = 0.1
"""So long what has begun may take to ask the engine for something."""

ALIKE = 8
"""So many items for each sequence in flight may be under way where the engine is hungry."""

FEW = 8
"""Where a stage has rows already, so few new requests may all be refused for what they are."""

ShardWork = Callable[[], Awaitable[ShardResult]]
RunShard = Callable[[str, int, int, ShardWork], Awaitable[ShardResult]]
"""(stage, number of the shard, items in it, the work) -> what the work returns."""


async def run_directly(stage: str, number: int, items: int, work: ShardWork) -> ShardResult:
    return await work()


class StageWork:
    """Runs the stages of a run one after another. `faults`: by stage, items that failed. `unpaid`: items that
    the budget didn't pay for. `cluster`: machines for what needs no engine, where there are any."""

    def __init__(
        self,
        config: RunConfig,
        run: RunFolder,
        room: EngineRoom,
        progress: Progress,
        run_one: RunShard,
    ) -> None:
        self.faults: Counter[str] = Counter()
        self.unpaid: set[str] = set()
        self.cluster: Cluster | None = None
        self._config = config
        self._run = run
        self._room = room
        self._progress = progress
        self._run_one = run_one
        self._refusals: dict[str, Refusals] = {}
        self._first_fault: dict[str, str] = {}

    async def run(self, stage: Stage[Any]) -> None:
        """All shards of a stage, a few at a time: enough to keep the engine full. Raises EngineFaultError
        where nothing at all could be made."""
        stage.store.open(stage.fingerprint)
        total, done = stage.counts()
        faults = self.faults[stage.name]
        self._progress.begin(stage.name, total, done)
        async with AsyncExitStack() as stack:
            engine = None
            if stage.role is not None and done < total:
                calls = self._run.calls(stage.calls)
                engine = await stack.enter_async_context(self._room.recorded(stage.role, calls))
            elif stage.role is not None:
                await asyncio.to_thread(compact_left, self._run.calls(stage.calls))
            try:
                refused = await self._shards(stage, engine, total, total - done)
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
        self._progress.end(stage.name)
        if self.unpaid and isinstance(stage, GenerateStage) and not stage.store.parts():
            raise EngineFaultError(f"{stage.name}: nothing was made, since the budget is spent")
        failed = self.faults[stage.name] - faults
        if failed == total - done > 0 and (done == 0 or refused > FEW):
            raise EngineFaultError(
                f"{stage.name}: every one of {failed} rows failed, the first because of: "
                f"{self._first_fault[stage.name]}. Nothing is lost: run the same command again when it is "
                "cured"
            )

    async def _shards(
        self,
        stage: Stage[Any],
        engine: RecordedEngine | None,
        total: int,
        pending: int,
    ) -> int:
        """One shard after another begins as items end, not as shards do: else the engine would run
        dry behind each shard's longest search. Where it is hungry still, since items ask the same or
        wait for their own last answer, more begin. How many items were refused, where none was taken."""
        cluster = self.cluster if stage.alone() is not None else None
        elsewhere, at_once = (cluster.make, cluster.shards_at_once) if cluster else (None, 2)
        size = self._shard_size(stage, total)
        most = max(at_once * size, 0 if engine is None else 2 * engine.max_in_flight)
        open_items, item_ended, begun = 0, asyncio.Event(), 0.0
        open_shards = asyncio.Semaphore(max(MOST_SHARDS, at_once))
        loaded = self._room.load_seconds(stage.role) if stage.role else 0.0

        def hungry() -> bool:
            if engine is None or not engine.hungry or open_items >= ALIKE * engine.max_in_flight:
                return False
            return time.monotonic() - begun > LOOK_S

        def ended() -> None:
            nonlocal open_items
            open_items -= 1
            item_ended.set()

        def made() -> None:
            ended()
            self._progress.row(stage.name)
            if self._progress.due:
                spent()

        def spent() -> None:
            if engine is not None and stage.role is not None:
                load_seconds = self._room.load_seconds(stage.role) - loaded
                self._progress.spent(stage.name, engine.stats(), load_seconds)

        def failed(fault: Fault) -> None:
            ended()
            if fault.unpaid:
                if not self.unpaid:
                    log.warning("%s: %s", stage.name, fault.reason)
                self.unpaid.add(fault.id)
                return
            self.faults[stage.name] += 1
            self._first_fault.setdefault(stage.name, fault.reason)
            self._progress.fault(stage.name)
            if self.faults[stage.name] <= LOGGED_FAULTS:
                log.warning(
                    "%s: %s: %s; a later run tries again", stage.name, fault.id, fault.reason
                )

        refusals = self._refusals.setdefault(stage.calls, Refusals())
        refusals.some_taken |= pending <= FEW and bool(stage.store.parts())

        async def shard(number: int, items: list[Any]) -> None:
            work = partial(run_shard, stage, items, engine, made, failed, refusals, elsewhere)
            await self._run_one(stage.name, number, len(items), work)
            open_shards.release()

        async with asyncio.TaskGroup() as group:
            for number, items in enumerate(stage.pending(size)):
                await open_shards.acquire()
                while open_items >= most and not hungry():
                    item_ended.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await item_ended.wait()
                begun = time.monotonic()
                open_items += len(items)
                group.create_task(shard(number, items))
        spent()
        if rows := refusals.settled():
            await asyncio.to_thread(stage.store.write, rows, stage.kind)
        for item_id, refused in refusals.waiting:
            self._progress.row(stage.name, -1)
            failed(Fault(item_id, f"request refused: {refused.reason}"))
        refused_all, refusals.waiting = len(refusals.waiting), []
        return refused_all

    def _shard_size(self, stage: Stage[Any], total: int) -> int:
        """As configured, but a large batch has larger ones, so that what counts shards stays small."""
        if isinstance(stage, GenerateStage):
            total *= self._config.generate.samples
        return min(LARGEST_SHARD, max(self._config.shard_size, -(-total // SHARDS_OF_A_STAGE)))
