"""Cutting text into steps, and back, losslessly: `join(split(x)) == x` for every text.

A step keeps the separator at its end, so steps are joined without one. No step is blank: whitespace
and characters without a width go to the step before them, leading ones to the first step. (A text of
nothing else is one step; the empty text has none.) Apart from `newline`, no rule cuts within a fence
(``` or ~~~), within $$…$$ or \\[…\\], or between \\begin{…} and its \\end{…}, where they are closed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
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

SPLIT_VERSION = 2
"""Raised when a shipped rule cuts elsewhere, so that a run doesn't mix steps that were cut in two ways."""

MOST_UNCLOSED = 50
"""Kinds of fences and displays in a text that are never closed; past them none is looked for."""

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_BLANK = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]*")
_MARK = re.compile(
    r"^([ \t]{0,3})[#*]{0,4} ?"
    r"(?:step[ \t]{1,2}(\d{1,4})\b(?!['’]|[ \t]+(?-i:[a-z]))|(\d{1,4})[.)](?=\s))",
    re.I | re.M,
)
"""Its indentation, and its number behind "Step" or alone. "Step 2 is hard" speaks of a step."""
_OPENS = re.compile(
    r"^[ \t]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})|(?<!\\)(?:(?P<dollars>\$\$)|(?P<bracket>\\\[)"
    r"|\\begin\{(?!document|proof|solution|enumerate|itemize)(?P<name>\w{1,20}\*?)\})",
    re.M,
)
"""What opens a fence, or a display; an environment of prose is none."""
_HEADING = re.compile(r"(?:#{1,6}\s++(?![-$\\]*\d[\d.,%]*\Z).*|[-*_=](?:[ \t]*[-*_=]){2,})?")
"""A line that holds a heading, a rule or nothing; `#### 18` is an answer."""


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
    """A step a paragraph: paragraphs are parted by blank lines. One that is a heading or a rule (---)
    belongs to the next."""
    steps: list[str] = []
    held: list[str] = []
    for paragraph in _cut(text, _outside(text, (m.end() for m in _BLANK_LINE.finditer(text)))):
        held.append(paragraph)
        if not _is_heading(paragraph):
            steps.append("".join(held))
            held = []
    if held:
        steps[-1:] = ["".join([*steps[-1:], *held])]
    return steps


def split_numbered(text: str) -> list[str]:
    """A step from one "Step k" or "k." at the start of a line to the next.

    Numbers must count up by one from 0 or 1, so a line that starts with some other number opens no
    step; nor does one that is indented deeper than the first, as in a list within a list. "Step k" goes
    before "k." where a text has both. What stands before the first is a step.
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
    return _cut(text, _outside(text, (match.end() for match in re.finditer(r"\n", text))))


def _marks(text: str, word: bool) -> list[int]:
    """Where the lines start that open step k, k+1, …; `word` asks for "Step k" rather than "k."."""
    marks = {m.start(): m for m in _MARK.finditer(text) if m[2 if word else 3] is not None}
    starts: list[int] = []
    wanted = {0, 1}
    deepest = 3
    for start in _outside(text, marks):
        number, depth = int(marks[start][2 if word else 3]), len(marks[start][1])
        if number in wanted and depth <= deepest:
            deepest = deepest if starts else depth
            starts.append(start)
            wanted = {number + 1}
    if starts and _is_heading(text[: starts[0]]):
        starts[0] = 0
    return starts


def _is_heading(text: str) -> bool:
    return all(_HEADING.fullmatch(line.strip()) for line in text.split("\n"))


def _outside(text: str, starts: Iterable[int]) -> Iterator[int]:
    """Those of the rising `starts` that lie in no fence and no display."""
    spans = _closed_spans(text)
    opened = [start for start, _ in spans]
    for start in starts:
        at = bisect_right(opened, start - 1) - 1
        if at < 0 or start >= spans[at][1]:
            yield start


def _closed_spans(text: str) -> list[tuple[int, int]]:
    """Where fences and displays lie, in order. One that is never closed is none; nor is a fence that is
    the whole text, a program or a query, which would be a single step."""
    spans: list[tuple[int, int]] = []
    never: set[str] = set()
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    at = 0
    while opening := _OPENS.search(text, at):
        at = opening.end()
        closing = _closing(opening)
        if closing in never or len(never) == MOST_UNCLOSED:
            continue
        if closed := re.compile(closing, re.M).search(text, at):
            at = closed.end()
            if not opening["fence"] or opening.start() > first or at < last:
                spans.append((opening.start(), at))
        else:
            never.add(closing)
    return spans


def _closing(opening: re.Match[str]) -> str:
    """The pattern of what closes it."""
    if fence := opening["fence"]:
        return rf"^[ \t]*{fence}{fence[0]}*[ \t]*$"
    if name := opening["name"]:
        return r"\\end\{" + re.escape(name) + r"\}"
    return r"(?<!\\)\$\$" if opening["dollars"] else r"\\\]"


def _cut(text: str, starts: Iterable[int]) -> list[str]:
    """Pieces of `text` that begin at `starts` (rising), blank ones moved to the piece before."""
    bounds = [0, *(start for start in starts if 0 < start < len(text)), len(text)]
    steps: list[str] = []
    held: list[str] = []  # pieces of the step being built
    solid = False
    for start, end in pairwise(bounds):
        piece = text[start:end]
        blank = _BLANK.fullmatch(piece) is not None
        if solid and not blank:
            steps.append("".join(held))
            held = []
        held.append(piece)
        solid = solid or not blank
    return [*steps, "".join(held)] if text else []
