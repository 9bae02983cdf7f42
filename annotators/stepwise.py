"""Evidence by a judge that is asked about one step after another, up to the first that it calls wrong.

Each question shows the steps so far and asks about the last of them alone (the judge of one step in
GenPRM, arXiv 2504.00891, and ThinkPRM, arXiv 2504.16828). The votes are as many passes, all asked about
the same step at once, so that they share its prompt and each prompt begins the next one's.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from annotators.judge import JudgeAnnotator, JudgeOptions
from annotators.votes import Ballot
from pipeline.annotator import Tools
from pipeline.config import Options
from pipeline.records import NO_ERROR, Cost, Solution


class StepwiseOptions(JudgeOptions):
    prompt: str = Field("one_step", description="one_step, or the path of a YAML file of yours")
    wave: None = Field(None, description="not here: the passes go side by side")


class StepwiseJudge(JudgeAnnotator):
    """A pass whose answer about a step is missing ends there, as a missing vote."""

    OPTIONS: ClassVar[type[Options]] = StepwiseOptions
    votes_apart = 1

    async def _hold(self, ballot: Ballot, solution: Solution, tools: Tools) -> Cost:
        assert tools.engine is not None
        cost = Cost()
        for step in range(len(solution.steps)):
            n = ballot.left()
            if n == 0:
                break
            answers = await self._question.ask(tools.engine, solution, n, upto=step + 1)
            cost += answers.cost
            is_last = step == len(solution.steps) - 1
            for answer in answers.each:
                if answer.reading != NO_ERROR or is_last:
                    ballot.cast(answer.vote, answer.reading)
        return cost
