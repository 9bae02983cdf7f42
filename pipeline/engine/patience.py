"""How long calls wait for an engine that has gone away: a server that is started again, a router without
replicas.

Otherwise an outage of minutes at night would fail every row that it meets. One that never answered is more
likely misconfigured than gone, and is not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time

from pipeline.errors import EngineFaultError

logger = logging.getLogger(__name__)

TOLD_EVERY_S = 60.0


class Patience:
    """Shared by all calls to one engine. Use it from one event loop at a time."""

    def __init__(self, most_s: float = 0.0) -> None:
        """`most_s`: how long a call waits since its first fault."""
        self._most_s = most_s
        self._answered_at: float | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._told_at = float("-inf")

    def answered(self) -> None:
        """All that wait go on at once."""
        self._answered_at = time.monotonic()
        for call in self._waiting:
            if not call.done():
                call.set_result(None)
        self._waiting.clear()

    def holds(self, fault: EngineFaultError, first: float, before: float) -> bool:
        """Whether a call that failed by `fault` had better wait than give up: while the engine is away, and
        nobody has been answered since the fault before this one. `first`, `before`: when those faults were,
        in monotonic seconds."""
        if not fault.away or self._answered_at is None or self._answered_at > before:
            return False
        left = first + self._most_s - time.monotonic()
        if left > 0 and time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            logger.warning("%s; waiting for it, %.0f s at most", fault, left)
        return left > 0

    async def pause(self, seconds: float) -> None:
        """So long, or until the engine answers somebody."""
        call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(call)
        try:
            async with asyncio.timeout(seconds):
                await call
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(call)
