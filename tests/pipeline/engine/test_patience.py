"""An engine that goes away in the middle: calls wait for it, and a call whose own fault it is doesn't."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from pipeline.config import EngineConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.openai_client import OpenAIClient
from pipeline.engine.patience import Patience
from pipeline.engine.protocol import Prompt, SampleRequest, SampleResult, Sampling
from pipeline.engine.recorded import RecordedEngine
from pipeline.engine.simulated import SimulatedEngine, simulated_problem
from pipeline.errors import EngineFaultError

AWAY = EngineFaultError("nobody is there", away=True)
BUSY = EngineFaultError("too many requests", busy=True)


class Leaving(SimulatedEngine):
    """Answers as long as `here`; raises `fault` then, or at a prompt that is `poisoned`."""

    def __init__(self) -> None:
        super().__init__(EngineConfig(kind="simulated", model="fake"), 1)
        self.here = True
        self.fault = AWAY
        self.poisoned: str | None = None
        self.calls = 0
        self.often = asyncio.Event()

    async def sample(self, request: SampleRequest) -> SampleResult:
        self.calls += 1
        if self.calls == 5:
            self.often.set()
        if not self.here or request.prompt.text == self.poisoned:
            raise self.fault
        return await super().sample(request)


def ask(number: int) -> SampleRequest:
    return SampleRequest(Prompt(simulated_problem(number).question), Sampling(), 1, number)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[CallJournal]:
    journal = CallJournal(tmp_path / "calls")
    yield journal
    journal.close()


def engine_of(inner: Leaving, journal: CallJournal, most_s: float) -> RecordedEngine:
    patience = Patience(most_s)
    return RecordedEngine(
        inner, journal, retries=1, pause_s=0.01, longest_pause_s=0.1, patience=patience
    )


async def test_calls_wait_for_an_engine_that_comes_back(
    journal: CallJournal, caplog: pytest.LogCaptureFixture
) -> None:
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=30.0)
    await engine.sample(ask(0))
    inner.here = False
    with caplog.at_level(logging.WARNING):
        calls = [asyncio.create_task(engine.sample(ask(number))) for number in range(1, 21)]
        await asyncio.sleep(0.7)
        assert not any(call.done() for call in calls)
        inner.here = True
        results = await asyncio.gather(*calls)
    assert all(result.completions for result in results)
    told = [r for r in caplog.records if "waiting for it" in r.getMessage()]
    assert len(told) == 1  # not one for every call


async def test_all_that_wait_go_on_as_soon_as_one_is_answered() -> None:
    patience = Patience(60.0)
    pauses = [asyncio.create_task(patience.pause(300.0)) for _ in range(50)]
    await asyncio.sleep(0.05)
    patience.answered(time.monotonic())
    assert await asyncio.gather(*pauses) == [True] * 50


async def test_an_engine_that_stays_away_is_waited_for_once_and_not_by_each_call(
    journal: CallJournal,
) -> None:
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=0.5)
    await engine.sample(ask(0))
    inner.here = False
    with pytest.raises(EngineFaultError, match="nobody is there"):
        await engine.sample(ask(1))
    waited = inner.calls - 1
    assert waited > 2
    for number in range(2, 6):
        with pytest.raises(EngineFaultError, match="nobody is there"):
            await engine.sample(ask(number))
    assert inner.calls - 1 - waited == 4 * 2  # a try and a retry each


async def test_what_was_asked_before_an_outage_doesn_t_end_it(journal: CallJournal) -> None:
    """As a server that closes still answers the calls that it has."""
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=30.0)
    await engine.sample(ask(0))
    patience, sent = engine._patience, time.monotonic()
    inner.here = False
    waiting = asyncio.create_task(engine.sample(ask(1)))
    for _ in range(20):
        await asyncio.sleep(0.02)
        patience.answered(sent)
    assert not waiting.done()
    assert patience.away
    assert not engine.hungry
    inner.here = True
    assert (await waiting).completions
    assert engine.hungry


async def test_a_second_outage_after_the_first_is_waited_for_too(journal: CallJournal) -> None:
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=30.0)
    await engine.sample(ask(0))
    inner.here = False
    waiting = [asyncio.create_task(engine.sample(ask(number))) for number in range(1, 9)]
    await asyncio.sleep(0.3)
    engine._patience.answered(time.monotonic())  # one got through, and then nobody again
    await asyncio.sleep(0.3)
    inner.here = True
    assert all(result.completions for result in await asyncio.gather(*waiting))


@pytest.mark.parametrize("answered_before", [False, True])
async def test_what_is_no_outage_is_not_waited_out(
    journal: CallJournal, answered_before: bool
) -> None:
    """An engine that never answered, or that answers this call with a fault of another kind."""
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=60.0)
    if answered_before:
        await engine.sample(ask(0))
        inner.fault = EngineFaultError("status 500")
    inner.here = False
    with pytest.raises(EngineFaultError):
        await engine.sample(ask(1))
    assert inner.calls == 2 + answered_before


async def test_a_fault_that_many_calls_meet_at_once_is_told_once(
    journal: CallJournal, caplog: pytest.LogCaptureFixture
) -> None:
    inner = Leaving()
    inner.here = False
    engine = engine_of(inner, journal, most_s=60.0)
    with caplog.at_level(logging.WARNING):
        calls = [engine.sample(ask(number)) for number in range(20)]
        failed = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, EngineFaultError) for one in failed)
    assert len(caplog.records) == 1


async def test_a_call_that_alone_finds_nobody_gives_up_while_others_are_answered(
    journal: CallJournal,
) -> None:
    inner = Leaving()
    engine = engine_of(inner, journal, most_s=60.0)
    inner.poisoned = ask(0).prompt.text
    poisoned = asyncio.create_task(engine.sample(ask(0)))
    for number in range(1, 200):
        if poisoned.done():
            break
        await engine.sample(ask(number))
        await asyncio.sleep(0.01)
    assert poisoned.done()
    with pytest.raises(EngineFaultError):
        await poisoned


async def test_a_call_is_tried_on_where_the_server_is_only_busy(journal: CallJournal) -> None:
    inner = Leaving()
    inner.fault, inner.here = BUSY, False
    engine = engine_of(inner, journal, most_s=60.0)
    waiting = asyncio.create_task(engine.sample(ask(0)))
    await inner.often.wait()
    assert not engine.hungry
    inner.here = True
    assert (await waiting).completions


async def test_a_server_that_stays_busy_is_given_up_in_the_end(journal: CallJournal) -> None:
    inner = Leaving()
    inner.fault, inner.here = BUSY, False
    with pytest.raises(EngineFaultError, match="too many"):
        await engine_of(inner, journal, most_s=0.1).sample(ask(0))


async def test_what_a_busy_server_refused_leaves_the_tries_of_other_faults(
    journal: CallJournal,
) -> None:
    inner = Leaving()
    inner.fault, inner.here = BUSY, False
    engine = engine_of(inner, journal, most_s=60.0)
    waiting = asyncio.create_task(engine.sample(ask(0)))
    await inner.often.wait()
    inner.fault, before = EngineFaultError("broken"), inner.calls
    with pytest.raises(EngineFaultError, match="broken"):
        await waiting
    assert inner.calls == before + 2


@pytest.mark.parametrize(
    ("status", "away"), [(502, True), (503, True), (504, False), (500, False), (429, False)]
)
async def test_what_a_router_says_that_has_no_server_is_an_outage(status: int, away: bool) -> None:
    config = EngineConfig(kind="openai", model="m", url="http://127.0.0.1:9/v1")
    client = OpenAIClient(config, 1)
    client._http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(status))
    )
    with pytest.raises(EngineFaultError) as told:
        await client.get("/models")
    assert told.value.away is away
    assert told.value.busy is (status == 429)
    await client.close()


async def test_a_port_where_nobody_listens_is_an_outage() -> None:
    client = OpenAIClient(EngineConfig(kind="openai", model="m", url="http://127.0.0.1:9/v1"), 1)
    with pytest.raises(EngineFaultError) as told:
        await client.get("/models")
    assert told.value.away
    await client.close()
