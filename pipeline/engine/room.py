"""The engines of a run: which are loaded, and when.

`in_turn` keeps one model in memory: asking for another role closes the one before, unless both have
the same engine. `side_by_side` keeps them all. A model is loaded at the first call that no record
answers, so a run that only resumes loads none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.config import PriceConfig, RunConfig
from pipeline.engine import make_engine
from pipeline.engine.journal import CallJournal
from pipeline.engine.money import Purse
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
from pipeline.engine.recorded import RecordedEngine
from pipeline.files import read_json, write_json
from pipeline.stopping import Stop


class _Shared:
    """An engine that several stages use in turn: closing it is the room's business alone."""

    def __init__(self, engine: Engine, rate: RateLimit, patience: Patience) -> None:
        self.engine = engine
        self.fingerprint = engine.fingerprint
        self.max_in_flight = engine.max_in_flight
        self.load_seconds = 0.0
        self.rate = rate
        self.patience = patience
        self._opened = False

    @property
    def renderer(self) -> Renderer:
        """The first time loads the tokenizer, with the libraries it comes from."""
        began = time.monotonic()
        renderer = self.engine.renderer
        self.load_seconds += time.monotonic() - began
        return renderer

    async def open(self) -> None:
        if not self._opened:
            began = time.monotonic()
            await self.engine.open()
            self.load_seconds += time.monotonic() - began
            self._opened = True

    async def sample(self, request: SampleRequest) -> SampleResult:
        return await self.engine.sample(request)

    async def score(self, request: ScoreRequest) -> ScoreResult:
        return await self.engine.score(request)

    async def close(self) -> None:
        """Kept for the next stage."""

    async def unload(self) -> None:
        self._opened = False
        await self.engine.close()


class EngineRoom:
    def __init__(self, config: RunConfig, attempt: int, stop: Stop | None = None) -> None:
        self._config = config
        self._stop = stop
        self._at_work: set[RecordedEngine] = set()
        self._attempt = attempt
        self._engines: dict[str, _Shared] = {}
        self._servers: dict[str, Patience] = {}
        self._purse = Purse(None)

    def purse(self, roles: Iterable[str], calls: Path) -> Purse:
        """The run's money from here on: what its recorded calls cost is spent, whichever engines, of these
        roles or of earlier ones, were asked."""
        told = {self.fingerprint(role): self._config.engine_for(role).price for role in roles}
        file = calls.with_name("prices.json")  # of engines that were asked by earlier settings, too
        kept = {n: PriceConfig(**p) for n, p in (read_json(file) or {}).items() if n not in told}
        prices = kept | {name: price for name, price in told.items() if price}
        if prices:
            write_json(file, {name: price.model_dump() for name, price in prices.items()})
        self._purse = Purse.of(self._config, prices, calls)
        return self._purse

    def fingerprint(self, role: str) -> str:
        """Of the role's model, without loading it."""
        return self._engine(role).fingerprint

    def load_seconds(self, role: str) -> float:
        """How long the role's model and tokenizer have taken to load so far."""
        return self._engine(role).load_seconds

    @asynccontextmanager
    async def recorded(self, role: str, calls: Path) -> AsyncIterator[RecordedEngine]:
        """The role's engine behind the journal in folder `calls`, for one stage. At the end the
        journal is compacted; the model stays loaded for the next stage that wants it."""
        engine = self._engine(role)
        if self._config.placement == "in_turn":
            for other in self._engines.values():
                if other is not engine:
                    await other.unload()
        config = self._config.engine_for(role)
        journal = CallJournal(calls)
        try:
            recorded = RecordedEngine(
                engine,
                journal,
                seed=self._config.seed,
                retries=config.retries,
                timeout_s=config.request_timeout_s,
                stop=self._stop,
                price=config.price,
                purse=self._purse,
                rate=engine.rate,
                patience=engine.patience,
            )
            self._at_work.add(recorded)
            try:
                yield recorded
            finally:
                self._at_work.discard(recorded)
                await recorded.close()
            journal.compact()
        finally:
            journal.close()

    async def drained(self) -> None:
        """Until the calls under way have ended; no other begins once a stop is asked for."""
        for engine in list(self._at_work):
            await engine.drained()

    async def close(self) -> None:
        await asyncio.gather(*(engine.unload() for engine in self._engines.values()))

    def _engine(self, role: str) -> _Shared:
        """Roles with the same configuration share an engine."""
        config = self._config.engine_for(role)
        key = config.fingerprint
        if key not in self._engines:
            rate = RateLimit(config.requests_per_minute, config.tokens_per_minute)
            engine = make_engine(config, self._config.seed, self._attempt)
            patience = Patience(config.patience_s)
            if config.url is not None:  # the models of a server go away together
                patience = self._servers.setdefault(config.url, patience)
            self._engines[key] = _Shared(engine, rate, patience)
        return self._engines[key]
