"""What is under way at once, items of a stage and stages: no engine waits for what it needn't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from annotators.arithmetic import ArithmeticAnnotator
from annotators.judge import JudgeAnnotator
from annotators.registry import make_annotators
from pipeline.annotator import Tools
from pipeline.arrow import Record
from pipeline.batch import run_batch
from pipeline.engine.limits import EngineStats
from pipeline.progress import Progress
from pipeline.records import Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.shards import Store, chunked
from pipeline.stages.work import ALIKE, StageWork, run_directly
from tests.test_resume import small_batch

ITEMS, SHARD, IN_FLIGHT = 100, 2, 8


class Held:
    """A stage whose items all wait for one event."""

    kind: type[Record] = Verdict
    name = calls = fingerprint = "held"
    role: str | None = "held"

    def __init__(self, folder: Path, expected: int) -> None:
        self.store = Store(folder)
        self.gate, self.enough = asyncio.Event(), asyncio.Event()
        self.begun, self._expected = 0, expected

    def pending(self, size: int) -> Iterator[list[int]]:
        return chunked(iter(range(ITEMS)), size)

    def counts(self) -> tuple[int, int]:
        return ITEMS, 0

    def alone(self) -> None:
        return None

    def item_id(self, item: int) -> str:
        return str(item)

    async def make(self, item: int, engine: object) -> list[Record]:
        self.begun += 1
        if self.begun == self._expected:
            self.enough.set()
        await self.gate.wait()
        return [Verdict(str(item), "held", 0)]


class Room:
    """An engine that is hungry, or full, whatever it is asked."""

    def __init__(self, hungry: bool) -> None:
        self.engine = SimpleNamespace(max_in_flight=IN_FLIGHT, hungry=hungry, stats=EngineStats)

    def load_seconds(self, role: str) -> float:
        return 0.0

    @asynccontextmanager
    async def recorded(self, role: str, calls: Path) -> AsyncIterator[Any]:
        yield self.engine


@pytest.mark.parametrize(
    ("hungry", "expected"), [(True, ALIKE * IN_FLIGHT), (False, 2 * IN_FLIGHT)]
)
async def test_more_items_begin_while_those_under_way_leave_the_engine_hungry(
    tmp_path: Path, hungry: bool, expected: int
) -> None:
    config = small_batch(tmp_path).model_copy(update={"shard_size": SHARD})
    stage = Held(tmp_path / "held", expected)
    room: Any = Room(hungry)
    progress = Progress(tmp_path / "progress.json")
    work = StageWork(config, RunFolder(tmp_path / "run"), room, progress, run_directly)
    running = asyncio.create_task(work.run(stage))
    async with asyncio.timeout(60):
        await stage.enough.wait()
    await asyncio.sleep(0.5)
    assert stage.begun == expected
    stage.gate.set()
    await running
    assert sum(1 for _ in stage.store.read(Verdict)) == ITEMS


async def test_what_needs_no_engine_works_beside_what_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned, judge = asyncio.Event(), JudgeAnnotator.annotate
    arithmetic = ArithmeticAnnotator.annotate

    async def first(self: ArithmeticAnnotator, solution: Solution, tools: Tools) -> Verdict:
        reckoned.set()
        return await arithmetic(self, solution, tools)

    async def after(self: JudgeAnnotator, solution: Solution, tools: Tools) -> Verdict:
        async with asyncio.timeout(60):
            await reckoned.wait()
        return await judge(self, solution, tools)

    monkeypatch.setattr(ArithmeticAnnotator, "annotate", first)
    monkeypatch.setattr(JudgeAnnotator, "annotate", after)
    config = small_batch(tmp_path, problems=4)
    assert list(config.annotators).index("judge") < list(config.annotators).index("arithmetic")
    summary = await run_batch(config, make_annotators(config))
    assert not summary.faults
    assert len(list(RunFolder(config.folder).labels.rows(["solution_id"]))) == 16
