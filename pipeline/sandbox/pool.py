"""The pool of zygotes, as an asynchronous context. Threads wait for them: any event loop will do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from pipeline.errors import EngineFaultError, PrerequisiteError
from pipeline.sandbox import command
from pipeline.sandbox.inside.frames import ExecutionStatus
from pipeline.sandbox.limits import MAX_CODE_BYTES, MAX_STDIN_BYTES, Execution, Limits
from pipeline.sandbox.zygotes import ALLOW, Zygote, ZygoteLost

PACKAGES = ("sympy", "mpmath", "numpy")
TRIES = 5
_PROBE = b"print(6 * 7)"


class Sandbox:
    """Runs Python snippets in isolation, as many at a time as it has workers.

    ```python
    async with Sandbox() as sandbox:
        done = await sandbox.run("print(6 * 7)", limits=Limits(wall_s=2))
    ```

    `packages` are loaded before the first snippet, and the only ones beside the standard library.
    `unsafe_local` runs snippets as plain processes of this user, with limits and nothing else.
    """

    def __init__(
        self,
        workers: int | None = None,
        limits: Limits | None = None,
        packages: Sequence[str] = PACKAGES,
        unsafe_local: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.replaced = 0
        """Zygotes lost so far."""
        self._packages = packages
        count = workers or len(os.sched_getaffinity(0))
        self._zygotes = [Zygote(n, packages, unsafe_local) for n in range(count)]
        self._idle: SimpleQueue[Zygote] = SimpleQueue()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sandbox")
        self._closing = False

    async def __aenter__(self) -> Self:
        """Raises PrerequisiteError where this machine has no sandbox, with what to do."""
        loop = asyncio.get_running_loop()
        first, *others = self._zygotes
        try:
            await loop.run_in_executor(self._threads, self._probe, first)
            await asyncio.gather(
                *(loop.run_in_executor(self._threads, zygote.start) for zygote in others)
            )
        except BaseException:
            await self._close()
            raise
        for zygote in self._zygotes:
            self._idle.put(zygote)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def run(self, code: str, *, stdin: str = "", limits: Limits | None = None) -> Execution:
        """Run one snippet as `__main__`. Never raises for what the code is or does.

        Raises EngineFaultError where it could not be run now: that says nothing of the code.
        """
        source, given = code.encode("utf-8", "surrogatepass"), stdin.encode("utf-8", "replace")
        for what, size, most in (
            ("code", len(source), MAX_CODE_BYTES),
            ("stdin", len(given), MAX_STDIN_BYTES),
        ):
            if size > most:
                return Execution(
                    ExecutionStatus.REFUSED, f"{what} of {size} bytes; at most {most} are run"
                )
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, self._execute, source, given, limits or self.limits
        )

    def _execute(self, code: bytes, stdin: bytes, limits: Limits) -> Execution:
        """In one of as many threads as there are zygotes: one of these is always idle."""
        zygote = self._idle.get()
        try:
            for _ in range(TRIES):
                if self._closing:
                    break
                try:
                    done = zygote.execute(code, stdin, limits)
                except ZygoteLost:
                    self.replaced += 1
                    continue
                if done.status is ExecutionStatus.REFUSED:
                    raise EngineFaultError(f"the sandbox: {done.reason}")
                return done
        finally:
            self._idle.put(zygote)
        raise EngineFaultError(f"the sandbox was lost {TRIES} times under a snippet, or closed")

    def _probe(self, zygote: Zygote) -> None:
        command.compile_once(self._packages)
        try:
            done = zygote.execute(_PROBE, b"", Limits(wall_s=60.0))
        except ZygoteLost as lost:
            done = Execution(ExecutionStatus.REFUSED, str(lost))
        if not done.ok or done.stdout != "42\n":
            raise PrerequisiteError(
                f"a snippet can't be isolated here ({done.reason or done.stdout[:100]}); "
                f"{ALLOW}; {command.UNSAFE}"
            )

    async def _close(self) -> None:
        """Whatever still runs is killed; its caller has gone."""
        self._closing = True
        for zygote in self._zygotes:
            zygote.kill()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for zygote in self._zygotes:
            zygote.close()
