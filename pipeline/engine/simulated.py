"""A simulated policy and judge: a fake, for what can't be run with a model.

It proves nothing about a method's quality. It is there for tests at scale (10^6 solutions) and for
crash tests, where the same call must give the same answer in every run and any order. It writes a
made-up format in which the truth can be read from the text:

    Step 1 of 4: good
    Step 2 of 4: bad
    …
    #### 512
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from pydantic import Field

from pipeline.config import EngineConfig, Options, check_options
from pipeline.engine.protocol import (
    Completion,
    Prompt,
    SampleRequest,
    SampleResult,
    ScoreRequest,
    ScoreResult,
    Turns,
)
from pipeline.errors import BadRequestError
from pipeline.records import NO_ERROR, Cost, Problem, content_hash

_QUESTION = re.compile(r"Simulated problem (\d{1,12})\.")
_STEP = re.compile(r"Step \d{1,4} of \d{1,4}: (good|bad)")
_ANSWER = re.compile(r"#### (\d{1,6})")
_JUDGE_MARK = r"\boxed{-1}"


class SimulatedOptions(Options):
    """`args:` of an engine of kind simulated."""

    value: float = Field(0.8, ge=0, le=1, description="chance to succeed from a good prefix")
    luck: float = Field(0.1, ge=0, lt=1, description="chance to succeed from a bad prefix")
    judge: float = Field(0.8, ge=0, le=1, description="chance that a judge's vote is right")
    min_steps: int = Field(3, ge=1, le=100, description="steps of the shortest solution")
    max_steps: int = Field(8, ge=1, le=100, description="steps of the longest solution")
    pause_s: float = Field(
        0.0, ge=0, description="how long a sample takes; no answer depends on it"
    )


def simulated_problem(number: int) -> Problem:
    """Problem `number`, as the simulated policy knows it."""
    return Problem(
        f"simulated-{number}", f"Simulated problem {number}.", str(simulated_gold(number))
    )


@lru_cache(4096)
def simulated_gold(number: int) -> int:
    return 100 + int(content_hash("gold", number), 16) % 900


@lru_cache(4096)
def _draw_of(number: int) -> int:
    """What decides how many steps a problem takes."""
    return int(content_hash("steps", number), 16)


def simulated_truth(text: str, gold: str) -> int:
    """First error of a simulated solution: its first bad step, or its answer line when only the
    answer is wrong; -1 when there is none. The answer line counts as a step."""
    marks = _STEP.findall(text)
    if "bad" in marks:
        return marks.index("bad")
    answer = _ANSWER.search(text)
    return len(marks) if answer is not None and answer[1] != gold else NO_ERROR


class PlainRenderer:
    """Turns put one after the other, then the answer's beginning."""

    def render(self, turns: Turns, answer_prefix: str = "") -> Prompt:
        head = f"{turns.system}\n" if turns.system else ""
        return Prompt(f"{head}{turns.user}\n{answer_prefix}")

    def prefixes(self, turns: Turns, steps: Sequence[str]) -> list[Prompt]:
        return [self.render(turns, answer) for answer in ["", *accumulate(steps)]]


class SimulatedEngine:
    """Each completion depends on (seed, prompt, draw, its index) and on nothing else.

    From a good prefix a completion reaches the answer with chance `value`, from a bad one with
    chance `luck`. A prompt that asks for \\boxed{-1} when all is right gets a judge's vote. Tokens
    are words.
    """

    max_in_flight = 1024

    def __init__(self, config: EngineConfig, seed: int) -> None:
        self.options = check_options(
            SimulatedOptions, config.args, "engine of kind simulated: args"
        )
        facts = self.options.model_dump(mode="json", exclude={"pause_s"})
        self.fingerprint = f"simulated:{config.model}-{content_hash(facts)}"
        self._renderer = PlainRenderer()
        self._seed = seed

    @property
    def renderer(self) -> PlainRenderer:
        return self._renderer

    async def open(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def sample(self, request: SampleRequest) -> SampleResult:
        text = request.prompt.text
        questions = list(_QUESTION.finditer(text))
        if not questions:
            raise BadRequestError(
                "the simulated policy knows only `Simulated problem N.`; the prompt has none"
            )
        if self.options.pause_s:
            await asyncio.sleep(self.options.pause_s)
        number, rest = int(questions[-1][1]), text[questions[-1].end() :]
        judged = _JUDGE_MARK in text
        completions = []
        for index in range(request.n):
            draw = content_hash(self._seed, text, request.draw, index)
            chance = random.Random(int(draw, 16))
            answer = self._vote(rest, number, chance) if judged else None
            answer = self._continue(rest, number, chance) if answer is None else answer
            completions.append(_cut(answer, request.sampling.max_tokens))
        tokens = sum(len(c.text.split()) for c in completions)
        return SampleResult(tuple(completions), Cost(1, len(text.split()), 0, tokens, 0.0))

    def _steps_of(self, number: int) -> int:
        low, high = sorted((self.options.min_steps, self.options.max_steps))
        return low + _draw_of(number) % (high - low + 1)

    def _continue(self, prefix: str, number: int, chance: random.Random) -> str:
        if _ANSWER.search(prefix):
            return ""
        marks = _STEP.findall(prefix)
        total = max(self._steps_of(number), len(marks))
        left = total - len(marks)
        gold = simulated_gold(number)
        bad_at = None
        right = True
        if "bad" in marks:
            right = chance.random() < self.options.luck
        else:
            # a mistake falls on any of the lines left; one in a step may still end well, by luck
            luck = self.options.luck
            mistake = (1 - self.options.value) / (1 - luck * left / (left + 1))
            if chance.random() < mistake:
                bad_at = len(marks) + chance.randrange(left + 1)
                right = bad_at < total and chance.random() < luck
        lines = [
            f"Step {k + 1} of {total}: {'bad' if k == bad_at else 'good'}\n"
            for k in range(len(marks), total)
        ]
        answer = gold if right else 100 + (gold - 100 + chance.randrange(1, 900)) % 900
        return "".join(lines) + f"#### {answer}"

    def _vote(self, solution: str, number: int, chance: random.Random) -> str:
        truth = simulated_truth(solution, str(simulated_gold(number)))
        vote = truth
        if chance.random() >= self.options.judge:
            others = [e for e in range(-1, len(_STEP.findall(solution)) + 1) if e != truth]
            vote = chance.choice(others)
        return f"The first wrong step is \\boxed{{{vote}}}"

    async def score(self, request: ScoreRequest) -> ScoreResult:
        """One log-probability for each word of the continuation: drawn, but of the gold answer the
        log of the chance to reach it from here (`value` or `luck`)."""
        text = request.prompt.text
        words = request.continuation.split()
        questions = list(_QUESTION.finditer(text))
        gold, chance_of_gold = None, 0.0
        if questions:
            gold = str(simulated_gold(int(questions[-1][1])))
            bad = "bad" in _STEP.findall(text[questions[-1].end() :])
            chance_of_gold = self.options.luck if bad else self.options.value
        chance = random.Random(int(content_hash(self._seed, text, request.continuation), 16))
        logprobs = tuple(
            math.log(chance_of_gold or 1e-9) if word == gold else -chance.expovariate(2.0)
            for word in words
        )
        return ScoreResult(logprobs, Cost(1, len(text.split()) + len(words)))


def _cut(text: str, max_tokens: int) -> Completion:
    """Cut after `max_tokens` words, their spaces and newlines kept."""
    if len(text.split()) <= max_tokens:
        return Completion(text, "stop")
    words = re.findall(r"\s*\S+\s*", text)
    return Completion("".join(words[:max_tokens]), "length")
