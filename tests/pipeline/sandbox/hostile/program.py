"""A hostile program, and what many of them begin with."""

from __future__ import annotations

from typing import NamedTuple

OK, ERROR, TIMEOUT, OOM, KILLED = "ok", "error", "timeout", "oom", "killed"

CALL = """
import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    done = libc.syscall(ctypes.c_long(number), *words)
    return done, errno.errorcode.get(ctypes.get_errno())
def must_fail(what, done):
    print("BREACH" if done[0] >= 0 else "contained", what, done)
"""

TRY = """
import os
def must_raise(what, action, *arguments):
    try:
        print("BREACH", what, action(*arguments))
    except (OSError, ValueError, RuntimeError) as error:
        print("contained", what, type(error).__name__)
"""


class Hostile(NamedTuple):
    name: str
    statuses: tuple[str, ...]
    code: str
