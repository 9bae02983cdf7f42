from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.config import EngineConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.limits import SequenceLimit, TokenMeter
from pipeline.engine.protocol import (
    Prompt,
    SampleRequest,
    SampleResult,
    Sampling,
    ScoreRequest,
    Turns,
)
from pipeline.engine.recorded import RecordedEngine
from pipeline.engine.replay import ReplayEngine
from pipeline.engine.simulated import SimulatedEngine, simulated_problem
from pipeline.errors import BadRequestError, EngineFaultError


class Flaky(SimulatedEngine):
    """The simulated policy behind a bad line: faults first, counts, waits."""

    def __init__(self, faults: int = 0, seconds: float = 0.0, limit: int = 1024) -> None:
        super().__init__(EngineConfig(kind="simulated", model="fake"), 1)
        self.max_in_flight = limit
        self.faults = faults
        self.seconds = seconds
        self.opened = self.closed = self.calls = self.cancelled = 0
        self.sequences = self.most_sequences = 0

    async def open(self) -> None:
        self.opened += 1
        await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.closed += 1

    async def sample(self, request: SampleRequest) -> SampleResult:
        self.calls += 1
        self.sequences += request.n
        self.most_sequences = max(self.most_sequences, self.sequences)
        try:
            await asyncio.sleep(self.seconds)
            if self.faults:
                self.faults -= 1
                raise EngineFaultError("the line broke")
            return await super().sample(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.sequences -= request.n


def ask(number: int, n: int = 1, draw: int = 0) -> SampleRequest:
    return SampleRequest(Prompt(simulated_problem(number).question), Sampling(), n, draw)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[CallJournal]:
    opened = CallJournal(tmp_path / "calls" / "rollouts")
    yield opened
    opened.close()


async def test_a_recorded_call_is_answered_without_opening_the_engine(
    journal: CallJournal,
) -> None:
    first = RecordedEngine(Flaky(), journal)
    asked = [await first.sample(ask(i)) for i in range(5)]
    scored = await first.score(ScoreRequest(Prompt("a"), "b c"))
    inner = Flaky()
    second = RecordedEngine(inner, journal)
    assert [await second.sample(ask(i)) for i in range(5)] == asked
    assert await second.score(ScoreRequest(Prompt("a"), "b c")) == scored
    await second.close()
    assert (inner.opened, inner.calls, inner.closed) == (0, 0, 0)
    assert second.stats().calls_replayed == 6
    assert second.stats().calls_made == 0


async def test_draws_and_n_and_models_are_different_calls(journal: CallJournal) -> None:
    inner = Flaky()
    engine = RecordedEngine(inner, journal)
    for request in (ask(1), ask(1, draw=1), ask(1, n=2), ask(2)):
        await engine.sample(request)
    assert inner.calls == 4
    assert len(journal) == 4


async def test_identical_requests_in_flight_are_one_call(journal: CallJournal) -> None:
    inner = Flaky(seconds=0.02)
    engine = RecordedEngine(inner, journal)
    results = await asyncio.gather(*(engine.sample(ask(1)) for _ in range(10)))
    assert inner.calls == 1
    assert len(set(results)) == 1
    assert engine.stats().calls_shared == 9


async def test_one_waiter_less_does_not_cancel_a_shared_call(journal: CallJournal) -> None:
    inner = Flaky(seconds=0.1)
    engine = RecordedEngine(inner, journal)
    stays, leaves = (asyncio.create_task(engine.sample(ask(1))) for _ in range(2))
    await asyncio.sleep(0.05)
    leaves.cancel()
    assert (await stays).completions
    assert inner.cancelled == 0


async def test_a_call_that_nobody_awaits_any_more_is_cancelled(journal: CallJournal) -> None:
    inner = Flaky(seconds=5)
    engine = RecordedEngine(inner, journal)
    task = asyncio.create_task(engine.sample(ask(1)))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert inner.cancelled == 1
    assert engine.stats().in_flight == 0


async def test_faults_are_tried_again_and_what_came_late_is_recorded(
    journal: CallJournal,
) -> None:
    inner = Flaky(faults=3)
    engine = RecordedEngine(inner, journal, retries=3, pause_s=0.001)
    assert (await engine.sample(ask(1))).completions
    assert engine.stats().faults == 3
    assert len(journal) == 1


async def test_a_fault_that_stays_is_raised_and_not_recorded(journal: CallJournal) -> None:
    engine = RecordedEngine(Flaky(faults=9), journal, retries=2, pause_s=0.001)
    with pytest.raises(EngineFaultError, match="the line broke"):
        await engine.sample(ask(1))
    assert len(journal) == 0


async def test_a_bad_request_is_not_tried_again(journal: CallJournal) -> None:
    inner = Flaky()
    engine = RecordedEngine(inner, journal)
    with pytest.raises(BadRequestError):
        await engine.sample(SampleRequest(Prompt("no such problem"), Sampling()))
    assert inner.calls == 1


async def test_a_call_longer_than_the_timeout_is_a_fault(journal: CallJournal) -> None:
    engine = RecordedEngine(Flaky(seconds=5), journal, retries=0, timeout_s=0.05)
    with pytest.raises(EngineFaultError, match="request_timeout_s"):
        await engine.sample(ask(1))


async def test_sequences_in_flight_stay_under_the_limit(journal: CallJournal) -> None:
    inner = Flaky(seconds=0.005, limit=8)
    engine = RecordedEngine(inner, journal)
    await asyncio.gather(*(engine.sample(ask(i, n=1 + i % 3)) for i in range(40)))
    assert inner.most_sequences <= 8
    assert inner.calls == 40


async def test_many_first_calls_open_the_engine_once_and_close_closes_it(
    journal: CallJournal,
) -> None:
    inner = Flaky()
    engine = RecordedEngine(inner, journal)
    await asyncio.gather(*(engine.sample(ask(i)) for i in range(20)))
    await engine.close()
    await engine.close()
    assert (inner.opened, inner.closed) == (1, 1)


async def test_a_limit_is_given_back_by_a_waiter_that_was_cancelled() -> None:
    limit = SequenceLimit(2)

    async def hold() -> None:
        async with limit.hold(2):
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(hold()) for _ in range(4)]
    await asyncio.sleep(0.005)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert limit.in_flight == 0


