"""Evidence by execution: steps that are Python, each run after those before it.

The first step that raises is named, as rStar-Math keeps a step only where the program so far runs (arXiv
2501.04519). It can only contradict: code that runs may still reckon wrongly. A timeout, too little memory,
and what may be the sandbox's doing (a package or file that is not there) are no evidence; neither is the
code at which a text was cut off.

Where every step is code, one that is no whole statement is none either where a later one completes or breaks
it. In fences a block is run as a whole, and what it raises counts in the step whose line was under way. There
code may be a fragment, or show what fails: a block that can't be read, or that asks for a name which isn't
there, contradicts nothing, nor does what the text or the code itself announces. What follows it isn't run.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.grading.programs import Block, failed, fenced, kind_of, unreadable
from pipeline.records import Check, Solution, Status, Verdict, content_hash
from pipeline.sandbox import Execution, Limits, Sandbox, run_in_turn

VERSION = 4
MAX_CLAIM_CHARS = 2000
MAX_STEPS = 100
"""A program of more steps, or blocks, is not looked at: each may have to be run with all before it."""
MAX_NEAR = 300
"""Characters before and after a block in which the text may say that it fails."""
_AS_FAR_AS = re.compile(r"\(detected at line \d{1,9}\)")
"""What a complaint of an open string says of where the program ends."""
_UNDER_WAY = re.compile(r'^  File "<snippet>", line (\d{1,9}), in <module>', re.MULTILINE)
_NO_MISTAKE = ("SystemExit", "NotImplementedError", "RecursionError")
"""It was meant, or is a limit of Python's."""
_FRAGMENT = ("NameError", "SyntaxError", "IndentationError", "TabError")
"""What is raised by a block that is no whole program, or one of another Python."""
_ANNOUNCED = re.compile(
    r"\b(?:fail|errors?\b|rais|throw|exception|crash|bug|wrong|incorrect|invalid|broken|traceback)"
    r"|n['’]t work|not work",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"#[^\n]*")

Said = tuple[Status, str | None]


class CodeOptions(Options):
    form: Literal["fenced", "python"] = Field(
        "fenced",
        description="where code stands: in ```python fences of the steps, or every step is code",
    )
    timeout_s: float = Field(10.0, gt=0, le=600, description="longest run of a program, seconds")
    memory_mb: int = Field(512, ge=1, le=65536, description="memory that a program may have, MiB")


