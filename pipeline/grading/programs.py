"""Programs in what a model wrote: the Python that stands in a text, what running it says, and whether it
passes the tests of its problem.

Code is run in the sandbox and nowhere else; here texts go in, and what comes back is read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pipeline.sandbox import Execution, ExecutionStatus, Limits, Sandbox

_FENCE = re.compile(
    r"^([ \t]{0,8})(`{3,12}|~{3,12})[ \t]{0,8}([\w+#.-]{0,20})([^`\n]{0,200})$", re.MULTILINE
)
"""Indentation, mark, language, and what else is said of the block (CommonMark's info string)."""
PYTHON = ("py", "python", "python3")
_THOUGHTS_END = "</think>"
_DEFINED = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)", re.MULTILINE)
MAX_EARLIER = 4
"""Earlier versions of a program that are run, where the last one fails."""
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
_OUR_REASONS = (
    "left before its end",
    "RuntimeError: can't start new thread",
    "ValueError: Exceeds the limit (",
)
"""It ended without a word of how (out of descriptors, or by `os._exit`), at the limit of processes, or at
Python's own of digits."""
_NOT_GIVEN = re.compile(r"\b(?:argparse|argv|environ|getenv|stdin)\b|\binput\(")
"""What is empty in the sandbox: arguments, environment, input."""
_UNREADABLE = ("SyntaxError", "IndentationError", "TabError")


class Block(NamedTuple):
    """Code in a text: characters start..end of it, fences left out."""

    start: int
    end: int
    code: str


def fenced(text: str, languages: Sequence[str] = PYTHON) -> list[Block]:
    """The fenced blocks that say they are in one of the languages; an open one goes to the end. Those of
    thoughts are drafts and left out."""
    blocks = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text, after_thoughts(text)):
        if opened is None:
            opened = fence
        elif fence[2].startswith(opened[2]) and not (fence[3] + fence[4]).strip():
            blocks += _block(text, opened, fence.start(), languages)
            opened = None
    if opened is not None:
        blocks += _block(text, opened, len(text), languages)
    return blocks


def after_thoughts(text: str) -> int:
    """Where thoughts end and what a text says begins; 0 where it says nothing after them."""
    end = text.rfind(_THOUGHTS_END) + len(_THOUGHTS_END)
    return end if end >= len(_THOUGHTS_END) and text[end:].strip() else 0


def written(text: str) -> list[Block]:
    """The fenced Python of a text; where there is none, all that follows its thoughts."""
    start = after_thoughts(text)
    return fenced(text) or [Block(start, len(text), text[start:])]


def _block(text: str, opened: re.Match[str], end: int, languages: Sequence[str]) -> list[Block]:
    """Its lines without the fence's own indentation, and without commands of a notebook (`!pip install …`),
    which are no code."""
    start = min(opened.end() + 1, end)
    lines = []
    for line in text[start:end].splitlines(keepends=True):
        indent = min(len(opened[1]), len(line) - len(line.lstrip(" \t")))
        lines.append("\n" if line.startswith(("!", "%"), indent) else line[indent:])
    code = "".join(lines)
    is_code = opened[3].lower() in languages and not code.lstrip().startswith(">>>")
    return [Block(start, end, code)] if is_code and code.strip() else []


def failed(done: Execution, code: str) -> bool:
    """Whether the code raised for a reason of its own."""
    if done.status is not ExecutionStatus.ERROR or done.reason.startswith(_OUR_REASONS):
        return False
    name, _, base = kind_of(done).partition(" (")
    if name != "AssertionError" and _NOT_GIVEN.search(code):
        return False
    return name not in _OURS and base.rstrip(")") not in _OURS


def unreadable(done: Execution) -> bool:
    """Whether it was no Python, or no whole statement."""
    return done.status is ExecutionStatus.ERROR and kind_of(done) in _UNREADABLE


def kind_of(done: Execution) -> str:
    """Name of the exception, as in "URLError (OSError)" with the base that matters."""
    return done.reason.partition(":")[0]


class Tested(NamedTuple):
    """A program with its tests, the word that is printed when all have passed, and the program alone."""

    code: str
    word: str
    program: str


def with_tests(program: str, tests: str) -> Tested:
    """`tests` is Python that raises where the program is wrong; it runs after it, in the same module.

    A program that leaves early doesn't say the word, which it can't know unless it reads its own
    source (`pipeline.sandbox` says what can't be hindered).
    """
    word = secrets.token_hex(16)
    code = f'{program}\n\n{tests}\n\n__import__("os").write(1, b"\\n{word}\\n")\n'
    return Tested(code, word, program)


def passed(tested: Tested, done: Execution) -> bool | None:
    """True, False, or None where it is not known: too slow, too large, left by `os._exit`, or what may be
    the sandbox's doing."""
    if done.status is ExecutionStatus.OK:
        return tested.word in done.stdout
    return False if failed(done, tested.program) else None


class Tried(NamedTuple):
    """Whether a program passed (see `passed`), how its run ended, the program that was run (None where the
    text holds none), and the text's blocks that it ends with."""

    passed: bool | None
    done: Execution
    program: str | None
    blocks: tuple[Block, ...]


async def run_tests(
    text: str, question: str, tests: str, sandbox: Sandbox, limits: Limits
) -> Tried:
    """The program in a text against its problem's tests.

    It passes where the last block does that defines what they ask for, or all blocks one after another
    (others may be drafts or demonstrations), or the question and then that block (HumanEval's prompts are
    begun functions); where there are no such blocks the whole text is one. Where none of these passes, but
    an earlier version does, it is not known which of them is meant. A fragment is no program: it defines
    nothing that the tests ask for, and can't be read. Raises EngineFaultError where the sandbox could not
    run it.
    """
    wanted = set(re.findall(r"\w+", tests)) - _defined(tests)
    marked = fenced(text) or _defining(fenced(text, ("",)), wanted)
    blocks = tuple(marked or written(text))
    versions = _defining(blocks, wanted)
    last = (versions or blocks)[-1:]
    begun = f"{question}\n" if marked and not question.endswith("\n") else question
    runs = [await _tested(last, "", tests, sandbox, limits)]
    if runs[-1].passed is False and blocks != last:
        runs.append(await _tested(blocks, "", tests, sandbox, limits))
    whole = runs[-1]
    if whole.passed is False:
        runs.append(await _tested(last, begun, tests, sandbox, limits))
    if runs[-1].passed is not False:
        return runs[-1]
    for block in versions[-1 - MAX_EARLIER : -1]:
        if (await _tested((block,), "", tests, sandbox, limits)).passed is not False:
            told = replace(
                whole.done, reason=f"{whole.done.reason}; an earlier version may be meant"
            )
            return whole._replace(passed=None, done=told)
    readable = [run for run in (whole, *runs) if not unreadable(run.done)]
    if readable:
        return readable[0]
    if last[0].code.lstrip("\r\n").startswith((" ", "\t")) and not unreadable(
        await sandbox.run(question, limits=limits)
    ):
        return runs[-1]  # a function that the question begins, not rightly completed
    return whole if versions else Tried(None, whole.done, None, ())


def _defined(code: str) -> set[str]:
    return set(_DEFINED.findall(code))


def _defining(blocks: Sequence[Block], names: set[str]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if _defined(block.code) & names)


async def _tested(
    parts: tuple[Block, ...], before: str, tests: str, sandbox: Sandbox, limits: Limits
) -> Tried:
    program = before + "\n".join(block.code for block in parts)
    tested = with_tests(program, tests)
    done = await sandbox.run(tested.code, limits=limits)
    return Tried(passed(tested, done), done, program, parts)
