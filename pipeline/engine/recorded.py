"""Any engine, with every call recorded: known calls are answered from the journal, new ones are
limited, tried again after a fault, recorded, and only then returned."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pipeline.config import PriceConfig
from pipeline.engine.calls import (
    call_key,
    sample_record,
    sample_result,
    score_record,
    score_result,
)
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.engine.limits import EngineStats, SequenceLimit, TokenMeter
from pipeline.engine.money import Purse, at_most, dollars
from pipeline.engine.patience import Patience
from pipeline.engine.protocol import (
    Engine,
    Renderer,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rate_limit import RateLimit
from pipeline.errors import EngineFaultError
from pipeline.records import Cost
from pipeline.stopping import Stop

logger = logging.getLogger(__name__)

TOLD_EVERY_S = 10.0
"""So often the same fault is told at most."""
ResultT = TypeVar("ResultT", SampleResult, ScoreResult)


class _SharedCall:
    """One call in flight and how many await it; it is cancelled when nobody does any more."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.waiters = 0

    async def result(self) -> Any:
        self.waiters += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if self.task.cancelled() and me is not None and not me.cancelling():
                raise EngineFaultError("the engine was closed while a call was in flight") from None
            if self.waiters == 1:
                self.task.cancel()
            raise
        finally:
            self.waiters -= 1


