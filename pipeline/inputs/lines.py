"""Lines of a file, read with a bound: a 50 MB line is passed over without being held in memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MAX_LINE = 8 << 20
"""Longest line, in bytes."""
TOO_LONG = f"the line is longer than {MAX_LINE >> 20} MiB; split it, or cut the text in it"
GZIP_ENDS_EARLY = "the gzip file ends early or is damaged; copy it again, or unpack it yourself"

_ENDS_EARLY = (EOFError, zlib.error, gzip.BadGzipFile)


class LineFault(Exception):
    """The rest of the file can't be read."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(line number from 1, bytes without the line's end, whether it was too long and is cut).

    Raises LineFault after the last readable line of a damaged file, OSError for one that can't be
    opened.
    """
    with open_binary(path) as file:
        number = 0
        while True:
            try:
                line = file.readline(MAX_LINE + 1)
                too_long = len(line) > MAX_LINE and not line.endswith(b"\n")
                if too_long:
                    _pass_over(file)
            except _ENDS_EARLY as error:
                raise LineFault(GZIP_ENDS_EARLY) from error
            if not line:
                return
            number += 1
            yield number, line[:200] if too_long else line.rstrip(b"\r\n"), too_long


def read_whole(path: Path, most: int) -> bytes | None:
    """All of a file, unpacked; None where that is more than `most` bytes. Raises LineFault for a damaged
    one."""
    with open_binary(path) as file:
        try:
            raw = file.read(most + 1)
        except _ENDS_EARLY as error:
            raise LineFault(GZIP_ENDS_EARLY) from error
    return raw if len(raw) <= most else None


def _pass_over(file: IO[bytes]) -> None:
    while (piece := file.readline(MAX_LINE)) and not piece.endswith(b"\n"):
        pass


def open_binary(path: Path) -> IO[bytes]:
    """The file, unpacked when its name ends in .gz."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
