"""Evidence by k independent verifications and a meta-critique that reads them.

SPARK (arXiv 2512.03244) scales verification in parallel (many, made consistent: the judge with the rule
`majority`) and in sequence (a verification criticised and written anew). Here the meta-critique reads
all verifications of a solution at once and gives the verdict; they are shown to it as quotations, since
they quote what the solution's author wrote.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from annotators.judge import JudgeAnnotator, JudgeOptions
from annotators.votes import REFUSED, Ballot
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.judge_text import answer_of
from pipeline.records import Cost, Solution, Vote, content_hash

VERSION = 2


class MetaCritiqueOptions(JudgeOptions):
    prompt: str = Field("critique", description="prompt of the verifications")
    verifications: int = Field(8, ge=1, description="verifications that the meta-critique reads")
    meta_prompt: str = Field("meta_critique", description="prompt of the meta-critique")
    votes: int = Field(1, ge=1, description="meta-critiques a solution: its votes")


class MetaCritique(JudgeAnnotator):
    """A verification that can't be read is not shown; with fewer than half of them there is no
    meta-critique. The verdict's votes are the meta-critiques; the verifications stand among the run's
    calls."""

    OPTIONS: ClassVar[type[Options]] = MetaCritiqueOptions

    def __init__(self, name: str, options: MetaCritiqueOptions) -> None:
        super().__init__(name, options)
        self._verifications = options.verifications
        self._verify = self._question
        self._question = self._make_question(options.meta_prompt)
        self.prompts += (self._question.prompt,)
        self.shows_reference |= self._question.shows_reference
        self.fingerprint = content_hash(
            VERSION, self.fingerprint, self._question.prompt.fingerprint
        )

    def expected_completion_tokens(self, solution: Expectation) -> float:
        one = super().expected_completion_tokens(solution) / self._options.votes
        return one * (self._verifications + self._options.votes)

    async def _hold(self, ballot: Ballot, solution: Solution, tools: Tools) -> Cost:
        assert tools.engine is not None
        answers = await self._verify.ask(tools.engine, solution, self._verifications)
        read = [answer_of(a.vote.rationale) for a in answers.each if a.reading is not None]
        if 2 * len(read) < self._verifications:
            missing = next(a.vote.reason or "" for a in answers.each if a.reading is None)
            refused = missing.startswith(REFUSED)  # then all of them were
            reason = missing if refused else f"too few verifications could be read: {missing}"
            for _ in range(ballot.size):
                ballot.cast(Vote(None, "", reason), None)
            return answers.cost
        return answers.cost + await self._poll(ballot, solution, tools.engine, read)
