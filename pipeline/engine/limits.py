"""How much is in flight, and how fast it goes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from pipeline.records import Cost


class SequenceLimit:
    """A semaphore counted in sequences, first come first served. A request for more than the
    limit takes all of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def hold(self, sequences: int) -> _Held:
        """An async context that is entered when there is room for so many."""
        return _Held(self, min(sequences, self.limit))

    async def _take(self, wanted: int) -> None:
        if not self._waiting and self.in_flight + wanted <= self.limit:
            self.in_flight += wanted
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(wanted)
            else:
                self._waiting.remove((wanted, turn))
                self._wake()
            raise

    def _release(self, sequences: int) -> None:
        self.in_flight -= sequences
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.in_flight + self._waiting[0][0] <= self.limit:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += wanted
                turn.set_result(None)


class _Held:
    def __init__(self, limit: SequenceLimit, sequences: int) -> None:
        self._limit = limit
        self._sequences = sequences

    async def __aenter__(self) -> None:
        await self._limit._take(self._sequences)

    async def __aexit__(self, *_: object) -> None:
        self._limit._release(self._sequences)


class TokenMeter:
    """Completion tokens a second over the last `window_s` seconds."""

    def __init__(self, window_s: float = 30.0) -> None:
        self._window_s = window_s
        self._events: deque[tuple[float, int]] = deque()
        self._total = 0
        self._begun: float | None = None

    def add(self, tokens: int, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        self._begun = now if self._begun is None else self._begun
        self._events.append((now, tokens))
        self._total += tokens
        self._drop(now)

    def _drop(self, now: float) -> None:
        while self._events and self._events[0][0] < now - self._window_s:
            self._total -= self._events.popleft()[1]

    def rate(self, now: float | None = None) -> float:
        now = time.monotonic() if now is None else now
        self._drop(now)
        if self._begun is None:
            return 0.0
        span = min(self._window_s, max(now - self._begun, 1.0))
        return self._total / span


@dataclass(slots=True)
class EngineStats:
    """Of one engine since it was made. `cost` is what was paid now, `replayed_cost` what the
    answers taken from the journal had cost when they were made."""

    calls_made: int = 0
    calls_replayed: int = 0
    calls_shared: int = 0
    faults: int = 0
    in_flight: int = 0
    tokens_per_second: float = 0.0
    cost: Cost = field(default_factory=Cost)
    replayed_cost: Cost = field(default_factory=Cost)
    dollars: float = 0.0
