"""Evidence by an LLM judge: k sampled votes on where the first error is.

The prompt is a YAML file in `annotators/prompts` (or yours); it names the parser that reads a vote.
A vote that can't be parsed, or was cut, is a missing vote. The verdict is the first error that more
than half of the parsed votes name, if enough of them were parsed at all.

A prompt can show the steps between tags that hold a hash of the text, so that a solution can't close
them and speak to the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from annotators.parsing import make_parser
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options, SamplingConfig
from pipeline.engine.protocol import Completion, SampleRequest
from pipeline.prompts import PromptTemplate, load_prompt
from pipeline.records import Solution, Verdict, Vote, content_hash

PROMPTS = Path(__file__).parent / "prompts"
VERSION = 3


class JudgeOptions(Options):
    prompt: str = Field("first_error", description="a shipped prompt's name, or a YAML file's path")
    votes: int = Field(3, ge=1, description="votes a solution")
    min_votes: int | None = Field(
        None, ge=1, description="parsed votes a verdict needs; default: more than half of `votes`"
    )
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    role: str = Field("judge", description="the engine that judges")


class JudgeAnnotator:
    OPTIONS: ClassVar[type[Options]] = JudgeOptions
    uses_outcome = False

    def __init__(self, name: str, options: JudgeOptions) -> None:
        self.name = name
        self.role: str | None = options.role
        self._votes = options.votes
        self._min_votes = options.min_votes or options.votes // 2 + 1
        self._prompt = load_prompt(options.prompt, PROMPTS)
        self._parse = make_parser(self._prompt.parse, options.prompt)
        self._sampling = options.sampling.sampling()
        self.fingerprint = content_hash(VERSION, options.fingerprint, self._prompt.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """A vote writes about as much as it reads, less where it stops at an error."""
        return (
            self._votes * min(solution.tokens, self._sampling.max_tokens) * (1 - solution.wrong / 2)
        )

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        assert tools.engine is not None
        turns = self._prompt.fill(judge_slots(solution, self._prompt))
        prompt = tools.engine.renderer.render(turns)
        result = await tools.engine.sample(SampleRequest(prompt, self._sampling, self._votes))
        votes = tuple(self._vote(c, solution.steps) for c in result.completions)
        first_error, reason = majority(votes, self._min_votes)
        return Verdict(solution.id, self.name, first_error, reason, votes=votes, cost=result.cost)

    def _vote(self, completion: Completion, steps: Sequence[str]) -> Vote:
        if completion.finish_reason == "length":
            return Vote(None, completion.text, "cut by the length limit")
        first_error = self._parse(completion.text, steps)
        return Vote(first_error, completion.text, None if first_error is not None else "unparsable")


def majority(votes: tuple[Vote, ...], min_votes: int) -> tuple[int | None, str | None]:
    """(first error, None), or (None, why): what more than half of the parsed votes name."""
    named = Counter(vote.first_error for vote in votes if vote.first_error is not None)
    parsed = sum(named.values())
    if parsed < min_votes:
        return None, "too few votes could be parsed"
    first_error, count = named.most_common(1)[0]
    if 2 * count <= parsed:
        return None, "no majority among the votes"
    return first_error, None


def judge_slots(solution: Solution, prompt: PromptTemplate) -> dict[str, str]:
    """What a judge's prompt may show. `tag` holds a hash of the text, to fence each step with."""
    tag = f"step_{content_hash(solution.question, solution.text, length=8)}"
    return {
        "question": solution.question,
        "solution": solution.text,
        "steps": prompt.show_steps(solution.steps, {"tag": tag}),
        "reference": solution.reference or "",
        "last_index": str(len(solution.steps) - 1),
        "tag": tag,
    }
