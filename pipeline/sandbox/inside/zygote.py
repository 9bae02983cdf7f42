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
from contextlib import suppress
from typing import Any

from pipeline.sandbox.inside import isolation, pages, seccomp, snippet
from pipeline.sandbox.inside import turns as _loaded_for_snippets  # noqa: F401
from pipeline.sandbox.inside.child import Child
from pipeline.sandbox.inside.frames import (
    MAX_REASON_BYTES,
    READY,
    REQUEST_BYTES,
    STATUSES,
    ExecutionStatus,
    Reply,
    Request,
)
from pipeline.sandbox.inside.isolation import Cell
from pipeline.sandbox.inside.memory import group_fits, is_alone

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
TYPICAL = {
    "sympy": """
from sympy import *
x, y = symbols("x y")
str(expand(sympify("(x + 2)**2 - (3*x - y)") - sympify("x**2 + x + 4 + y")) == 0)
""",
}
"""What a snippet is likely to do."""
TYPICAL_TIMES = 20
"""So often that the interpreter has specialized the code on the way."""
WATCH_MEMORY_EVERY_S = 0.05


class Zygote:
    def __init__(self, isolated: bool) -> None:
        self._cell = Cell(os.geteuid(), os.getegid(), seccomp.program()) if isolated else None
        self._next: Child | None = None
        self._last: Child | None = None
        isolation.virtual_bytes()

    def prepare(self, like: Request) -> None:
        """Make the process of the next snippet, before it is asked for, with the limits of the last one.
        Where that can't be done now, it is tried again, and told of, when there is a snippet."""
        last, self._last = self._last, None
        if last is not None:
            last.end()
            last.close()
        if self._cell is not None:
            with suppress(OSError):
                self._next = Child(self._cell, like._replace(nonce=b""))

    def execute(self, request: Request, payload: bytearray) -> list[bytes | bytearray]:
        """Run one snippet; its reply, in pieces. When this returns, nothing of it runs any more."""
        folder = tempfile.mkdtemp(prefix="steplabel-") if self._cell is None else "/"
        started = time.monotonic()
        try:
            child = self._begun(request, payload, folder)
        except OSError as error:
            return _reply(request, ExecutionStatus.REFUSED, str(error))
        try:
            over = self._watch(child, request, started + request.wall_s)
            wait_status, cpu_s = self._end(child)
            for pipe in child.outputs:
                pipe.drain()
            wall_s = time.monotonic() - started
            status, line, reason = self._verdict(
                request,
                over,
                wait_status,
                cpu_s,
                bytes(child.report.data),
                any(pipe.over for pipe in child.outputs),
            )
            out, err = child.out.data, child.err.data
            return _reply(request, status, reason, line, wall_s, cpu_s, out, err)
        finally:
            if child is not self._last:
                child.close()
            if self._cell is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _begun(self, request: Request, payload: bytearray, folder: str) -> Child:
        """The child that has this snippet: the one that waits or, where that won't do, a new one."""
        waiting, self._next = self._next, None
        if waiting is not None:
            if waiting.begin(request, payload):
                return waiting
            waiting.end()
            waiting.close()
        child = Child(self._cell, request._replace(nonce=b""), folder)
        child.begin(request, payload)  # its verdict tells where it can't be
        return child

    def _watch(self, child: Child, request: Request, deadline: float) -> ExecutionStatus | None:
        """Until the child ends; or which limit it is over."""
        for pipe in child.outputs:
            pipe.cap = request.output
        child.report.cap = MAX_REASON_BYTES
        process = os.pidfd_open(child.pid)
        poller = select.poll()
        by_number = {pipe.ours: pipe for pipe in child.outputs}
        for number in (process, *by_number):
            poller.register(number, select.POLLIN)
        look = time.monotonic() + WATCH_MEMORY_EVERY_S
        try:
            while True:
                now = time.monotonic()
                if now >= deadline:
                    return ExecutionStatus.TIMEOUT
                if now >= look:
                    if self._cell is not None and not group_fits(request.memory):
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
                    if number == child.report.ours and self._has_told(child):
                        return None
        finally:
            os.close(process)

    def _end(self, child: Child) -> tuple[int, float]:
        """Nothing of it runs any more; wait status and processor seconds.

        One that has told how it ended, and is the only process, is not waited for until its reply is sent:
        what is left of it is the kernel's work.
        """
        if self._has_told(child):
            child.kill()
            if is_alone():
                self._last = child
                return 0, child.cpu_s()
            return 0, child.end()[1]
        if self._cell is not None:
            return child.end()
        _kill_group(child.pid)
        ended = child.end()
        while _kill_orphans():
            pass
        return ended

    def _has_told(self, child: Child) -> bool:
        return self._cell is not None and snippet.is_told(child.report.data)

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
            if number == signal.SIGKILL and self._cell is not None:  # none of its own can reach it
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
    typical = "".join(TYPICAL.get(name, "") for name in options["modules"])
    for _ in range(TYPICAL_TIMES):
        exec(compile(typical, "<typical>", "exec"), {})  # noqa: S102
    gc.collect()
    gc.freeze()  # the collector of a child then leaves these pages alone
    pages.collapse()
    isolated = bool(options["isolated"])
    if isolated:
        isolation.close_to_others()
    else:
        isolation.adopt_orphans()
    random.seed(0)
    zygote = Zygote(isolated)
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
        zygote.prepare(request)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
