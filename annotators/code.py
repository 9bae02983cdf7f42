"""Evidence by execution: steps that are Python, each run after those before it.

The first step that raises is named, as rStar-Math keeps a step only where the program so far runs (arXiv
2501.04519). It can only contradict: code that runs may still reckon wrongly. A timeout, too little memory,
and what may be the sandbox's doing (a package or file that is not there) are no evidence; neither is a step
that is no whole statement where a later one completes or breaks it, nor the code at which a text was cut off.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.grading.programs import Block, failed, fenced, unreadable
from pipeline.records import Check, Solution, Status, Verdict, content_hash
from pipeline.sandbox import Execution, Limits, Sandbox, run_in_turn

VERSION = 3
MAX_CLAIM_CHARS = 2000
MAX_STEPS = 100
"""A program of more steps is not looked at: each may have to be run with all before it."""
_AS_FAR_AS = re.compile(r"\(detected at line \d{1,9}\)")
"""What a complaint of an open string says of where the program ends."""


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
        blocks = {i: block for i, step in enumerate(solution.steps) if (block := self._code(step))}
        if not blocks or len(blocks) > MAX_STEPS:
            why = f"more than {MAX_STEPS} steps of code" if blocks else "no step holds code"
            return Verdict(solution.id, self.name, None, why)
        runs = await self._run(list(blocks.values()), tools.sandbox)
        cut = solution.finish_reason == "length" and len(runs) == len(blocks)
        checks = tuple(
            Check(
                index,
                block.start,
                block.end,
                block.code[:MAX_CLAIM_CHARS],
                *_said(runs, number, cut),
            )
            for number, (index, block) in enumerate(blocks.items())
            if number < len(runs)
        )
        wrong = [check.step for check in checks if check.status is Status.CONTRADICTED]
        if wrong:
            return Verdict(solution.id, self.name, first_error=min(wrong), checks=checks)
        last = checks[-1]
        reason = "every step runs" if last.status is Status.EXACT else last.expected
        return Verdict(solution.id, self.name, None, reason, checks=checks)

    def _code(self, step: str) -> Block | None:
        """The step's code, of several blocks all together; None where it has none."""
        if self._form == "python":
            return Block(0, len(step), step) if step.strip() else None
        found = fenced(step)
        if not found:
            return None
        return Block(found[0].start, found[-1].end, "\n".join(block.code for block in found))

    async def _run(self, blocks: list[Block], sandbox: Sandbox) -> list[Execution]:
        """How each step ended, to the first that fails or tells nothing.

        They are run in turn. One that can't be read may be completed by the next, or complete the one
        before it: from there on each is run as one program with all before it.
        """
        codes = [block.code.removesuffix("\n") + "\n" for block in blocks]
        runs = await run_in_turn(sandbox, codes, self._limits)
        if not unreadable(runs[-1]):
            return runs
        for number in range(len(runs) - 1, len(codes)):
            program = "".join(codes[: number + 1])
            runs[number:] = [await sandbox.run(program, limits=self._limits)]
            if not runs[-1].ok and not unreadable(runs[-1]):
                break
        return runs


def _said(runs: list[Execution], number: int, cut: bool) -> tuple[Status, str | None]:
    """What the runs say of one step, and why. `cut`: the last of them ends in the middle."""
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
    if failed(done, ""):
        return Status.CONTRADICTED, done.reason
    return Status.UNCHECKED, f"{done.status}: {done.reason}"


def _complaint(done: Execution) -> tuple[int | None, str]:
    """Where no Python could be read, and why: the same however the program goes on after it."""
    return done.line, _AS_FAR_AS.sub("", done.reason)
