"""One prompt to a judge, filled with a solution, and its answers read as votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from annotators.parsing import Reading, make_parser
from annotators.slots import judge_slots
from annotators.votes import REFUSED, first_error
from pipeline.engine.protocol import Completion, Engine, SampleRequest, Sampling
from pipeline.errors import BadRequestError, ConfigError
from pipeline.prompts import load_prompt
from pipeline.records import Cost, Solution, Vote

PROMPTS = Path(__file__).parent / "prompts"


class Answer(NamedTuple):
    """`reading` is None for a missing vote; `vote.reason` then says why."""

    vote: Vote
    reading: Reading | None


class Answers(NamedTuple):
    each: tuple[Answer, ...]
    cost: Cost


class Question:
    """`where` is the place in the configuration that errors name. Raises ConfigError for a prompt that
    doesn't fit the options."""

    def __init__(
        self,
        where: str,
        prompt: str,
        sampling: Sampling,
        *,
        structured: bool = False,
        rubric: str | None = None,
    ) -> None:
        self.prompt = load_prompt(prompt, PROMPTS)
        self.shows_reference = "reference" in self.prompt.slots
        self._own = {} if rubric is None else {"rubric": rubric}
        if "rubric" in self.prompt.slots and rubric is None:
            raise ConfigError(
                f"{where}: prompt {prompt} shows a rubric; name its file as `rubric:`"
            )
        if structured and self.prompt.schema is None:
            raise ConfigError(
                f"{where}: prompt {prompt} has no schema for `structured: true`; its answers are "
                "free text"
            )
        self._sampling = replace(sampling, schema=self.prompt.schema) if structured else sampling
        self._parse = make_parser(self.prompt)

    async def ask(
        self,
        engine: Engine,
        solution: Solution,
        n: int,
        *,
        draw: int = 0,
        upto: int | None = None,
        verifications: Sequence[str] = (),
    ) -> Answers:
        """`n` answers about the solution, or its first `upto` steps. One that was cut, or can't be
        read, is missing; where the engine refuses the request, all are."""
        slots = judge_slots(solution, self.prompt, upto, verifications, self._own)
        try:
            prompt = engine.renderer.render(self.prompt.fill(slots))
            result = await engine.sample(SampleRequest(prompt, self._sampling, n, draw))
        except BadRequestError as error:
            refused = Answer(Vote(None, "", f"{REFUSED}: {error}"), None)
            return Answers((refused,) * n, Cost())
        steps = solution.steps[:upto]
        return Answers(tuple(self._read(c, steps) for c in result.completions), result.cost)

    def _read(self, completion: Completion, steps: Sequence[str]) -> Answer:
        if completion.finish_reason == "length":
            return Answer(Vote(None, completion.text, "cut by the length limit"), None)
        reading = self._parse(completion.text, steps)
        if reading is None:
            return Answer(Vote(None, completion.text, "unparsable"), None)
        return Answer(Vote(first_error(reading), completion.text), reading)
