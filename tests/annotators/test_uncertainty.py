"""What the policy's uncertainty of each step costs, and what is said where it can't be had."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from annotators.rollouts import RolloutAnnotator, RolloutOptions
from annotators.uncertainty import step_uncertainties
from pipeline.annotator import Tools
from pipeline.config import GradingConfig
from pipeline.engine.protocol import (
    Completion,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
)
from pipeline.engine.rendering import TextRenderer
from pipeline.errors import BadRequestError
from pipeline.grading import Grader
from pipeline.prompts import load_prompt
from pipeline.records import Cost, Outcome, Solution

STEPS = ("One.\n", "Two, longer, unsure.\n", r"\boxed{1}")
SOLUTION = Solution("s", "p", "How many?", "2", STEPS, "m", outcome=Outcome.INCORRECT)
OPTIONS = RolloutOptions(strategy="uncertainty", search={"least": 2, "most": 2, "successes": 1})


class Scores:
    """Gives each word the same log-probability; a rollout is right from before the second step alone."""

    fingerprint = "scores"
    max_in_flight = 8
    renderer = TextRenderer(chat=False)

    def __init__(self, each: float = -1.0, refuses: bool = False) -> None:
        self.each, self.refuses = each, refuses

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def score(self, request: ScoreRequest) -> ScoreResult:
        if self.refuses:
            raise BadRequestError("too long")
        words = request.continuation.split()
        return ScoreResult((self.each,) * len(words), Cost(1, 10))

    async def sample(self, request: SampleRequest) -> SampleResult:
        answer = 1 if "Two" in request.prompt.text else 2
        text = rf"\boxed{{{answer}}}"
        return SampleResult((Completion(text, "stop"),) * request.n, Cost(calls=1))


@pytest.mark.parametrize("each", [-1.0, -0.0])
async def test_the_longer_step_is_asked_of_first_and_named(each: float) -> None:
    annotator = RolloutAnnotator("rollouts", OPTIONS)
    prompt = load_prompt("plain", Path("pipeline/prompt_files"))
    async with Grader(GradingConfig()) as grader:
        verdict = await annotator.annotate(SOLUTION, Tools(Scores(each), grader, prompt))
    assert verdict.first_error == 1
    assert [count.prefix for count in verdict.probes] == [0, 2]
    assert verdict.cost.prompt_tokens == 30


@pytest.mark.parametrize("engine", [Scores(math.nan), Scores(-math.inf), Scores(refuses=True)])
async def test_without_a_likelihood_nothing_is_asked_and_nothing_decided(engine: Scores) -> None:
    annotator = RolloutAnnotator("rollouts", OPTIONS)
    prompt = load_prompt("plain", Path("pipeline/prompt_files"))
    async with Grader(GradingConfig()) as grader:
        verdict = await annotator.annotate(SOLUTION, Tools(engine, grader, prompt))
    assert verdict.first_error is None
    assert verdict.reason
    assert not verdict.probes


async def test_one_number_a_step() -> None:
    prompt = load_prompt("plain", Path("pipeline/prompt_files"))
    scored = await step_uncertainties(Scores(), prompt.fill({"question": "How many?"}), SOLUTION)
    assert len(scored.uncertainty) == 3
    assert scored.uncertainty[1] == pytest.approx(math.log(3))
