"""The process that has everything loaded, and forks a child for each snippet.

Run as `python -m pipeline.sandbox.inside.zygote '{"modules": […], "user": …, "isolated": true}'` with the
pool at both ends of its standard input and output. It never looks at a snippet's text: it hands it
to the child, collects what the child writes, and forgets both.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from typing import Any, NoReturn

from pipeline.sandbox.inside import isolation, seccomp, snippet
from pipeline.sandbox.inside.frames import (
    MAX_REASON_BYTES,
    READY,
    REQUEST_BYTES,
    STATUSES,
    ExecutionStatus,
    Reply,
    Request,
)

WARM_UP = {
    "sympy": """
import sympy
x = sympy.Symbol("x")
sympy.simplify(sympy.sympify("(x**2 - 1)/(x - 1)") - (x + 1)).equals(0)
sympy.solve(x**2 - 3*x + 2, x); sympy.expand((x + 1)**3); sympy.factor(x**2 - 1)
sympy.Rational(1, 3) + sympy.sqrt(2).evalf(); sympy.diff(sympy.sin(x)*x, x); sympy.integrate(x**2, x)
from sympy.parsing.sympy_parser import parse_expr
str(parse_expr("2*x + 3/4"))
""",
    "numpy": "import numpy.random; numpy.random.seed(0)",
}
"""Run once where a module is loaded: its tables are then full, and its random numbers known."""
WATCH_MEMORY_EVERY_S = 0.05
_CHUNK = 1 << 16


class _Watched:
    """One pipe from the child, read up to `cap` bytes."""

    def __init__(self, cap: int) -> None:
        self.ours, self.theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.ours, False)
        self.cap = cap
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

    def close(self) -> None:
        for end in (self.ours, self.theirs):
            if end >= 0:
                os.close(end)


class Zygote:
    def __init__(self, isolated: bool) -> None:
        self._isolated = isolated
        self._user, self._group = os.geteuid(), os.getegid()
        self._filter = seccomp.program() if isolated else b""
        isolation.virtual_bytes()

    def execute(self, request: Request, payload: bytearray) -> list[bytes | bytearray]:
        """Run one snippet; its reply, in pieces. When this returns, nothing of it runs any more."""
        out, err = _Watched(request.output), _Watched(request.output)
        report = _Watched(MAX_REASON_BYTES)
        pipes = (out, err, report)
        folder = None if self._isolated else tempfile.mkdtemp(prefix="steplabel-")
        try:
            started = time.monotonic()
            try:
                pid = isolation.fork_isolated() if self._isolated else os.fork()
            except OSError as error:
                return _reply(request, ExecutionStatus.REFUSED, str(error))
            if pid == 0:
                self._be_the_child(request, payload, pipes, folder)
            for pipe in pipes:
                os.close(pipe.theirs)
                pipe.theirs = -1
            over = self._watch(pid, request, pipes, started + request.wall_s)
            wait_status, cpu_s = self._end(pid)
            for pipe in pipes:
                pipe.drain()
            wall_s = time.monotonic() - started
            status, line, reason = self._verdict(
                request, over, wait_status, cpu_s, bytes(report.data), any(p.over for p in pipes)
            )
            return _reply(request, status, reason, line, wall_s, cpu_s, out.data, err.data)
        finally:
            for pipe in pipes:
                pipe.close()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _be_the_child(
        self,
        request: Request,
        payload: bytearray,
        pipes: tuple[_Watched, _Watched, _Watched],
        folder: str | None,
    ) -> NoReturn:
        """The child's side: shut in first, then the code. It never returns into the zygote's loop."""
        report = 3
        try:
            os.setsid()  # else a signal to its own process group would reach the zygote
            given = os.memfd_create("stdin", os.MFD_CLOEXEC)
            if request.stdin:
                os.write(given, memoryview(payload)[request.code :])
                os.lseek(given, 0, os.SEEK_SET)
            standing = [os.dup(n) for n in (given, *(pipe.theirs for pipe in pipes))]
            for number, end in enumerate(standing):
                os.dup2(end, number, inheritable=number < report)
            os.closerange(report + 1, 1 << 16)
            code = str(memoryview(payload)[: request.code], "utf-8", "surrogatepass")
            if self._isolated:
                isolation.enter(request, self._user, self._group, self._filter)
            else:
                os.chdir(folder or "/")
                isolation.limit(request, count_processes=False)
            os.write(report, snippet.SET_UP)
        except BaseException as error:  # noqa: BLE001 - no code may run in a process half shut in
            try:
                os.write(report, snippet.FAILED + str(error).encode()[:500])
            finally:
                os._exit(1)
        try:
            snippet.run(code, report)
        finally:  # it leaves by itself, unless the code broke the interpreter
            os._exit(1)

    def _watch(
        self,
        pid: int,
        request: Request,
        pipes: tuple[_Watched, _Watched, _Watched],
        deadline: float,
    ) -> ExecutionStatus | None:
        """Until the child ends; or which limit it is over."""
        process = os.pidfd_open(pid)
        poller = select.poll()
        by_number = {pipe.ours: pipe for pipe in pipes}
        for number in (process, *by_number):
            poller.register(number, select.POLLIN)
        look = time.monotonic() + WATCH_MEMORY_EVERY_S
        try:
            while True:
                now = time.monotonic()
                if now >= deadline:
                    return ExecutionStatus.TIMEOUT
                if now >= look:
                    if self._isolated and not _group_fits(request.memory):
                        return ExecutionStatus.OOM
                    look = now + WATCH_MEMORY_EVERY_S
                wait_s = min(deadline, look) - now
                for number, _ in poller.poll(max(1, int(wait_s * 1000))):
                    if number == process:
                        return None
                    if not by_number[number].read():
                        poller.unregister(number)
                    if by_number[number].over:
                        return ExecutionStatus.KILLED
        finally:
            os.close(process)

    def _end(self, pid: int) -> tuple[int, float]:
        """Kill what is left, and wait until it is gone; wait status and processor seconds."""
        os.kill(pid, signal.SIGKILL)  # not yet waited for, so the number is still its own
        if not self._isolated:
            _kill_group(pid)
        _, wait_status, used = os.wait4(pid, 0)
        while not self._isolated and _kill_orphans():
            pass
        return wait_status, used.ru_utime + used.ru_stime

    def _verdict(
        self,
        request: Request,
        over: ExecutionStatus | None,
        wait_status: int,
        cpu_s: float,
        report: bytes,
        flooded: bool,
    ) -> tuple[ExecutionStatus, int, str]:
        """Status, line and reason."""
        set_up, told = report[:1], report[1:]
        if set_up != snippet.SET_UP and over is None:
            why = told.decode("utf-8", "replace") if set_up == snippet.FAILED else "it died"
            return ExecutionStatus.REFUSED, 0, f"the snippet can't be shut in: {why}"
        if flooded:
            return ExecutionStatus.KILLED, 0, f"over {request.output} bytes of output"
        if over is ExecutionStatus.TIMEOUT:
            return over, 0, f"over {request.wall_s:g} s"
        if over is ExecutionStatus.OOM:
            return over, 0, f"over {request.memory} bytes in all its processes"
        if os.WIFSIGNALED(wait_status):
            number = os.WTERMSIG(wait_status)
            if number == signal.SIGKILL and cpu_s > 0.95 * request.cpu_s:
                return ExecutionStatus.TIMEOUT, 0, f"over {request.cpu_s} s of processor time"
            if number == signal.SIGKILL and self._isolated:  # none of its own can reach it
                return ExecutionStatus.OOM, 0, "killed by the kernel, for want of memory"
            return ExecutionStatus.KILLED, 0, _signal_name(number)
        kind, rest = told[:1], told[1:]
        if kind not in (snippet.RAN, snippet.RAISED, snippet.OUT_OF_MEMORY) or len(rest) < 4:
            code = os.WEXITSTATUS(wait_status)
            return ExecutionStatus.ERROR, 0, f"left before its end, with exit code {code}"
        (line,) = snippet.LINE.unpack(rest[:4])
        reason = rest[4:].decode("utf-8", "replace")
        if kind == snippet.OUT_OF_MEMORY:
            return ExecutionStatus.OOM, line, reason
        if kind == snippet.RAISED:
            return ExecutionStatus.ERROR, line, reason
        return ExecutionStatus.OK, 0, ""


def _reply(
    request: Request,
    status: ExecutionStatus,
    reason: str,
    line: int = 0,
    wall_s: float = 0.0,
    cpu_s: float = 0.0,
    out: bytearray | bytes = b"",
    err: bytearray | bytes = b"",
) -> list[bytes | bytearray]:
    why = reason.encode("utf-8", "replace")[:MAX_REASON_BYTES]
    head = Reply(
        request.nonce,
        STATUSES.index(status),
        line,
        wall_s,
        cpu_s,
        len(out),
        len(err),
        len(why),
    )
    return [head.pack(), bytes(out), bytes(err), why]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _group_fits(memory: int) -> bool:
    """Whether all the snippet's processes together have at most `memory` bytes, shared pages counted
    once between them.

    One process alone is held by its own limit, and not looked at. One that hides (PR_SET_DUMPABLE) may
    have any size: it doesn't fit.
    """
    mine = {os.getpid(), 1}
    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine]
    if len(others) < 2:
        return True
    total = 0
    for name in others:
        try:
            with open(f"/proc/{name}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except PermissionError:
            return False
        except OSError:
            continue  # it ended meanwhile
    return total * 1024 <= memory


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _kill_orphans() -> bool:
    """Kill and await the zygote's children; whether there were any. Only where nothing is isolated."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        children = [int(number) for number in file.read().split()]
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return bool(children)


