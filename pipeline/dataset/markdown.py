"""Foreign text in Markdown, made inert: it can't become markup, HTML or a link."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

LIMIT = 300
_SPECIAL = frozenset("\\`*_{}[]()<>#+-.!|&~$:@\"'/=^")


def inert(text: object, limit: int = LIMIT) -> str:
    """`text` on one line, control and format characters gone, every sign of markup escaped."""
    plain = str(text)[: 4 * limit]
    plain = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in plain)
    plain = " ".join(plain.split())
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    return "".join("\\" + c if c in _SPECIAL else c for c in plain)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; every cell is made inert."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(inert(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
