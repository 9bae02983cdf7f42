"""Rows inside a page: JSON, deflated, in base64, in scripts of a type that no browser runs."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHUNK_CHARS = 300_000
TYPE = "application/x-deflate-base64"


def packed(text: str) -> str:
    """Raw deflate, which browsers call `deflate-raw`."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(text.encode()) + deflate.flush()).decode()


def to_text(value: Any) -> str:
    """JSON of ASCII alone, so that any text, a lone surrogate too, can be told."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def data_block(name: str, data: str) -> str:
    """A script that isn't run. `data` is base64, in which nothing has to be escaped."""
    return f'<script type="{TYPE}" id="{name}">{data}</script>\n'


@dataclass
class Chunks:
    """Values cut into chunks of about CHUNK_CHARS, so that a page reads only what it shows.

    `starts`: the number of the first value of each chunk.
    """

    chars: int = 0
    starts: list[int] = field(default_factory=list)
    _count: int = 0
    _open: list[str] = field(default_factory=list)
    _open_chars: int = 0
    _packed: list[str] = field(default_factory=list)

    def add(self, value: Any) -> None:
        text = to_text(value)
        if not self._open:
            self.starts.append(self._count)
        self._open.append(text)
        self._count += 1
        self.chars += len(text)
        self._open_chars += len(text)
        if self._open_chars >= CHUNK_CHARS:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._packed.append(packed(f"[{','.join(self._open)}]"))
            self._open, self._open_chars = [], 0

    def blocks(self) -> Iterator[str]:
        self._close()
        for number, data in enumerate(self._packed):
            yield data_block(f"chunk-{number}", data)
