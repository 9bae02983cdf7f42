"""What makes a fork of a large process cheaper: huge pages. Where the kernel doesn't know the request a
snippet is slower, and nothing else changes.

Most of a check's time goes to page faults: nearly every object that a snippet as much as looks at has its
count of references written, and each page of them is copied by a fault of its own (600 to 1,200 in a small
SymPy check, some 4 µs each on a virtual machine, wherever the interpreter counts so). Copying them ahead,
while a process waits for its snippet, was tried: more are copied than are written, and a busy pool lost a
fifth of its pace by it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

_HUGE = 2 << 20
_COLLAPSE = 25

_libc = ctypes.CDLL(None)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def collapse() -> None:
    """Put this process's memory into huge pages: a fork copies one entry for 512."""
    for area in _own_areas():
        start, end = -(-area.start // _HUGE) * _HUGE, area.stop // _HUGE * _HUGE
        if end > start:
            _libc.madvise(start, end - start, _COLLAPSE)


def _own_areas() -> Iterator[range]:
    """Addresses of what this process may write of its memory, but for its stack."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            if rights == "rw-p" and name[:1] != ["[stack]\n"]:
                start, end = (int(text, 16) for text in span.split("-"))
                yield range(start, end)
