"""Foreign text in Markdown, made inert: it can't become markup, HTML or a link."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

LIMIT = 300
_ALWAYS = frozenset("\\`*_{}[]()<>#+!|&~$@=")


def inert(text: object, limit: int = LIMIT) -> str:
    """`text` on one line, control and format characters gone, every sign of markup escaped."""
    plain = str(text)[: 4 * limit]
    plain = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in plain)
    plain = " ".join(plain.split())
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    padded = f" {plain} "
    return "".join(
        "\\" + c if _acts(padded[i], c, padded[i + 2]) else c for i, c in enumerate(plain)
    )


def _acts(before: str, c: str, after: str) -> bool:
    """Whether a character could be read as markup between these two: a full stop can make a list or
    a link unless it stands in a number, a dash a list or a rule, a colon a link."""
    if c == ".":
        return not (before.isdigit() and after.isdigit())
    if c == "-":
        return not (before.isalnum() and after.isalnum())
    if c == ":":
        return not after.isspace()
    return c in _ALWAYS


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; every cell is made inert."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(inert(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
