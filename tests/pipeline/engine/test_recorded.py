from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.config import EngineConfig, ProblemsConfig, RunConfig
from pipeline.engine import make_engine
from pipeline.engine.journal import CallJournal
from pipeline.engine.limits import SequenceLimit, TokenMeter
from pipeline.engine.protocol import (
    Completion,
    Prompt,
    SampleRequest,
    SampleResult,
    Sampling,
    ScoreRequest,
    Turns,
)
from pipeline.engine.recorded import RecordedEngine
from pipeline.engine.replay import ReplayEngine
from pipeline.engine.room import EngineRoom
from pipeline.engine.simulated import SimulatedEngine, simulated_problem
from pipeline.errors import (
    BadRequestError,
    EngineFaultError,
    PrerequisiteError,
    StepLabelError,
)
from pipeline.records import Cost


class Flaky(SimulatedEngine):
    """The simulated policy behind a bad line: faults first, counts, waits."""

    def __init__(self, faults: int = 0, seconds: float = 0.0, limit: int = 1024) -> None:
        super().__init__(EngineConfig(kind="simulated", model="fake"), 1)
        self.max_in_flight = limit
        self.faults = faults
        self.fault: StepLabelError = EngineFaultError("the line broke")
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
                raise self.fault
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


async def test_a_run_with_another_seed_samples_anew_and_scores_no_more(
    journal: CallJournal,
) -> None:
    inner = Flaky()
    score = ScoreRequest(Prompt("a"), "b c")
    scores = []
    for seed in (1, 2, 1):
        engine = RecordedEngine(inner, journal, seed=seed)
        await engine.sample(ask(1))
        scores.append(await engine.score(score))
    assert inner.calls == 2
    assert len(journal) == 3
    assert len(set(scores)) == 1


async def test_an_engine_room_records_under_the_runs_seed(tmp_path: Path) -> None:
    async def made(seed: int) -> tuple[SampleResult, int]:
        config = RunConfig(
            seed=seed,
            problems=ProblemsConfig(path="none"),
            engines={"policy": EngineConfig(kind="simulated", model="fake")},
        )
        room = EngineRoom(config, attempt=1)
        async with room.recorded("policy", tmp_path / "calls") as engine:
            result = await engine.sample(ask(1, n=20))
            return result, engine.stats().calls_made

    first, again, other = [await made(seed) for seed in (1, 1, 2)]
    assert (first[1], again[1], other[1]) == (1, 0, 1)
    assert first[0] == again[0] != other[0]


async def test_a_server_s_lone_surrogate_reads_the_same_now_and_replayed(
    journal: CallJournal,
) -> None:
    class Broken(Flaky):
        async def sample(self, request: SampleRequest) -> SampleResult:
            return SampleResult((Completion("so \ud83d 5", "stop", (7, 8)),), Cost(1, 2, 0, 2))

    first = await RecordedEngine(Broken(), journal).sample(ask(1))
    assert first.completions[0].text == "so ? 5"
    assert await RecordedEngine(Broken(), journal).sample(ask(1)) == first


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


async def test_what_stops_the_run_reaches_every_caller_untried_and_unrecorded(
    journal: CallJournal,
) -> None:
    inner = Flaky(seconds=0.01)
    inner.fault = PrerequisiteError("status 401")
    inner.faults = 1
    engine = RecordedEngine(inner, journal, pause_s=0.001)
    results = await asyncio.gather(
        *(engine.sample(ask(1)) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [PrerequisiteError] * 5
    assert (inner.calls, len(journal), engine.stats().faults) == (1, 0, 0)
    assert (await engine.sample(ask(1))).completions


async def test_a_model_that_can_not_be_opened_stops_the_run(journal: CallJournal) -> None:
    class Absent(Flaky):
        async def open(self) -> None:
            self.opened += 1
            raise PrerequisiteError("no model")

    inner = Absent()
    with pytest.raises(PrerequisiteError, match="no model"):
        await RecordedEngine(inner, journal).sample(ask(1))
    assert (inner.opened, inner.calls) == (1, 0)


async def test_a_call_longer_than_the_timeout_is_a_fault(journal: CallJournal) -> None:
    engine = RecordedEngine(Flaky(seconds=5), journal, retries=0, timeout_s=0.05)
    with pytest.raises(EngineFaultError, match="request_timeout_s"):
        await engine.sample(ask(1))


async def test_a_call_that_was_cancelled_is_not_recorded_and_made_anew(
    journal: CallJournal,
) -> None:
    inner = Flaky(seconds=5)
    engine = RecordedEngine(inner, journal)
    task = asyncio.create_task(engine.sample(ask(1)))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(journal) == 0
    inner.seconds = 0
    again = await engine.sample(ask(1))
    assert again == await RecordedEngine(Flaky(), journal).sample(ask(1))
    assert (inner.calls, len(journal)) == (2, 1)


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
    config = EngineConfig(kind="replay", model=str(journal.folder))
    replay = ReplayEngine(config)
    with pytest.raises(BadRequestError, match=r"no recorded call .* draw=7 .*problem 1\."):
        await replay.sample(ask(1, draw=7))
    other = make_engine(config, 5, 1)
    with pytest.raises(BadRequestError, match=r"seed is 5 here"):
        await other.sample(ask(1))
    await other.close()
    assert replay.renderer.render(Turns("Q")) == Flaky().renderer.render(Turns("Q"))
