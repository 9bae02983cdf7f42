"""Rollouts are graded as the whole text that the model was asked to write."""

from __future__ import annotations

from pathlib import Path

from annotators.rollouts import RolloutAnnotator, RolloutOptions
from pipeline.annotator import Tools
from pipeline.config import GradingConfig
from pipeline.engine.protocol import Completion, SampleRequest, SampleResult
from pipeline.engine.rendering import TextRenderer
from pipeline.grading import Grader
from pipeline.prompts import load_prompt
from pipeline.records import Cost, Outcome, ProbeCount, Solution

STEPS = ("We add.\n", r"\boxed{\frac{1}{", "3}}")
SOLUTION = Solution(
    "s", "p", "What is 1/4 + 1/4?", r"\frac{1}{2}", STEPS, "m", outcome=Outcome.INCORRECT
)


class Continues:
    """A chat engine that ends the fraction where it stands open, and else gives up."""

    fingerprint = "continues"
    max_in_flight = 8
    renderer = TextRenderer(chat=True)

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def sample(self, request: SampleRequest) -> SampleResult:
        assert request.prompt.messages is not None
        role, written = request.prompt.messages[-1]
        assert role == "assistant"
        text = "2}}" if written.endswith("{1}{") else r"\boxed{0}"
        return SampleResult((Completion(text, "stop"),) * request.n, Cost(calls=1))


async def test_a_rollout_through_the_chat_api_is_graded_with_the_steps_before_it() -> None:
    options = RolloutOptions(strategy="exhaustive", search={"rollouts": 2})
    annotator = RolloutAnnotator("rollouts", options)
    prompt = load_prompt("boxed", Path("pipeline/prompt_files"))
    async with Grader(GradingConfig()) as grader:
        verdict = await annotator.annotate(SOLUTION, Tools(Continues(), grader, prompt))
    assert verdict.probes == (ProbeCount(1, 0, 2), ProbeCount(2, 2, 2))
