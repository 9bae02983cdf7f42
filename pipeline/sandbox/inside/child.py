"""The process of one snippet, made and shut in before there is a snippet for it.

It is forked while the zygote has nothing to do, so that no check waits for namespaces, mounts and page
tables; then it waits for the one snippet that it runs. No two ever share a process.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from typing import NoReturn

from pipeline.sandbox.inside import isolation, snippet
from pipeline.sandbox.inside.frames import Request
from pipeline.sandbox.inside.isolation import Cell

REPORT = 3
"""Where the snippet's process tells how it ended; 0, 1 and 2 are a program's usual ones."""
_ORDERS = 4
"""Where it is sent what to run. Closed before that begins."""
_CHUNK = 1 << 16
_OF_A_PROCESS = 2
"""CPUCLOCK_SCHED of the kernel, in the number of a process's clock."""
_SIZE = struct.Struct("!I")


class Output:
    """What the child writes into one pipe, kept up to `cap` bytes."""

    def __init__(self) -> None:
        self.ours, self.theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.ours, False)
        self.cap = 0
        self.data = bytearray()
        self.over = False

    def read(self) -> bool:
        """Take what is there; False at its end."""
        try:
            some = os.read(self.ours, _CHUNK)
        except BlockingIOError:
            return True
        room = self.cap - len(self.data)
        self.data += some[:room]
        self.over = self.over or len(some) > room
        return bool(some)

    def drain(self) -> None:
        """All that dead processes left in the pipe, up to the cap."""
        while not self.over:
            before = len(self.data)
            if not self.read() or len(self.data) == before:
                return


class Child:
    """The zygote's side of it: a process, its pipes, and the limits that it was made with."""

    def __init__(self, cell: Cell | None, request: Request, folder: str = "/") -> None:
        """`request`: one with the same limits as the one that will come. Without a cell it only has limits,
        and works in `folder`. Raises OSError."""
        self._limits = request.limits
        self.outputs = self.out, self.err, self.report = Output(), Output(), Output()
        self._stdin = os.memfd_create("stdin", os.MFD_CLOEXEC)
        orders, self._orders = os.pipe2(os.O_CLOEXEC)
        theirs = [*(pipe.theirs for pipe in self.outputs), orders]
        try:
            self.pid = os.fork() if cell is None else isolation.fork_isolated()
        except OSError:
            self.close()
            raise
        else:
            if self.pid == 0:
                _live([self._stdin, *theirs], cell, request, folder)
        finally:
            for number in theirs:
                os.close(number)

    def begin(self, request: Request, payload: bytearray) -> bool:
        """Send it the snippet; False where it has died, or was made with other limits."""
        if self._limits != request.limits:
            return False
        code, stdin = memoryview(payload)[: request.code], memoryview(payload)[request.code :]
        try:
            while stdin:
                stdin = stdin[os.pwrite(self._stdin, stdin, request.stdin - len(stdin)) :]
            for left in (memoryview(_SIZE.pack(request.code)), code):
                while left:
                    left = left[os.write(self._orders, left) :]
        except BrokenPipeError:
            return False
        return True

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return time.clock_gettime((~self.pid << 3) | _OF_A_PROCESS)

    def kill(self) -> None:
        """None of its instructions is carried out any more; to take its memory apart takes longer."""
        os.kill(self.pid, signal.SIGKILL)  # not yet waited for, so the number is still its own

    def end(self) -> tuple[int, float]:
        """Kill what is left, and wait until it is gone; wait status and processor seconds.

        Where it is process 1 of its world all others in there go with it.
        """
        self.kill()
        _, wait_status, used = os.wait4(self.pid, 0)
        return wait_status, used.ru_utime + used.ru_stime

    def close(self) -> None:
        for number in (self._stdin, self._orders, *(pipe.ours for pipe in self.outputs)):
            os.close(number)


def _live(theirs: list[int], cell: Cell | None, request: Request, folder: str) -> NoReturn:
    """The child's side: shut in first, then the code. It never returns into the zygote's loop."""
    try:
        os.setpgid(0, 0)  # else a signal to its own process group would reach the zygote
        for number, end in enumerate([os.dup(end) for end in theirs]):
            os.dup2(end, number, inheritable=number < REPORT)
        os.closerange(_ORDERS + 1, 1 << 16)
        if cell is None:
            os.chdir(folder)
            isolation.limit(request, count_processes=False)
        else:
            isolation.shut_in(cell, request)
            isolation.close(cell)
        (size,) = _SIZE.unpack(_received(_SIZE.size))
        code = _received(size)
        os.close(_ORDERS)
        source = str(code, "utf-8", "surrogatepass")
        os.write(REPORT, snippet.SET_UP)
    except BaseException as error:  # noqa: BLE001 - no code may run in a process half shut in
        try:
            os.write(REPORT, snippet.FAILED + str(error).encode()[:500])
        finally:
            os._exit(1)
    try:
        snippet.run(source, REPORT)
    finally:  # it leaves by itself, unless the code broke the interpreter
        os._exit(1)


def _received(size: int) -> bytearray:
    """So many bytes of the orders. Where the zygote has gone, so does the child."""
    data = bytearray(size)
    left = memoryview(data)
    while left:
        got = os.readv(_ORDERS, [left])
        if not got:
            os._exit(1)
        left = left[got:]
    return data
