"""Stopping a run on purpose: no new call begins, those in flight may end, and the run can go on later.

SIGTERM is how schedulers, `docker stop` and Prefect's cancellation ask for it; they kill after about
30 s, so what is in flight gets half of that, and the rest is for files and the engine.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import InterruptedRun

DRAIN_S = 15.0


class Stop:
    """A request to stop, made once. Belongs to one event loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.why = "asked to stop"

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self, why: str) -> None:
        if not self.asked:
            self.why = why
            self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()

    async def gate(self) -> None:
        """Passed at once, and never again once a stop is asked for."""
        if self.asked:
            await asyncio.Event().wait()

    def error(self) -> InterruptedRun:
        return InterruptedRun(f"{self.why}; the same command goes on where it was")


@contextmanager
def on_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """`act` is called in the running event loop at SIGTERM, in place of the handler there was, which
    is put back at the end. Without a handler of its own (no main thread) nothing changes."""
    loop = asyncio.get_running_loop()
    try:
        before = signal.getsignal(signal.SIGTERM)
        loop.add_signal_handler(signal.SIGTERM, act)
    except (ValueError, RuntimeError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
