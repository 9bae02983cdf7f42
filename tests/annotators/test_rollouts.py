"""Rollouts are graded as the whole text that the model was asked to write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from annotators.rollouts import RolloutAnnotator, RolloutOptions, rounds
from pipeline.annotator import Tools
from pipeline.config import GradingConfig, SamplingConfig
from pipeline.engine.protocol import Completion, SampleRequest, SampleResult
from pipeline.engine.rendering import TextRenderer
from pipeline.errors import ConfigError, RunError
from pipeline.grading import Grader
from pipeline.prompts import load_prompt
from pipeline.records import Cost, Outcome, ProbeCount, Solution
from pipeline.search import Finding, Probe

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


class Endless:
    counts = ()

    def __init__(self, prefix: int) -> None:
        self.prefix = prefix

    def next(self) -> list[Probe]:
        return [Probe(self.prefix, 1)]

    def observe(self, prefix: int, outcome: Outcome) -> None:
        pass

    def finding(self) -> Finding:
        return Finding(None, "never asked")


@pytest.mark.parametrize(
    ("prefix", "told"), [(1, "without an end"), (3, "asks for"), (-1, "asks for")]
)
def test_a_strategy_that_has_no_end_or_leaves_the_solution_is_told(prefix: int, told: str) -> None:
    with pytest.raises(RunError, match=told):
        list(rounds(Endless(prefix), 3, "mine"))


class Silent(Continues):
    """A server that ends at once, or gives no content."""

    async def sample(self, request: SampleRequest) -> SampleResult:
        return SampleResult((Completion("", "stop"), Completion("\n\n", "stop")), Cost(calls=1))


@pytest.mark.parametrize(
    ("first", "right", "decided"),
    [("Half of 48 is 24.\n", 0, 0), ("The answer is 72.\n", 2, 2), ("The answer is 62.\n", 0, 2)],
)
async def test_a_rollout_that_says_nothing_is_decided_by_an_answer_stated_before_it_alone(
    first: str, right: int, decided: int
) -> None:
    solution = replace(SOLUTION, gold="72", steps=(first, "So it is 62.\n"))
    options = RolloutOptions(strategy="exhaustive", search={"rollouts": 2, "spare": 0})
    annotator = RolloutAnnotator("rollouts", options)
    prompt = load_prompt("boxed", Path("pipeline/prompt_files"))
    async with Grader(GradingConfig()) as grader:
        verdict = await annotator.annotate(solution, Tools(Silent(), grader, prompt))
    assert verdict.probes == (ProbeCount(1, right, decided, 2 - decided),)


@pytest.mark.parametrize(
    ("strategy", "search"), [("bisection", {}), ("adaptive", {}), ("bayesian", {"rollouts": 1})]
)
def test_several_greedy_rollouts_are_refused(strategy: str, search: dict[str, int]) -> None:
    greedy = RolloutOptions(
        strategy=strategy, search=search, sampling=SamplingConfig(temperature=0)
    )
    with pytest.raises(ConfigError, match="greedy rollouts are all the same"):
        RolloutAnnotator("rollouts", greedy)


def test_one_greedy_rollout_a_prefix_is_taken() -> None:
    greedy = SamplingConfig(temperature=0)
    RolloutAnnotator("rollouts", RolloutOptions(search={"rollouts": 1}, sampling=greedy))
