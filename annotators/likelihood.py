"""Evidence by likelihood: how likely is the gold answer after each step? No rollout is sampled.

From each prefix 0..T-1 the policy scores a text that should follow if all is well so far:

- `target: answer` scores the gold answer behind a phrase that asks for it at once (GRPO-VPS, arXiv
  2604.20659; IGPO, arXiv 2510.14967). The phrase is given, and only what comes after it is scored.
- `target: reference` scores what is left of the problem's reference solution, after as many of its
  lines as the prefix has steps (P2S, arXiv 2601.20649, whose gold chain of thought is the policy's
  own: the more a reference is written as the policy writes, the more its likelihood tells).

A wrong step lowers that likelihood for good: the first error is the first step after which it never
again comes within `drop` nats of the best before. A dip that recovers names nothing, and what falls
later is carried on from the first fall. The papers reward each step by its own change; a label needs
one step, and a change that is lasting.

Prefix T isn't scored: the final answer stands in it. So the last step isn't seen, nor is what the
outcome says, which others weigh. Where nothing falls, "no error" is said only if the likelihood before
the last step is above one half: one that was never high has nothing to lose, and is undecided. What is
seen are fatal steps, as by rollouts.

Under `posterior` it is a witness of the fatal step alone. That is what `answer` sees; `reference` sees a
little more, since the rest of a reference may name what the answer doesn't depend on.

It has no model of its evidence, hence no `log_likelihood`: as a hint (`hints: [likelihood]` of
rollouts) it is trusted as far as a pilot shows. It samples nothing, and a plan, which counts sampled
tokens, shows 0. It costs T prompts of the question and, on average, half of the solution (all of it for
`reference`), and vLLM serves none of them from its prefix cache.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.engine.protocol import Renderer, ScoreRequest, Turns
from pipeline.errors import BadRequestError
from pipeline.records import NO_ERROR, Cost, Solution, Verdict, content_hash

VERSION = 2
LEAST = -1e4
"""Nats that stand for whatever is less likely, impossible texts among it."""
GUESS = -4.0
"""Nats of an answer that is no more than guessed; how much less likely it is than that tells nothing."""
HIGH = math.log(0.5)
GOLD = "{{gold}}"


class LikelihoodOptions(Options):
    target: Literal["answer", "reference"] = Field(
        "answer", description="what is scored: the gold answer, or the rest of the reference"
    )
    answer: str = Field(
        "The final answer is \\boxed{{{gold}}}",
        description="for the target `answer`: the phrase, as the policy would write it",
    )
    drop: float = Field(3.0, gt=0, description="nats by which the likelihood falls, for good")
    role: str = Field("policy", description="the engine that scores")

    @field_validator("answer")
    @classmethod
    def _shows_gold(cls, answer: str) -> str:
        if answer.count(GOLD) != 1:
            raise ValueError(f"should hold {GOLD} once")
        return answer

    @model_validator(mode="after")
    def _can_fall(self) -> Self:
        if self.target == "answer" and self.drop >= -GUESS:
            raise ValueError(f"drop should be less than {-GUESS:g} nats for the target `answer`")
        return self


class Found(NamedTuple):
    """`first_error` is None where the likelihoods decide nothing; `reason` then says why."""

    first_error: int | None
    reason: str | None = None


class LikelihoodAnnotator:
    OPTIONS: ClassVar[type[Options]] = LikelihoodOptions
    uses_outcome = True  # not the outcome, but the generation prompt
    scores_texts = True

    def __init__(self, name: str, options: LikelihoodOptions) -> None:
        self.name = name
        self.role: str | None = options.role
        self.fingerprint = content_hash(VERSION, options.fingerprint)
        self._options = options
        self.shows_reference = options.target == "reference"

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        """Raises PrerequisiteError where the engine can't score a given text."""
        assert tools.engine is not None
        engine = tools.engine
        of_answer = self._options.target == "answer"
        gold = None if solution.tests is not None else solution.gold  # its tests say what is right
        if not ((gold if of_answer else solution.reference) or "").strip():
            missing = "gold answer" if of_answer else "reference solution"
            return self._undecided(solution, f"the problem has no {missing}")
        turns = tools.prompt.fill({"question": solution.question})
        try:
            if of_answer:
                requests = answer_requests(engine.renderer, turns, solution, self._options.answer)
            else:
                requests = reference_requests(engine.renderer, turns, solution)
        except BadRequestError as error:
            return self._undecided(solution, f"request refused: {error}")
        results = await asyncio.gather(*map(engine.score, requests), return_exceptions=True)
        profile: list[float | None] = []
        cost = Cost()
        for result in results:
            if isinstance(result, BadRequestError):
                return self._undecided(solution, f"request refused: {result}")
            if isinstance(result, BaseException):
                raise result
            profile.append(total(result.logprobs))
            cost += result.cost
        if None in profile:
            found = Found(None, "the engine gave no likelihood")
        else:
            known = [p for p in profile if p is not None]
            if of_answer:
                known = [max(GUESS, p) for p in known]
            found = first_error(known, self._options.drop)
        return Verdict(
            solution.id,
            self.name,
            found.first_error,
            found.reason,
            scores=(*profile[1:], None),
            cost=cost,
        )

    def _undecided(self, solution: Solution, reason: str) -> Verdict:
        return Verdict(solution.id, self.name, None, reason)


