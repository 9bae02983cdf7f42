"""Cutting text into steps, and back, losslessly: `join(split(x)) == x` for every text.

A step keeps the separator at its end, so steps are joined without one. No step is only whitespace:
whitespace goes to the step before it, leading whitespace to the first step. (A text of nothing but
whitespace is one step; the empty text has none.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

from pipeline.errors import ConfigError
from pipeline.registry import load_named

SPLITTERS = {
    "newline": "pipeline.steps:split_newline",
    "blank_line": "pipeline.steps:split_blank_line",
    "numbered": "pipeline.steps:split_numbered",
    "auto": "pipeline.steps:split_auto",
}

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_MARK = re.compile(
    r"^[ \t]{0,3}[#*]{0,4} ?(?:(step)[ \t]{1,2}(\d{1,4})\b|(\d{1,4})[.)](?=\s))", re.I | re.M
)


class Splitter(Protocol):
    """Cuts a text into steps that, joined without a separator, are the text again."""

    def __call__(self, text: str) -> list[str]: ...


def join(steps: Sequence[str]) -> str:
    return "".join(steps)


def make_splitter(name: str) -> Splitter:
    """A shipped splitter by name, or `module:function` of the user's, whose results are checked.

    Raises ConfigError for an unknown name; the splitter made of a user's function raises it when
    the function's result is not a list of texts that join to the text.
    """
    split = load_named("splitter", name, SPLITTERS)
    if name in SPLITTERS:
        return split  # type: ignore[no-any-return]
    if not callable(split):
        raise ConfigError(f"steps.split: {name} is not a function; it should take a text")

    def checked(text: str) -> list[str]:
        try:
            steps = split(text)
        except Exception as error:  # the user's code may raise anything
            raise ConfigError(f"steps.split: {name} failed on {text[:60]!r}: {error!r}") from error
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise ConfigError(
                f"steps.split: {name} should return a list of texts, not {steps!r:.60}"
            )
        if join(steps) != text:
            raise ConfigError(
                f"steps.split: the steps that {name} returns don't join to the text "
                f"(for {text[:60]!r}); keep every separator at the end of its step"
            )
        return steps

    return checked


def split_newline(text: str) -> list[str]:
    """A step a line."""
    return _cut(text, (match.end() for match in re.finditer(r"\n", text)))


def split_blank_line(text: str) -> list[str]:
    """A step a paragraph: paragraphs are parted by blank lines."""
    return _cut(text, (match.end() for match in _BLANK_LINE.finditer(text)))


def split_numbered(text: str) -> list[str]:
    """A step from one "Step k" or "k." at the start of a line to the next.

    Numbers must count up by one from 0 or 1, so a line that starts with some other number opens no
    step. "Step k" goes before "k." where a text has both. What stands before the first is a step.
    """
    return _cut(text, _marks(text, word=True) or _marks(text, word=False))


def split_auto(text: str) -> list[str]:
    """By the first of these that gives at least two steps: "Step k", blank lines, "k.", lines."""
    if len(marks := _marks(text, word=True)) > 1:
        return _cut(text, marks)
    if len(steps := split_blank_line(text)) > 1:
        return steps
    if len(marks := _marks(text, word=False)) > 1:
        return _cut(text, marks)
    return split_newline(text)


def _marks(text: str, word: bool) -> list[int]:
    """Where the lines start that open step k, k+1, …; `word` asks for "Step k" rather than "k."."""
    starts: list[int] = []
    wanted = {0, 1}
    for match in _MARK.finditer(text):
        number = match[2] if word else match[3]
        if number is not None and int(number) in wanted:
            starts.append(match.start())
            wanted = {int(number) + 1}
    return starts


def _cut(text: str, starts: Iterable[int]) -> list[str]:
    """Pieces of `text` that begin at `starts` (rising), whitespace moved to the piece before."""
    bounds = [0, *(start for start in starts if 0 < start < len(text)), len(text)]
    steps: list[str] = []
    held: list[str] = []  # pieces of the step being built
    solid = False
    for start, end in pairwise(bounds):
        piece = text[start:end]
        if solid and not piece.isspace():
            steps.append("".join(held))
            held = []
        held.append(piece)
        solid = solid or not (piece.isspace() or not piece)
    return [*steps, "".join(held)] if text else []