class CodeAnnotator:
    OPTIONS: ClassVar[type[Options]] = CodeOptions
    uses_outcome = False
    executes: ClassVar[bool] = True

    def __init__(self, name: str, options: CodeOptions) -> None:
        self.name = name
        self.role: str | None = None
        self._form = options.form
        self._limits = Limits(
            wall_s=options.timeout_s,
            cpu_s=max(1, round(options.timeout_s)),
            memory_mb=options.memory_mb,
        )
        self.fingerprint = content_hash(VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        assert tools.sandbox is not None
        fences = self._form == "fenced"
        blocks = fenced(solution.text) if fences else _each(solution.steps)
        if not blocks or len(blocks) > MAX_STEPS:
            why = f"more than {MAX_STEPS} steps of code" if blocks else "no step holds code"
            return Verdict(solution.id, self.name, None, why)
        codes = [block.code.removesuffix("\n") + "\n" for block in blocks]
        run = run_in_turn if fences else _run
        runs = await run(tools.sandbox, codes, self._limits)
        cut = solution.finish_reason == "length" and len(runs) == len(blocks)
        checks = []
        for number, done in enumerate(runs):
            block, so_far = blocks[number], "".join(codes[: number + 1])
            said, at = _said(runs, number, cut, so_far), block.end - 1
            if fences and said[0] is Status.CONTRADICTED:
                at = min(at, _under_way(solution.text, block, done))
                near = _near(solution.text, block)
                if kind_of(done) in _FRAGMENT or f"raise {kind_of(done)}" in so_far:
                    said = Status.UNCHECKED, f"a fragment, or meant: {done.reason}"
                elif _ANNOUNCED.search(near):
                    said = Status.UNCHECKED, f"the text may say so: {done.reason}"
            checks.append(_check(solution.steps, block, at, said))
        wrong = [check.step for check in checks if check.status is Status.CONTRADICTED]
        if wrong:
            return Verdict(solution.id, self.name, first_error=min(wrong), checks=tuple(checks))
        last = checks[-1]
        reason = "every step runs" if last.status is Status.EXACT else last.expected
        return Verdict(solution.id, self.name, None, reason, checks=tuple(checks))


def _each(steps: Sequence[str]) -> list[Block]:
    """Every step as a block of the text that they join to."""
    starts = accumulate(map(len, steps), initial=0)
    each = zip(starts, steps, strict=False)
    return [Block(start, start + len(step), step) for start, step in each if step.strip()]


async def _run(sandbox: Sandbox, codes: Sequence[str], limits: Limits) -> list[Execution]:
    """How each step ended, to the first that fails or tells nothing.

    They are run in turn. One that can't be read may be completed by the next, or complete the one
    before it: from there on each is run as one program with all before it.
    """
    runs = await run_in_turn(sandbox, codes, limits)
    if not unreadable(runs[-1]):
        return runs
    for number in range(len(runs) - 1, len(codes)):
        program = "".join(codes[: number + 1])
        runs[number:] = [await sandbox.run(program, limits=limits)]
        if not runs[-1].ok and not unreadable(runs[-1]):
            break
    return runs


def _said(runs: list[Execution], number: int, cut: bool, so_far: str) -> Said:
    """What the runs say of one step, and why. `cut`: the last of them ends in the middle; `so_far`: the
    program up to that step."""
    done, last = runs[number], runs[-1]
    if done.ok:
        return Status.EXACT, None
    if cut and done is last:
        return Status.UNCHECKED, "the text was cut here"
    if unreadable(done):
        if any(not unreadable(later) for later in runs[number + 1 :]):
            return Status.UNCHECKED, "no whole statement; a later step completes it"
        if cut:
            return Status.UNCHECKED, "no whole statement where the text was cut"
        if _complaint(done) != _complaint(last):  # at fault, it would stay the reason for good
            return Status.UNCHECKED, "no whole statement; a later step breaks it"
    if failed(done, so_far) and kind_of(done) not in _NO_MISTAKE:
        return Status.CONTRADICTED, done.reason
    return Status.UNCHECKED, f"{done.status}: {done.reason}"


def _complaint(done: Execution) -> tuple[int | None, str]:
    """Where no Python could be read, and why: the same however the program goes on after it."""
    return done.line, _AS_FAR_AS.sub("", done.reason)


def _under_way(text: str, block: Block, done: Execution) -> int:
    """Where the block's line begins that was under way when it raised; its end where that isn't told."""
    told = _UNDER_WAY.findall(done.stderr)
    if not told:
        return block.end
    lines = text[block.start : block.end].splitlines(keepends=True)
    return block.start + sum(map(len, lines[: int(told[-1]) - 1]))


def _near(text: str, block: Block) -> str:
    """What is said around a block, and in its comments."""
    before = text[max(0, block.start - MAX_NEAR) : block.start]
    comments = _COMMENT.findall(block.code)
    return "\n".join([before, *comments, text[block.end : block.end + MAX_NEAR]])


def _check(steps: Sequence[str], block: Block, at: int, said: Said) -> Check:
    """In the step of character `at`; the block may begin before it, or go on after it."""
    ends = list(accumulate(map(len, steps)))
    step = bisect_right(ends, at)
    before, size = ends[step] - len(steps[step]), len(steps[step])
    start, end = max(0, block.start - before), min(size, block.end - before)
    return Check(step, start, end, block.code[:MAX_CLAIM_CHARS], *said)
