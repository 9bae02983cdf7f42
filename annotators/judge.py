"""Evidence by an LLM judge: k sampled votes on where the first error is.

The prompt is a YAML file in `annotators/prompts` (or yours); with its parser it is the method:

- `first_error`: the first wrong step, asked directly (ProcessBench, arXiv 2412.06559);
- `critique`: every step in one pass (CAPO, arXiv 2508.02298);
- `reference`: every step aligned with a reference solution (SPARE, arXiv 2506.15498);
- `reversed`: the first wrong step, the steps read from the last to the first (BiPRM, arXiv 2508.01682);
- `rubric`: every step by criteria of yours;
- `tinymath`: the one format of the shipped judge.

`annotators.stepwise`, `annotators.meta_critique` and `annotators.judge_code` ask otherwise. What the
votes make together is in `annotators.votes`; one that can't be parsed, was cut or refused is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import ClassVar, Literal, Self

from pydantic import Field

from annotators.question import Question
from annotators.rubric import read_rubric
from annotators.votes import Ballot
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options, SamplingConfig
from pipeline.engine.protocol import Engine
from pipeline.errors import ConfigError
from pipeline.prompts import PromptTemplate
from pipeline.records import Cost, Solution, Verdict, content_hash

VERSION = 6


class JudgeOptions(Options):
    prompt: str = Field(
        "first_error",
        description="first_error, critique, reference, reversed, rubric or tinymath, or the path of a YAML "
        "file of yours",
    )
    votes: int = Field(3, ge=1, description="votes a solution")
    min_votes: int | None = Field(
        None, ge=1, description="parsed votes a verdict needs; default: more than half of `votes`"
    )
    rule: Literal["majority", "half", "intersection", "mean"] = Field(
        "majority", description="how votes become a verdict"
    )
    wave: int | None = Field(
        None,
        ge=1,
        description="votes asked for at a time, until the rest can't change the verdict; default: all",
    )
    structured: bool = Field(
        False,
        description="hold answers to the prompt's JSON schema where the engine can; not for models "
        "that think first, unless their server tells thoughts and answer apart",
    )
    rubric: str | None = Field(
        None, description="file of criteria, YAML or text, for a prompt that shows {{rubric}}"
    )
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    role: str = Field("judge", description="the engine that judges")


class JudgeAnnotator:
    """Asks one question `votes` times. `_hold` is what other orders of asking replace."""

    OPTIONS: ClassVar[type[Options]] = JudgeOptions
    uses_outcome = False

    def __init__(self, name: str, options: JudgeOptions) -> None:
        self.name = name
        self.role: str | None = options.role
        self._options = options
        self._size = options.votes
        self._first = 0
        self._rubric = read_rubric(options.rubric) if options.rubric is not None else None
        self._question = self._make_question(options.prompt)
        if self._rubric is not None and "rubric" not in self._question.prompt.slots:
            raise ConfigError(
                f"annotators.{name}.rubric: prompt {options.prompt} shows no rubric; the prompt `rubric` "
                "does"
            )
        self.prompts: tuple[PromptTemplate, ...] = (self._question.prompt,)
        self.shows_reference = self._question.shows_reference
        self.fingerprint = content_hash(
            VERSION, options.fingerprint, self._question.prompt.fingerprint, self._rubric
        )

    @property
    def votes_apart(self) -> int:
        return self._options.votes

    def apart(self, first_only: bool) -> Self:
        other = copy(self)
        other._size = 1 if first_only else self._options.votes
        other._first = 1
        other.fingerprint = content_hash(self.fingerprint, "apart", first_only)
        return other

    def _make_question(self, prompt: str) -> Question:
        options = self._options
        return Question(
            f"annotators.{self.name}",
            prompt,
            options.sampling.sampling(),
            structured=options.structured,
            rubric=self._rubric,
        )

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """A vote writes about as much as it reads, less where it stops at an error."""
        most = self._options.sampling.max_tokens
        return self._options.votes * min(solution.tokens, most) * (1 - solution.wrong / 2)

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        assert tools.engine is not None
        if self.shows_reference and not (solution.reference or "").strip():
            return Verdict(solution.id, self.name, None, "the problem has no reference solution")
        size = self._size
        needed = min(size, self._options.min_votes or size // 2 + 1)
        ballot = Ballot(self._options.rule, size, needed, len(solution.steps))
        cost = await self._hold(ballot, solution, tools)
        found = ballot.finding()
        return Verdict(
            solution.id,
            self.name,
            found.first_error,
            ballot.refusal() or found.reason,
            votes=tuple(ballot.votes),
            scores=found.scores,
            cost=cost,
        )

    async def _hold(self, ballot: Ballot, solution: Solution, tools: Tools) -> Cost:
        """Cast the votes; what they cost."""
        assert tools.engine is not None
        return await self._poll(ballot, solution, tools.engine)

    async def _poll(
        self,
        ballot: Ballot,
        solution: Solution,
        engine: Engine,
        verifications: Sequence[str] = (),
    ) -> Cost:
        """The votes in waves, up to the last that can change the verdict. Each wave has a draw of its
        own, so that a replay asks and answers the same."""
        cost = Cost()
        wave = 0
        while left := ballot.left():
            n = min(left, self._wave(wave) or left)
            answers = await self._question.ask(
                engine, solution, n, draw=wave, verifications=verifications
            )
            for answer in answers.each:
                ballot.cast(answer.vote, answer.reading)
            cost += answers.cost
            wave += 1
        return cost

    def _wave(self, number: int) -> int | None:
        return self._first if self._first and number == 0 else self._options.wave