def _read_exactly(channel: int, into: memoryview) -> bool:
    """False when the pool has closed its end."""
    done = 0
    while done < len(into):
        got = os.readv(channel, [into[done:]])
        if not got:
            return False
        done += got
    return True


def _write_all(channel: int, pieces: list[bytes | bytearray]) -> None:
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[os.write(channel, left) :]


def _take_channel() -> tuple[int, int]:
    """The pool's pipes, moved away from the standard numbers, which get nothing."""
    ends = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    os.close(nothing)
    return ends


def main(options: dict[str, Any]) -> None:
    requests, replies = _take_channel()
    if options["user"] is not None:
        isolation.drop_root(options["user"])
    for name in options["modules"]:
        importlib.import_module(name)
        exec(compile(WARM_UP.get(name, ""), "<warm-up>", "exec"), {})  # noqa: S102 - the texts above
    isolated = bool(options["isolated"])
    if isolated:
        isolation.close_to_others()
    else:
        isolation.adopt_orphans()
    random.seed(0)
    zygote = Zygote(isolated)
    gc.collect()
    gc.freeze()  # the collector of a child then leaves these pages alone
    os.dup2(1, 2)
    ready = Request(READY, 0.0, *([0] * 8))
    _write_all(replies, _reply(ready, ExecutionStatus.OK, ""))
    head = bytearray(REQUEST_BYTES)
    while _read_exactly(requests, memoryview(head)):
        request = Request.unpack(bytes(head))
        payload = bytearray(request.code + request.stdin)
        if not _read_exactly(requests, memoryview(payload)):
            return
        _write_all(replies, zygote.execute(request, payload))
        payload[:] = bytes(len(payload))  # no text of this snippet is left for the next to find


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
