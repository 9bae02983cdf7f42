"""How long calls wait for an engine that has gone away: a server that is started again, a router without
replicas.

Otherwise an outage of minutes at night would fail every row that it meets. One that never answered is more
likely misconfigured than gone, and is not waited for. A call that a server refuses because it
is asked too much is tried on as long.
"""

from __future__ import annotations

import asyncio
import logging
import time

from pipeline.errors import EngineFaultError

logger = logging.getLogger(__name__)

TOLD_EVERY_S = 60.0
PRESSED_S = 30.0
"""So long after a refusal no more is begun than must be."""


class Patience:
    """What all calls to one engine know of its outages. Use it from one event loop at a time."""

    def __init__(self, most_s: float = 0.0) -> None:
        """`most_s`: how long an outage is waited for, whoever waits."""
        self._most_s = most_s
        self._has_answered = False
        self._away_since: float | None = None
        self._last_away = float("-inf")
        self._last_busy = float("-inf")
        self._waiting: set[asyncio.Future[None]] = set()
        self._told_at = float("-inf")

    @property
    def away(self) -> bool:
        """Whether nobody was there when it was asked last."""
        return self._away_since is not None

    @property
    def pressed(self) -> bool:
        """Whether it was asked more than it allows a moment ago."""
        return time.monotonic() - self._last_busy < PRESSED_S

    def answered(self, began: float) -> None:
        """A call that was sent at `began` (monotonic seconds) was answered: where nobody was away since, all
        that wait go on. A server that closes answers old calls and takes no new one."""
        self._has_answered = True
        if began < self._last_away:
            return
        self._away_since = None
        for call in self._waiting:
            if not call.done():
                call.set_result(None)
        self._waiting.clear()

    def failed(self, fault: EngineFaultError) -> None:
        if fault.busy:
            self._last_busy = time.monotonic()
        if fault.away and self._has_answered:
            self._last_away = time.monotonic()
            if self._away_since is None:
                self._away_since = self._last_away

    def waits(self, fault: EngineFaultError) -> bool:
        """Whether a call that failed so had better wait than give up."""
        if not fault.away or self._away_since is None:
            return False
        now = time.monotonic()
        left = self._away_since + self._most_s - now
        if left > 0 and now - self._told_at > TOLD_EVERY_S:
            self._told_at = now
            logger.warning("%s; waiting for it, %.0f s at most", fault, left)
        return left > 0

    def bears(self, refused: float) -> bool:
        """Whether a call had better be tried on that a busy server has refused since `refused`."""
        return time.monotonic() - refused < self._most_s

    async def pause(self, seconds: float) -> bool:
        """So long, or until the outage ends; whether it did."""
        call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(call)
        try:
            async with asyncio.timeout(seconds):
                await call
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(call)
        return True