def answer_requests(
    renderer: Renderer, turns: Turns, solution: Solution, phrase: str
) -> list[ScoreRequest]:
    """For each prefix 0..T-1, the gold answer and what follows it in the phrase, on a new line and
    after what precedes it. Blanks before the answer are scored with it: they are part of its first
    token."""
    before, _, after = phrase.partition(GOLD)
    asked = before.rstrip(" ")
    continuation = before[len(asked) :] + solution.gold.strip() + after
    requests = []
    for t in range(len(solution.steps)):
        written = "".join(solution.steps[:t])
        prompt = renderer.prefixes(turns, (written, new_line(written) + asked))[-1]
        requests.append(ScoreRequest(prompt, continuation))
    return requests


def reference_requests(renderer: Renderer, turns: Turns, solution: Solution) -> list[ScoreRequest]:
    """For each prefix 0..T-1, the reference's lines from the same place on; at least the last one."""
    lines = [line for line in (solution.reference or "").splitlines(True) if line.strip()]
    prompts = renderer.prefixes(turns, solution.steps)
    return [
        ScoreRequest(
            prompts[t],
            new_line("".join(solution.steps[:t])) + "".join(lines[min(t, len(lines) - 1) :]),
        )
        for t in range(len(solution.steps))
    ]


def new_line(written: str) -> str:
    return "" if not written or written.endswith("\n") else "\n"


def total(logprobs: Sequence[float]) -> float | None:
    """Nats of a whole text; None where there is no number for it."""
    nats = sum(logprobs)
    return None if not logprobs or math.isnan(nats) else max(LEAST, nats)


def first_error(profile: Sequence[float], drop: float) -> Found:
    """What likelihoods at prefixes 0..T-1, in nats, say of a solution of T steps."""
    fallen = lasting_drop(profile, drop)
    if fallen is not None:
        return Found(fallen)
    if profile[-1] >= HIGH:
        return Found(NO_ERROR)
    return Found(None, "the likelihood neither falls for good nor ends high")


def lasting_drop(profile: Sequence[float], drop: float) -> int | None:
    """The first step after which the likelihood never again comes within `drop` of the best before;
    None where there is none. `profile[t]` is that of prefix t, the one before step t."""
    best_after = list(profile)
    for t in range(len(profile) - 2, -1, -1):
        best_after[t] = max(best_after[t], best_after[t + 1])
    best = -math.inf
    for step in range(len(profile) - 1):
        best = max(best, profile[step])
        if best - best_after[step + 1] >= drop:
            return step
    return None