class RecordedEngine:
    """Implements Engine around `engine`, which is opened at the first call that is not recorded,
    so that a run with nothing left to ask never loads a model.

    `retries` more tries follow an EngineFaultError, after pauses of about `pause_s`, doubling up to
    `longest_pause_s`; BadRequestError is never tried again. A try longer than `timeout_s` is a
    fault. Where the engine has gone away it is waited for with `patience`. `seed` is the run's, and
    part of each sample's identity. What is returned is what was recorded, so that a replay says the same to
    the letter. Once `stop` is asked for, no call begins; where there is a `price`, none that the `purse`
    can't pay (BudgetSpentError). Calls keep to `rate`. Use it from one event loop at a time; the journal
    is the caller's to close.
    """

    def __init__(
        self,
        engine: Engine,
        journal: CallJournal,
        *,
        seed: int = 0,
        retries: int = 4,
        timeout_s: float | None = None,
        pause_s: float = 0.5,
        longest_pause_s: float = 30.0,
        stop: Stop | None = None,
        price: PriceConfig | None = None,
        purse: Purse | None = None,
        rate: RateLimit | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.fingerprint = engine.fingerprint
        self.max_in_flight = engine.max_in_flight
        self._engine = engine
        self._journal = journal
        self._seed = seed
        self._retries = retries
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._stop = stop
        self._price = price
        self._purse = purse or Purse(None)
        self._rate = rate or RateLimit()
        self._patience = patience or Patience()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._limit = SequenceLimit(engine.max_in_flight)
        self._meter = TokenMeter()
        self._stats = EngineStats()
        self._shared: dict[str, _SharedCall] = {}
        self._lifecycle = asyncio.Lock()
        self._opened = False
        self._jitter = random.Random()
        self._told = ("", 0.0)

    @property
    def renderer(self) -> Renderer:
        return self._engine.renderer

    @property
    def opened(self) -> bool:
        """Whether the inner engine has been opened."""
        return self._opened

    @property
    def hungry(self) -> bool:
        """Whether it could be given more than it is asked for now."""
        full = self._limit.in_flight >= self._limit.limit
        return not full and not self._patience.away and not self._patience.pressed

    def stats(self) -> EngineStats:
        return replace(
            self._stats,
            in_flight=self._limit.in_flight,
            tokens_per_second=self._meter.rate(),
        )

    async def open(self) -> None:
        """Nothing yet: the model is loaded when a call needs it."""

    async def close(self) -> None:
        """Cancel what is in flight and close the inner engine if it was opened."""
        tasks = [call.task for call in self._shared.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._lifecycle:
            if self._opened:
                self._opened = False
                await self._engine.close()
        self._lifecycle = asyncio.Lock()

    async def drained(self) -> None:
        """Until no call is under way; their records are then on the way to the disk."""
        await self._idle.wait()

    async def _ensure_open(self) -> None:
        if not self._opened:
            async with self._lifecycle:
                if not self._opened:
                    await self._engine.open()
                    self._opened = True

    async def sample(self, request: SampleRequest) -> SampleResult:
        key = call_key(self.fingerprint, request, self._seed)
        if (record := self._journal.get(key)) is not None:
            return sample_result(self._replayed(record))

        async def call() -> SampleResult:
            most = at_most(request)
            async with self._paying(most) as pay:
                result = await self._try(request.n, most, lambda: self._engine.sample(request))
                record = sample_record(key, self.fingerprint, request, result)
                await self._journal.append(record)
                pay(record.cost)
            return sample_result(record)

        return await self._share(key, call)

    async def score(self, request: ScoreRequest) -> ScoreResult:
        key = call_key(self.fingerprint, request, self._seed)
        if (record := self._journal.get(key)) is not None:
            return score_result(self._replayed(record))

        async def call() -> ScoreResult:
            most = at_most(request)
            async with self._paying(most) as pay:
                result = await self._try(1, most, lambda: self._engine.score(request))
                record = score_record(key, self.fingerprint, request, result)
                await self._journal.append(record)
                pay(record.cost)
            return score_result(record)

        return await self._share(key, call)

    @asynccontextmanager
    async def _paying(self, most: Cost) -> AsyncIterator[Callable[[Cost], None]]:
        """What a call may cost is put aside while it is made, and what it did cost is spent: once its
        record is durable, so that the next attempt counts the same."""
        paid = 0.0

        def pay(cost: Cost) -> None:
            nonlocal paid
            paid = 0.0 if self._price is None else dollars(self._price, cost)
            self._stats.dollars += paid

        if self._price is None:
            yield pay
            return
        aside = dollars(self._price, most)
        await self._purse.put_aside(aside)
        try:
            yield pay
        finally:
            self._purse.settle(aside, paid)

    def _replayed(self, record: CallRecord) -> CallRecord:
        self._stats.calls_replayed += 1
        self._stats.replayed_cost += record.cost
        return record

    async def _share(self, key: str, call: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Identical requests in flight at once are one call."""
        shared = self._shared.get(key)
        if shared is None or shared.task.cancelling():
            shared = self._shared[key] = _SharedCall(asyncio.create_task(call()))
            shared.task.add_done_callback(lambda task: self._drop(key, task))
        else:
            self._stats.calls_shared += 1
        result: ResultT = await shared.result()
        return result

    def _drop(self, key: str, task: asyncio.Task[Any]) -> None:
        if key in self._shared and self._shared[key].task is task:
            del self._shared[key]
        if not task.cancelled():
            task.exception()  # taken, so that a call nobody awaits any more is not reported

    async def _try(
        self, sequences: int, most: Cost, call: Callable[[], Coroutine[Any, Any, ResultT]]
    ) -> ResultT:
        """`call` until it succeeds, with growing pauses between faults. After an outage that was waited for
        it may be tried as often again; as what it asks may be the cause, no more than `retries` times. A
        server that is asked too much is asked on, at the longest pauses, while patience lasts."""
        tries = borne = outages = 0
        refused: float | None = None
        while True:
            try:
                async with self._limit.hold(sequences):
                    await self._ensure_open()
                    tokens = most.prompt_tokens + most.completion_tokens
                    await self._rate.turn(tokens)
                    if self._stop is not None:
                        await self._stop.gate()
                    self._under_way += 1
                    self._idle.clear()
                    began = time.monotonic()
                    try:
                        async with asyncio.timeout(self._timeout_s):
                            result = await call()
                    finally:
                        self._under_way -= 1
                        if not self._under_way:
                            self._idle.set()
            except (EngineFaultError, TimeoutError) as error:
                self._stats.faults += 1
                fault = self._fault(error)
                self._patience.failed(fault)
                pause = min(self._pause_s * 2 ** min(tries, 30), self._longest_pause_s)
                tries += 1
                if fault.busy:
                    refused = time.monotonic() if refused is None else refused
                    borne += self._patience.bears(refused)
                on = tries - borne <= self._retries
                if not on and (outages > self._retries or not self._patience.waits(fault)):
                    raise fault from error
                pause *= self._jitter.uniform(0.5, 1.5)
                if fault.retry_after_s is not None:
                    self._rate.hold(fault.retry_after_s)
                    if tries <= self._retries:
                        pause = min(pause, 1.0)  # on top of what the server asks of every call
                if on:
                    if self._is_news(fault):
                        wait = pause + (fault.retry_after_s or 0.0)
                        logger.warning("%s; next try in %.1f s", fault, wait)
                    await asyncio.sleep(pause)
                elif await self._patience.pause(pause):
                    tries, borne, outages = 0, 0, outages + 1
            else:
                self._patience.answered(began)
                cost = result.cost
                self._rate.took(tokens, cost.prompt_tokens + cost.completion_tokens)
                self._made(result)
                return result

    def _is_news(self, fault: EngineFaultError) -> bool:
        """Whether this wasn't told a moment ago: hundreds of calls meet the same fault at once."""
        now, text = time.monotonic(), str(fault)
        before, self._told = self._told, (text, now)
        if before[0] != text or now - before[1] > TOLD_EVERY_S:
            return True
        self._told = before
        return False

    def _fault(self, error: Exception) -> EngineFaultError:
        if isinstance(error, EngineFaultError):
            return error
        return EngineFaultError(
            f"a call took longer than {self._timeout_s} s (request_timeout_s of this engine)"
        )

    def _made(self, result: SampleResult | ScoreResult) -> None:
        self._meter.add(result.cost.completion_tokens)
        self._stats.calls_made += 1
        self._stats.cost += result.cost