def test_the_meter_forgets_what_is_older_than_its_window() -> None:
    meter = TokenMeter(window_s=10)
    meter.add(100, now=0.0)
    meter.add(100, now=5.0)
    assert meter.rate(now=5.0) == 40
    assert meter.rate(now=12.0) == 10
    assert meter.rate(now=100.0) == 0


async def test_replay_gives_the_recorded_answers_under_the_recorded_fingerprint(
    journal: CallJournal,
) -> None:
    inner = Flaky()
    engine = RecordedEngine(inner, journal)
    asked = [await engine.sample(ask(i)) for i in range(5)]
    journal.compact()
    asked.append(await engine.sample(ask(5)))
    run = journal.folder.parent.parent
    replay = ReplayEngine(EngineConfig(kind="replay", model=str(run)))
    assert replay.fingerprint == inner.fingerprint
    assert [await replay.sample(ask(i)) for i in range(6)] == asked


async def test_replay_names_a_call_that_was_never_made(journal: CallJournal) -> None:
    await RecordedEngine(Flaky(), journal).sample(ask(1))
    replay = ReplayEngine(EngineConfig(kind="replay", model=str(journal.folder)))
    with pytest.raises(BadRequestError, match=r"no recorded call .* draw=7 .*problem 1\."):
        await replay.sample(ask(1, draw=7))
    assert replay.renderer.render(Turns("Q")) == Flaky().renderer.render(Turns("Q"))
