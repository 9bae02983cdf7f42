"""Programs in what a model wrote: the Python that stands in a text, and what running it says.

Nothing here runs code: texts go to the sandbox, and what comes back is read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.sandbox import Execution, ExecutionStatus

_FENCE = re.compile(r"^[ \t]{0,8}(`{3,12})[ \t]{0,8}(\w{0,20})[ \t]{0,8}$", re.MULTILINE)
_PYTHON = ("py", "python", "python3")
_OURS = frozenset(
    {
        "ImportError",  # only a few packages are there
        "ZoneInfoNotFoundError",  # and no tzdata
        "OSError",  # no network, few files, few processes
        "EOFError",  # it asked for input
        "SystemError",  # the interpreter's own, for want of memory
    }
)
"""What may be the sandbox's doing, it or an exception that derives from it: it tells nothing of the code."""
_OUR_REASONS = ("left before its end", "RuntimeError: can't start new thread")
"""It ended without a word of how (out of descriptors, or by `os._exit`), or at the limit of processes."""
_UNREADABLE = ("SyntaxError", "IndentationError", "TabError")


class Block(NamedTuple):
    """Python in a text: characters start..end of it, fences left out."""

    start: int
    end: int
    code: str


def fenced(text: str) -> list[Block]:
    """The fenced blocks that say they are Python; an open one goes to the end. Commands of a notebook
    (`!pip install …`) are no Python and left out."""
    blocks = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence[2] and len(fence[1]) >= len(opened[1]):
            blocks += _block(text, opened, fence.start())
            opened = None
    if opened is not None:
        blocks += _block(text, opened, len(text))
    return blocks


def _block(text: str, opened: re.Match[str], end: int) -> list[Block]:
    start = min(opened.end() + 1, end)
    lines = text[start:end].splitlines(keepends=True)
    code = "".join("\n" if line.startswith(("!", "%")) else line for line in lines)
    is_python = opened[2].lower() in _PYTHON and not code.lstrip().startswith(">>>")
    return [Block(start, end, code)] if is_python and code.strip() else []


def after_blocks(text: str, blocks: Sequence[Block], notes: Sequence[str]) -> str:
    """The text with a note below each of its blocks, after the fence that closes it."""
    pieces, at = [], 0
    for block, note in zip(blocks, notes, strict=True):
        fence = text.find("\n", block.end)
        end = len(text) if fence < 0 else fence + 1
        is_open = not text[block.end : end].strip()
        pieces += [text[at:end].rstrip("\n"), "\n```\n" if is_open else "\n", note]
        at = end
    return "".join([*pieces, text[at:]])


def failed(done: Execution) -> bool:
    """Whether the code raised for a reason of its own."""
    if done.status is not ExecutionStatus.ERROR or done.reason.startswith(_OUR_REASONS):
        return False
    name, _, base = _kind(done).partition(" (")
    return name not in _OURS and base.rstrip(")") not in _OURS


def unreadable(done: Execution) -> bool:
    """Whether it was no Python, or no whole statement."""
    return done.status is ExecutionStatus.ERROR and _kind(done) in _UNREADABLE


def _kind(done: Execution) -> str:
    """Name of the exception, as in "URLError (OSError)" with the base that matters."""
    return done.reason.partition(":")[0]


class Tested(NamedTuple):
    """A program with its tests, and the word that is printed when all have passed."""

    code: str
    word: str


def with_tests(program: str, tests: str) -> Tested:
    """`tests` is Python that raises where the program is wrong; it runs after it, in the same module.

    A program that leaves early doesn't say the word, which it can't know unless it reads its own
    source (`pipeline.sandbox` says what can't be hindered).
    """
    word = secrets.token_hex(16)
    return Tested(f'{program}\n\n{tests}\n\n__import__("os").write(1, b"\\n{word}\\n")\n', word)


def passed(tested: Tested, done: Execution) -> bool | None:
    """True, False, or None where it is not known: too slow, too large, left by `os._exit`, or what may be
    the sandbox's doing."""
    if done.status is ExecutionStatus.OK:
        return tested.word in done.stdout
    return False if failed(done) else None
