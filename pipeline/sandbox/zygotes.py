"""One zygote as the pool sees it: a process, two pipes, and a deadline for each answer.

Its calls block; the pool makes each from a thread of its own.
"""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence

from pipeline.errors import PrerequisiteError
from pipeline.sandbox import command
from pipeline.sandbox.inside.frames import (
    MAX_REASON_BYTES,
    NONCE_BYTES,
    READY,
    REPLY_BYTES,
    STATUSES,
    Reply,
    Request,
)
from pipeline.sandbox.limits import Execution, Limits

START_S = 120.0
GRACE_S = 30.0
"""Beyond a snippet's wall clock; a zygote that has not answered by then is given up."""
ALLOW = (
    "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 "
    "user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0 (those there are), "
    "and in a container --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--cap-add SYS_ADMIN"
)
_CHUNK = 1 << 16


class ZygoteLost(Exception):
    """It died, or says what it should not. What it was asked is asked of another one."""


class Zygote:
    """Started by its first call, and anew by the first one after it was lost."""

    def __init__(self, number: int, packages: Sequence[str], unsafe_local: bool) -> None:
        self._number = number
        self._packages = packages
        self._unsafe_local = unsafe_local
        self._process: subprocess.Popen[bytes] | None = None
        self._worked = False

    def start(self) -> None:
        """Raises PrerequisiteError with what the process said, where none has started before."""
        if self._process is not None:
            return
        if self._unsafe_local:
            words, environment = command.unsafe(self._packages)
        else:
            words, environment = command.bubblewrap(self._number, self._packages), {}
        with tempfile.TemporaryFile() as said:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                bufsize=0,
                start_new_session=True,  # ^C is for the run, which then closes the pool in order
            )
            try:
                reply, _ = self._receive(0, time.monotonic() + START_S)
            except ZygoteLost:
                self.close()
                if self._worked:
                    raise
                said.seek(0)
                why = said.read().decode("utf-8", "replace").strip()[-500:] or "it says nothing"
                raise PrerequisiteError(
                    f"no sandbox starts here ({why}); {ALLOW}; {command.UNSAFE}"
                ) from None
            except BaseException:
                self.close()
                raise
        if reply.nonce != READY:
            self.close()
            raise PrerequisiteError("the sandbox speaks another language: is it another version?")
        self._worked = True

    def execute(self, code: bytes, stdin: bytes, limits: Limits) -> Execution:
        """Run one snippet. Raises ZygoteLost, and PrerequisiteError where none can be started."""
        self.start()
        request = Request(
            secrets.token_bytes(NONCE_BYTES),
            limits.wall_s,
            int(max(1, limits.cpu_s)),
            int(limits.memory_mb * 2**20),
            int(limits.disk_mb * 2**20),
            int(limits.file_mb * 2**20),
            int(limits.output_kb * 2**10),
            int(limits.processes),
            len(code),
            len(stdin),
        )
        deadline = time.monotonic() + limits.wall_s + GRACE_S
        try:
            self._send(request.pack() + code + stdin, deadline)
            reply, (out, err, reason) = self._receive(request.output, deadline)
            if reply.nonce != request.nonce or reply.status >= len(STATUSES):
                raise ZygoteLost("an answer to something else")
        except BaseException:  # whatever it says next would be taken for the next answer
            self.close()
            raise
        return Execution(
            STATUSES[reply.status],
            reason,
            reply.line or None,
            out,
            err,
            reply.wall_s,
            reply.cpu_s,
        )

    def kill(self) -> None:
        """From any thread: what it is asked is lost."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """Kill it, and with it all that runs in it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, data: bytes, deadline: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        left = memoryview(data)
        while left:
            _await(pipe, select.POLLOUT, deadline)
            try:
                left = left[os.write(pipe, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ZygoteLost(str(error)) from None

    def _receive(self, most: int, deadline: float) -> tuple[Reply, tuple[str, str, str]]:
        reply = Reply.unpack(self._read(REPLY_BYTES, deadline))
        if max(reply.stdout, reply.stderr) > most or reply.reason > MAX_REASON_BYTES:
            raise ZygoteLost("an answer longer than it can be")
        out, err, reason = (
            self._read(size, deadline).decode("utf-8", "replace")
            for size in (reply.stdout, reply.stderr, reply.reason)
        )
        return reply, (out, err, reason)

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        data = bytearray()
        while len(data) < size:
            _await(pipe, select.POLLIN, deadline)
            some = os.read(pipe, min(_CHUNK, size - len(data)))
            if not some:
                raise ZygoteLost("it died")
            data += some
        return bytes(data)


def _await(pipe: int, event: int, deadline: float) -> None:
    poller = select.poll()
    poller.register(pipe, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poller.poll(1000 * left):
        raise ZygoteLost("no answer in time")
