"""What the child does with the code: run it as `__main__`, and tell how it ended.

The child is the snippet's from the first line of its code on: what it tells of itself may be a lie,
and decides on nothing but its own result.
"""

from __future__ import annotations

import builtins
import errno
import linecache
import os
import random
import struct
import sys
import traceback
import types
from typing import Any, NoReturn

FILE = "<snippet>"
SET_UP, FAILED = b".", b"!"
"""First byte of the report: the code may begin, or why it can't."""
RAN, RAISED, OUT_OF_MEMORY = b"k", b"e", b"m"
MAX_TRACEBACK_CHARS = 8000
LINE = struct.Struct("!I")
_BASES = (ImportError, OSError, EOFError, SystemError)
"""What the lack of files, packages, network, input or memory raises, or derives from."""


def run(code: str, report: int) -> NoReturn:
    """Run the code and leave. `report` is the pipe on which the zygote hears how it ended."""
    mine = os.getpid()
    out_of_memory = _report(OUT_OF_MEMORY, 0, "MemoryError")  # made while there is memory for it
    told, exit_code = out_of_memory, 1
    try:
        told, exit_code = _ended(code)
        if os.getpid() == mine:
            flush()
    except MemoryError:  # even for telling how it ended
        told, exit_code = out_of_memory, 1
    if os.getpid() == mine:  # a fork that the code made has nothing to report
        try:
            os.write(report, told)
        except OSError:
            pass  # closed by the code
    os._exit(exit_code)


def is_told(report: bytes | bytearray) -> bool:
    """Has the process said how it ended, as its last act?"""
    kinds = RAN + RAISED + OUT_OF_MEMORY
    return report[:1] == SET_UP and report[1:2] in kinds and len(report) >= 2 + LINE.size


def _ended(code: str) -> tuple[bytes, int]:
    """Run the code; what the zygote is to hear of its end, and the exit code. Raises MemoryError."""
    ended, line, reason, exit_code = RAN, 0, "", 0
    try:
        _as_main(code)
        flush()
    except MemoryError:
        raise
    except SystemExit as left:
        exit_code = _exit_code(left)
        if exit_code:
            ended, reason, line = RAISED, f"SystemExit: {exit_code}", _line(left)
    except BaseException as error:  # noqa: BLE001 - whatever the code raises is its result
        ended, exit_code = RAISED, 1
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            ended = OUT_OF_MEMORY
        line, reason = _line(error), _said(error)
        _print_traceback(error)
    return _report(ended, line, reason), exit_code


def _report(ended: bytes, line: int, reason: str) -> bytes:
    return ended + LINE.pack(line) + reason.encode("utf-8", "replace")[:1000]


def _as_main(code: str) -> None:
    random.seed(0)
    sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.__stdin__ = sys.stdin  # type: ignore[misc]
    sys.argv = [FILE]
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    execute(code, main.__dict__)


def execute(code: str, names: dict[str, Any]) -> None:
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    exec(compile(code, FILE, "exec", dont_inherit=True), names)  # noqa: S102 - what this file is for


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed or replaced by the code


def _exit_code(left: SystemExit) -> int:
    if left.code is None:
        return 0
    if isinstance(left.code, int):
        return left.code & 0xFF
    print(str(left.code)[:1000], file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1


def _line(error: BaseException) -> int:
    """The snippet's own line that was under way, the innermost; 0 where none is known."""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return _number(error.lineno)
    found = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            found = _number(trace.tb_lineno)
        trace = trace.tb_next
    return found


def _number(line: int | None) -> int:
    return line if isinstance(line, int) and 0 < line < 2**32 else 0


def _said(error: BaseException) -> str:
    name = type(error).__name__
    of = next((base.__name__ for base in _BASES if issubclass(type(error), base)), name)
    if of != name:
        name = f"{name} ({of})"
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - its __str__ is the code's own
        text = ""
    return f"{name}: {text[:800]}" if text else name


def _print_traceback(error: BaseException) -> None:
    try:
        shown = error.__traceback__
        while shown is not None and shown.tb_frame.f_code.co_filename != FILE:
            shown = shown.tb_next
        lines = traceback.format_exception(type(error), error, shown, limit=-20)
        sys.stderr.write("".join(lines)[-MAX_TRACEBACK_CHARS:])
    except BaseException:  # noqa: BLE001 - the code may have broken anything that this uses
        pass
