"""problems -> graded solutions that the generator wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from pipeline.arrow import Record
from pipeline.config import RunConfig
from pipeline.engine.protocol import Completion, Engine, SampleRequest
from pipeline.errors import BadRequestError
from pipeline.grading import NO_ANSWER, Grader, says_nothing
from pipeline.growth import VERSION as GROWTH_VERSION
from pipeline.growth import grown
from pipeline.prompts import PromptTemplate
from pipeline.records import Problem, Solution, content_hash
from pipeline.shards import Store, chunked
from pipeline.stages.grade import graded, graded_by
from pipeline.stages.keys import KEY_COLUMNS, key_of, key_of_row
from pipeline.stages.stage import Refused, Rows
from pipeline.steps import SPLIT_VERSION, Splitter

GENERATE_VERSION = 2


class GenerateStage:
    """N solutions to each problem, and those of the tree that grows from them where there is to be
    one, split into steps and graded. An item is a problem."""

    name = calls = "generate"
    role: str | None = "generator"
    kind: type[Record] = Solution

    def __init__(
        self,
        config: RunConfig,
        problems: Mapping[str, Problem],
        prompt: PromptTemplate,
        splitter: Splitter,
        grader: Grader,
        engine_fingerprint: str,
        store: Store,
    ) -> None:
        self._config = config
        self._problems = problems
        self._prompt = prompt
        self._splitter = splitter
        self._grader = grader
        self._sampling = config.generate.sampling.sampling()
        self._generator = engine_fingerprint
        self.store = store
        self._made_by = content_hash(
            GENERATE_VERSION,
            config.seed,
            engine_fingerprint,
            prompt.fingerprint,
            config.generate.fingerprint,
            *([GROWTH_VERSION] if config.generate.tree is not None else []),
        )
        self.fingerprint = content_hash(
            self._made_by, SPLIT_VERSION, config.steps.fingerprint, graded_by(config)
        )

    def pending(self, size: int) -> Iterator[list[Problem]]:
        done = self._done()
        todo = (self._problems[key] for key in sorted(self._problems) if key not in done)
        return chunked(todo, max(1, size // self._config.generate.samples))

    def counts(self) -> tuple[int, int]:
        return len(self._problems), len(self._done() & self._problems.keys())

    def item_id(self, item: Problem) -> str:
        return item.id

    def alone(self) -> None:
        """It samples."""

    async def make(self, item: Problem, engine: Engine | None) -> Rows:
        assert engine is not None
        n = self._config.generate.samples
        key = key_of(item)
        try:
            turns = self._prompt.fill({"question": item.question})
            prompt = engine.renderer.render(turns)
            result = await engine.sample(SampleRequest(prompt, self._sampling, n))
        except BadRequestError as error:
            return self._refused(item, key, error)
        share = replace(
            result.cost,
            calls=0,
            prompt_tokens=0,
            cached_tokens=0,
            completion_tokens=0,
            seconds=result.cost.seconds / n,
        )
        solutions = []
        for index, completion in enumerate(result.completions):
            # The call is charged to its first solution, sampled tokens to each their own.
            cost = replace(
                result.cost if index == 0 else share,
                completion_tokens=len(completion.token_ids) or result.cost.completion_tokens // n,
                seconds=share.seconds,
            )
            solution = await self._written(item, (), completion)
            solutions.append(
                replace(solution, index=index, token_ids=completion.token_ids, cost=cost)
            )
        if (tree := self._config.generate.tree) is not None:
            write = partial(self._written, item)
            solutions = await grown(solutions, tree, turns, self._sampling, engine, write)
        return [
            replace(s, id=content_hash(key, self._made_by, s.index, s.steps)) for s in solutions
        ]

    async def _written(
        self, item: Problem, given: tuple[str, ...], completion: Completion
    ) -> Solution:
        """The steps that were given and what was written after them; without an id."""
        solution = Solution(
            id="",
            problem_id=item.id,
            question=item.question,
            gold=item.answer,
            steps=tuple(self._splitter("".join(given) + completion.text)),
            generator=self._generator,
            finish_reason=completion.finish_reason,
            reference=item.reference,
            level=item.level,
            tests=item.tests,
            tables=item.tables,
            given=len(given),
        )
        if given and says_nothing("".join(given), completion.text, item):
            return replace(solution, outcome_reason=NO_ANSWER)
        return await graded(solution, self._grader, self._config.steps.max_steps)

    def _refused(self, item: Problem, key: str, error: BadRequestError) -> Refused:
        solution = Solution(
            id=content_hash(key, self._made_by, "refused"),
            problem_id=item.id,
            question=item.question,
            gold=item.answer,
            steps=(),
            generator=self._generator,
            outcome_reason=f"request refused: {error}",
            reference=item.reference,
            level=item.level,
            tests=item.tests,
            tables=item.tables,
        )
        return Refused(solution, str(error))

    def _done(self) -> set[str]:
        return {key_of_row(row) for row in self.store.rows(KEY_COLUMNS)}
