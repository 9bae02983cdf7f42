"""A run while it is kept at a URL: held, fetched, worked at, kept from time to time and at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pipeline.errors import InUseError, StepLabelError
from pipeline.lock import waiting
from pipeline.remote import holder
from pipeline.remote.copy import Remote

log = logging.getLogger(__name__)

KEEP_S = 600.0


@asynccontextmanager
async def remote_run(url: str | None, folder: Path, wait: bool) -> AsyncIterator[Remote | None]:
    """The run's copy, held, fetched, and kept from time to time and at the end; None without a URL. What is
    done with it is cancelled, and InUseError raised, where another process takes over."""
    if url is None:
        yield None
        return
    remote = await asyncio.to_thread(Remote, url, folder)
    await _held(remote, wait)
    loop, task, lost = asyncio.get_running_loop(), asyncio.current_task(), list[InUseError]()
    assert task is not None

    def on_lost(error: InUseError) -> None:
        lost.append(error)
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(task.cancel)

    try:
        with remote.holder.beating(on_lost):
            if brought := await asyncio.to_thread(remote.fetch):
                log.info("%s: %d files fetched", remote.place, brought)
            keeping = asyncio.create_task(_keep(remote))
            try:
                yield remote
            except BaseException:
                await _end(keeping)
                await _try_to_keep(remote)
                raise
            finally:
                await _end(keeping)
            await asyncio.to_thread(remote.keep)
    except asyncio.CancelledError:
        if not lost:
            raise
        task.uncancel()
        raise lost[0] from None
    finally:
        with suppress(StepLabelError):
            await asyncio.to_thread(remote.holder.let_go)


async def keep_now(url: str, folder: Path) -> None:
    """Keep what is new in a run's folder that nobody works with. Raises InUseError where somebody does."""
    async with waiting(folder, wait=False), remote_run(url, folder, wait=False):
        pass


async def _held(remote: Remote, wait: bool) -> None:
    waited = False
    while True:
        try:
            await asyncio.to_thread(remote.hold)
            return
        except InUseError as error:
            if not wait:
                raise
            if not waited:
                log.warning("waiting: %s", error)
            waited = True
            await asyncio.sleep(holder.BEAT_S / 4)


async def _keep(remote: Remote) -> None:
    """Keep from time to time what was made."""
    while True:
        await asyncio.sleep(KEEP_S)
        await _try_to_keep(remote)


async def _try_to_keep(remote: Remote) -> None:
    try:
        await asyncio.to_thread(remote.keep)
    except (StepLabelError, OSError) as error:
        log.warning("not kept for now: %s", error)


async def _end(task: asyncio.Task[None]) -> None:
    """A copy under way ends by itself; the next one waits for it."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
