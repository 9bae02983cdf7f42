"""Foreign text on a terminal: it shows as text and can't move the cursor, set a title or fake lines."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

LIMIT = 4000


def plain(text: str, limit: int = LIMIT) -> str:
    """One character for one, so that offsets into `text` stay right; longer text is cut.

    Control and format characters (escape sequences, overrides of the writing direction) become U+FFFD.
    """
    shown = text[:limit].replace("\r", " ")
    shown = "".join(
        c if c in "\n\t" or not unicodedata.category(c).startswith("C") else "\ufffd" for c in shown
    )
    return shown + "…" if len(text) > limit else shown


def line(text: str, limit: int = 120) -> str:
    """The same on one line."""
    return " ".join(plain(text, limit).split())


def cell(text: str, limit: int = 120) -> Text:
    """The same for a table of rich, which would read brackets as markup."""
    return Text(line(text, limit))


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """Text as it stands: no markup in it, no numbers coloured, and its lines left whole for whoever copies
    them."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def as_yaml(value: Any) -> str:
    """A value of a configuration, as `--set` takes it, in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def styled(text: str, style: str = "") -> Text:
    """`text` for rich, its brackets no markup."""
    return Text(plain(text), style=style)
