"""Requests and tokens a minute that a paid server allows, kept to before it has to refuse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

BURST_S = 6.0
"""So many seconds' worth may go at once: providers look at less than a whole minute."""


class _Bucket:
    """Fills at `a_minute`; what is taken beyond what it holds is a debt that is waited for."""

    def __init__(self, a_minute: float, now: float) -> None:
        self.a_second = a_minute / 60
        self.size = max(1.0, self.a_second * BURST_S)
        self.level = self.size
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount`, or a full bucket, is there."""
        self.level = min(self.size, self.level + (now - self._at) * self.a_second)
        self._at = now
        return max(0.0, (min(amount, self.size) - self.level) / self.a_second)


class RateLimit:
    """First come, first served. `now` and `sleep` are the clock's, in seconds."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._requests = _Bucket(requests_per_minute, now()) if requests_per_minute else None
        self._tokens = _Bucket(tokens_per_minute, now()) if tokens_per_minute else None
        self._not_before = 0.0
        self._line = asyncio.Lock()

    async def turn(self, tokens: int) -> None:
        """Returns when a request may go out that takes so many tokens at most."""
        async with self._line:
            while (wait := self._wait(tokens)) > 0:
                await self._sleep(wait)
            if self._requests:
                self._requests.level -= 1
            if self._tokens:
                self._tokens.level -= tokens

    def _wait(self, tokens: int) -> float:
        now = self._now()
        waits = [self._not_before - now]
        if self._requests:
            waits.append(self._requests.wait(1, now))
        if self._tokens:
            waits.append(self._tokens.wait(tokens, now))
        return max(waits)

    def took(self, most: int, tokens: int) -> None:
        """A request that was let go with `most` tokens took fewer."""
        if self._tokens:
            self._tokens.level += max(0, most - tokens)

    def hold(self, seconds: float) -> None:
        """The server asks for patience: no request goes out before."""
        self._not_before = max(self._not_before, self._now() + seconds)
