"""What makes a fork of a large process cheap, and its first milliseconds: huge pages, and pages copied
before they are written.

Most of a check's time went to page faults: nearly every object that a snippet as much as looks at has
its count of references written, and each page of them is copied by a fault of its own (1,500 in a small
SymPy check, 3 to 4 µs each). Two requests to the kernel help. Where it doesn't know them a snippet is
slower, and nothing else changes.
"""

from __future__ import annotations

import array
import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pipeline.sandbox.inside import isolation

_HUGE = 2 << 20
_POPULATE_WRITE, _COLLAPSE = 23, 25
_PRESENT, _OWN = 1 << 63, 1 << 56
"""In an entry of pagemap: in memory; mapped by no other process."""

_libc = ctypes.CDLL(None)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Pages(NamedTuple):
    """Neighbours in this process's memory: address, and bytes."""

    start: int
    size: int


def collapse() -> None:
    """Put this process's memory into huge pages: a fork copies one entry for 512."""
    for area in _own_areas():
        start, end = -(-area.start // _HUGE) * _HUGE, (area.start + area.size) // _HUGE * _HUGE
        if end > start:
            _libc.madvise(start, end - start, _COLLAPSE)


def written_by(work: Callable[[], None]) -> list[Pages]:
    """The pages that `work` writes, found by a fork that does it. None where the kernel doesn't say."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
            isolation.open_to_itself()
            data = b"".join(struct.pack("QQ", *pages) for pages in _copied())
            while data:
                data = data[os.write(send, data) :]
        finally:
            os._exit(0)
    os.close(send)
    with open(receive, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    return [Pages(*pair) for pair in struct.iter_unpack("QQ", data[: len(data) // 16 * 16])]


def own(hot: list[Pages]) -> None:
    """Copy these pages now, each of which would otherwise be copied at its first write."""
    for pages in hot:
        _libc.madvise(*pages, _POPULATE_WRITE)


def _copied() -> Iterator[Pages]:
    """Pages that this process has for itself, since it was forked."""
    page = os.sysconf("SC_PAGESIZE")
    found = os.open("/proc/self/pagemap", os.O_RDONLY)
    for area in list(_own_areas()):
        entries = array.array("Q")
        entries.frombytes(os.pread(found, area.size // page * 8, area.start // page * 8))
        first = None
        for number, entry in enumerate((*entries, 0)):
            mine = entry & _PRESENT and entry & _OWN
            if mine and first is None:
                first = number
            elif not mine and first is not None:
                yield Pages(area.start + first * page, (number - first) * page)
                first = None


def _own_areas() -> Iterator[Pages]:
    """What this process may write of its memory, but for its stack."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            if rights == "rw-p" and name[:1] != ["[stack]\n"]:
                start, end = (int(text, 16) for text in span.split("-"))
                yield Pages(start, end - start)
