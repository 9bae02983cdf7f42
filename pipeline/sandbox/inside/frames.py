"""What goes between the pool and a zygote: frames of fixed size, each followed by texts of stated length.

Only these two processes hold the ends. A reply repeats the 16 random bytes of its request.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple, Self

NONCE_BYTES = 16
READY = b"steplabel sandbox"[:NONCE_BYTES]
"""In the place of the nonce, in the first frame of a zygote that is ready."""
MAX_REASON_BYTES = 2000


class ExecutionStatus(StrEnum):
    """How a snippet ended.

    OK: it ran to its end, or left by `sys.exit(0)`. ERROR: it raised, left with another exit code, or
    by `os._exit`. TIMEOUT: over its wall clock or processor time. OOM: over its memory. KILLED: by a
    signal of its own making, or for too much output. REFUSED: it was not run, since it is too long.
    Only OK and ERROR say something about the code. Where an exception derives from one that may be the
    sandbox's doing, the reason names that one too, as in "URLError (OSError): no network".
    """

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    OOM = "oom"
    KILLED = "killed"
    REFUSED = "refused"


STATUSES = tuple(ExecutionStatus)


class Request(NamedTuple):
    """Head of a request; `code` bytes of source and `stdin` bytes of input follow it."""

    nonce: bytes
    wall_s: float
    cpu_s: int
    memory: int
    disk: int
    file: int
    output: int
    processes: int
    code: int
    stdin: int

    @property
    def limits(self) -> tuple[float, ...]:
        """What its process is shut in with."""
        return self[2:8]

    def pack(self) -> bytes:
        return _REQUEST.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(*_REQUEST.unpack(data))


class Reply(NamedTuple):
    """Head of a reply; `stdout`, `stderr` and `reason` bytes of text follow it.

    `status` is a place in STATUSES; `line` the snippet's line that raised, from 1, or 0.
    """

    nonce: bytes
    status: int
    line: int
    wall_s: float
    cpu_s: float
    stdout: int
    stderr: int
    reason: int

    def pack(self) -> bytes:
        return _REPLY.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(*_REPLY.unpack(data))


_REQUEST = struct.Struct("!16sdIQQQIIII")
_REPLY = struct.Struct("!16sBIddIII")
REQUEST_BYTES = _REQUEST.size
REPLY_BYTES = _REPLY.size
