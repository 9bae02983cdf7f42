"""Programs in what a model wrote: the Python that stands in a text, what running it says, and whether it
passes the tests of its problem.

Code is run in the sandbox and nowhere else; here texts go in, and what comes back is read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.sandbox import Execution, ExecutionStatus, Limits, Sandbox

_FENCE = re.compile(r"^[ \t]{0,8}(`{3,12})[ \t]{0,8}(\w{0,20})[ \t]{0,8}$", re.MULTILINE)
PYTHON = ("py", "python", "python3")
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
    """Code in a text: characters start..end of it, fences left out."""

    start: int
    end: int
    code: str


def fenced(text: str, languages: Sequence[str] = PYTHON) -> list[Block]:
    """The fenced blocks that say they are in one of the languages; an open one goes to the end. Commands of
    a notebook (`!pip install …`) are no code and left out."""
    blocks = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence[2] and len(fence[1]) >= len(opened[1]):
            blocks += _block(text, opened, fence.start(), languages)
            opened = None
    if opened is not None:
        blocks += _block(text, opened, len(text), languages)
    return blocks


def _block(text: str, opened: re.Match[str], end: int, languages: Sequence[str]) -> list[Block]:
    start = min(opened.end() + 1, end)
    lines = text[start:end].splitlines(keepends=True)
    code = "".join("\n" if line.startswith(("!", "%")) else line for line in lines)
    is_code = opened[2].lower() in languages and not code.lstrip().startswith(">>>")
    return [Block(start, end, code)] if is_code and code.strip() else []


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


class Tried(NamedTuple):
    """Whether a program passed (see `passed`), how its run ended, and the program that was run: None where
    the text holds none."""

    passed: bool | None
    done: Execution
    program: str | None


async def run_tests(
    text: str, question: str, tests: str, sandbox: Sandbox, limits: Limits
) -> Tried:
    """The program in a text against its problem's tests.

    It is what stands in the text's ```python blocks, one after another; without such blocks the whole text,
    or the question and then the text where that alone is no Python (HumanEval's prompts are begun
    functions). Raises EngineFaultError where the sandbox could not run it.
    """
    blocks = fenced(text)
    if blocks:
        return await _tested("\n".join(block.code for block in blocks), tests, sandbox, limits)
    run = await _tested(text, tests, sandbox, limits)
    if not unreadable(run.done):
        return run
    run = await _tested(question + text, tests, sandbox, limits)
    if not unreadable(run.done) or not unreadable(await sandbox.run(question, limits=limits)):
        return run  # a function that the question begins, completed rightly or not
    return Tried(None, run.done, None)


async def _tested(program: str, tests: str, sandbox: Sandbox, limits: Limits) -> Tried:
    tested = with_tests(program, tests)
    done = await sandbox.run(tested.code, limits=limits)
    return Tried(passed(tested, done), done, program)
