"""Evidence by mutation and test: the one line of a program whose change decides whether its tests pass.

PRLCoder (Ye et al. 2025, arXiv 2502.01715) changes a line of a right program by a teacher model and labels it
by the tests. That is `solutions.mutants` here (`pipeline.mutants`, without a model), and this annotator. Of a
program that failed its problem's tests it says:

- it is the reference program but for one line, and the reference passes: that line is wrong;
- else each of its own lines is mutated: where every program that then passes has the same line changed, that
  line is wrong. Another line might be mended too, by a change that isn't tried; that no single change mends
  it says nothing.

A program that passes has no wrong line, as far as its tests can tell. The mutations are those of the syntax
tree, made without a model; one that fails, or takes too long, is no evidence of any line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, islice
from typing import ClassVar, NamedTuple

from pydantic import Field

from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.grading.programs import Block, passed, run_tests, with_tests, written
from pipeline.mutants import mutants_of
from pipeline.records import NO_ERROR, Check, Outcome, Solution, Status, Verdict, content_hash
from pipeline.sandbox import ExecutionStatus

VERSION = 2


class MutationOptions(Options):
    runs: int = Field(200, ge=0, description="mutants of a program that are run at most")


class Line(NamedTuple):
    """A line of a program, and where it begins in the solution's text."""

    text: str
    start: int


class MutationAnnotator:
    OPTIONS: ClassVar[type[Options]] = MutationOptions
    uses_outcome = True
    executes: ClassVar[bool] = True

    def __init__(self, name: str, options: MutationOptions) -> None:
        self.name = name
        self.role: str | None = None
        self._runs = options.runs
        self.fingerprint = content_hash(VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        if solution.tests is None:
            return Verdict(solution.id, self.name, None, "the problem has no tests")
        if solution.outcome is Outcome.CORRECT:
            return Verdict(solution.id, self.name, NO_ERROR)
        departs = _departs(solution)
        if departs is not None and await self._passes(solution, solution.reference or "", tools):
            line, instead = departs
            return self._named(solution, line, instead)
        return await self._mended(solution, solution.tests, tools)

    async def _passes(self, solution: Solution, text: str, tools: Tools) -> bool:
        grade = await tools.grader.attempt(text, solution)
        return grade.outcome is Outcome.CORRECT

    async def _mended(self, solution: Solution, tests: str, tools: Tools) -> Verdict:
        """By the mutants of its own lines."""
        assert tools.sandbox is not None
        limits = tools.grader.limits
        run = await run_tests(solution.text, solution.question, tests, tools.sandbox, limits)
        if run.program is None:
            return Verdict(solution.id, self.name, None, "no program")
        if run.passed is None and run.done.status is not ExecutionStatus.TIMEOUT:
            return Verdict(solution.id, self.name, None, "it isn't known that it fails")
        lines = program_lines(solution.text, run.blocks)
        before = (
            run.program.count("\n") + 1 - len(lines)
        )  # the question's, where it begins the program
        mended: dict[int, str] = {}
        for mutant in islice(mutants_of(run.program, max(0, before)), self._runs):
            tested = with_tests(mutant.program, tests)
            if passed(tested, await tools.sandbox.run(tested.code, limits=limits)):
                mended.setdefault(mutant.line - before, mutant.what)
            if len(mended) > 1:
                return Verdict(solution.id, self.name, None, "more than one line can be mended")
        if not mended:
            return Verdict(solution.id, self.name, None, "no change of a single line mends it")
        ((number, what),) = mended.items()
        return self._named(solution, lines[number], what)

    def _named(self, solution: Solution, line: Line, instead: str) -> Verdict:
        ends = list(accumulate(map(len, solution.steps)))
        step = next(i for i, end in enumerate(ends) if line.start < end)
        start = line.start - (ends[step] - len(solution.steps[step]))
        claim = line.text.rstrip("\n")
        check = Check(step, start, start + len(claim), claim, Status.CONTRADICTED, instead)
        return Verdict(solution.id, self.name, step, checks=(check,))


def program_lines(text: str, blocks: Sequence[Block]) -> list[Line]:
    """The lines of the program that blocks of a text make, one after another."""
    lines: list[Line] = []
    at = 0
    for block in blocks:
        at = block.start
        for line in text[block.start : block.end].splitlines(keepends=True):
            lines.append(Line(line, at))
            at += len(line)
        if block is not blocks[-1] and block.code.endswith("\n"):
            lines.append(Line("", max(0, block.end - 1)))  # where two blocks are put together
    if lines and lines[-1].text.endswith("\n"):
        lines.append(Line("", max(0, at - 1)))
    return lines


def _departs(solution: Solution) -> tuple[Line, str] | None:
    """The only line that isn't the reference program's, and that one's; None where there are more."""
    if solution.reference is None:
        return None
    mine, theirs = (
        program_lines(text, written(text)) for text in (solution.text, solution.reference)
    )
    if len(mine) != len(theirs):
        return None
    differ = [
        (a, b.text) for a, b in zip(mine, theirs, strict=True) if a.text.rstrip() != b.text.rstrip()
    ]
    return (differ[0][0], differ[0][1].strip()) if len(differ) == 1 else None
