"""Evidence by a judge that writes Python to check the steps, sees what it printed, and then votes.

GenPRM (Zhao et al. 2025, arXiv 2504.00891) reasons about each step, writes code that verifies it, has it
executed, and judges with the output before it. Here each vote is one such verification of all steps:
its ```python blocks are run in the sandbox, each after those before it that ran to their end; the judge is
shown the text again with what each printed, and gives its verdict. Both texts and the outputs are the
vote's rationale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from annotators.judge import JudgeAnnotator, JudgeOptions
from annotators.votes import Ballot
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.grading.programs import Block, fenced
from pipeline.judge_text import answer_of
from pipeline.records import Cost, Solution, content_hash
from pipeline.sandbox import Execution, Limits, Sandbox, run_in_turn

VERSION = 3
MAX_BLOCKS = 32
MAX_OUTPUT_CHARS = 2000


class JudgeWithCodeOptions(JudgeOptions):
    prompt: str = Field(
        "verify_code", description="prompt of the verification, which asks for code"
    )
    verdict_prompt: str = Field("code_verdict", description="prompt that shows it with its outputs")
    timeout_s: float = Field(
        5.0, gt=0, le=600, description="longest run of a block and those before it, seconds"
    )
    wave: None = Field(None, description="not here: the verifications are written side by side")


class JudgeWithCode(JudgeAnnotator):
    """A verification that was cut or is blank is a missing vote. A block that fails, or takes too long,
    is shown as such and says nothing of the solution by itself."""

    OPTIONS: ClassVar[type[Options]] = JudgeWithCodeOptions
    executes: ClassVar[bool] = True
    votes_apart = 1

    def __init__(self, name: str, options: JudgeWithCodeOptions) -> None:
        super().__init__(name, options)
        self._verify = self._question
        self._question = self._make_question(options.verdict_prompt)
        self.prompts += (self._question.prompt,)
        self.shows_reference |= self._question.shows_reference
        self._limits = Limits(
            wall_s=options.timeout_s, cpu_s=max(1, round(options.timeout_s)), output_kb=64
        )
        self.fingerprint = content_hash(
            VERSION, self.fingerprint, self._question.prompt.fingerprint
        )

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """Verification and verdict."""
        return 2 * super().expected_completion_tokens(solution)

    async def _hold(self, ballot: Ballot, solution: Solution, tools: Tools) -> Cost:
        assert tools.engine is not None
        assert tools.sandbox is not None
        answers = await self._verify.ask(tools.engine, solution, ballot.size)
        cost = answers.cost
        for number, answer in enumerate(answers.each):
            if answer.reading is None:
                ballot.cast(replace(answer.vote, first_error=None), None)
                continue
            if not ballot.left():
                break
            text = await self._executed(answer_of(answer.vote.rationale), tools.sandbox)
            verdict = await self._question.ask(
                tools.engine, solution, 1, draw=number, verifications=[text]
            )
            (said,) = verdict.each
            rationale = f"{text.rstrip()}\n\n{said.vote.rationale}"
            ballot.cast(replace(said.vote, rationale=rationale), said.reading)
            cost += verdict.cost
        return cost

    async def _executed(self, text: str, sandbox: Sandbox) -> str:
        """The verification with what each of its blocks printed below it. Those after one that failed are
        run in a new process, with those before it."""
        blocks = fenced(text)[:MAX_BLOCKS]
        ran: list[str] = []
        notes: list[str] = []
        while left := [block.code for block in blocks[len(notes) :]]:
            runs = await run_in_turn(sandbox, [*ran, *left], self._limits)
            new = runs[len(ran) :] or runs[-1:]
            notes += map(_note, new)
            ran += left[: len(new) - 1]
        return after_blocks(text, blocks, notes)


def _note(done: Execution) -> str:
    """What a block printed, and how it ended."""
    output = done.stdout
    if len(output) > MAX_OUTPUT_CHARS:
        output = output[:MAX_OUTPUT_CHARS] + " …"
    ended = "" if done.ok else f" ({done.status}: {done.reason[:300]})"
    return f"Output of this code{ended}:\n```output\n{output.rstrip()}\n```\n"


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
