"""Evidence by Monte-Carlo rollouts: can the policy still reach the gold answer from here?

A search strategy (`pipeline.search`) names the prefixes to continue; the policy continues them; the
same grader that graded the solution grades the rollouts. One coroutine drives one solution, so
hundreds of searches share the engine.

It sees the first *fatal* step only: an error the answer doesn't depend on changes no rollout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from annotators.uncertainty import step_uncertainties
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options, SamplingConfig
from pipeline.engine.protocol import Engine, Prompt, SampleRequest
from pipeline.errors import ConfigError, RunError
from pipeline.grading import says_nothing
from pipeline.records import Cost, Outcome, Solution, Verdict, content_hash
from pipeline.search import (
    STRATEGIES,
    Known,
    LearningStrategy,
    PilotSearch,
    Probe,
    Search,
    Strategy,
    make_strategy,
)

VERSION = 4
MOST_ROUNDS = 100
"""Rounds of a search for each step of the solution; one that asks for more has no end."""


class RolloutOptions(Options):
    strategy: str = Field(
        "bisection",
        description=f"{', '.join(STRATEGIES)}, or module:Class of yours",
    )
    search: dict[str, Any] = Field(default_factory=dict, description="the strategy's own options")
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    role: str = Field("policy", description="the engine that continues the prefixes")
    hints: tuple[str, ...] = Field(
        (),
        description="annotators whose verdicts the search starts from, as far as it learns to trust "
        "them; `bayesian` does, the others take no hints",
    )


class RolloutAnnotator:
    OPTIONS: ClassVar[type[Options]] = RolloutOptions
    uses_outcome = True

    def __init__(
        self,
        name: str,
        options: RolloutOptions,
        strategy: Strategy | None = None,
        known: Any = None,
    ) -> None:
        """`strategy`: what the options name, or a form of it that knows `known`."""
        self.name = name
        self.role: str | None = options.role
        named, search = make_strategy(options.strategy, options.search, f"annotators.{name}.search")
        if options.hints and not isinstance(named, LearningStrategy):
            raise ConfigError(
                f"annotators.{name}.hints: the strategy {options.strategy!r} takes none; `bayesian` learns "
                "how far to trust them"
            )
        once = options.search.get("rollouts") == 1 and not isinstance(named, LearningStrategy)
        if options.sampling.temperature == 0 and options.strategy in STRATEGIES and not once:
            raise ConfigError(
                f"annotators.{name}.sampling.temperature: greedy rollouts are all the same, and several are "
                "asked for; raise it above 0, or ask for one (search: {rollouts: 1})"
            )
        self._options = options
        self._strategy = strategy or named
        self._sampling = options.sampling.sampling()
        self.scores_texts = bool(getattr(named, "TAKES_UNCERTAINTY", False))
        self.hinted_by = options.hints
        self.pilot_size = named.pilot_size if isinstance(named, LearningStrategy) else 0
        self.teaching = named.teaching if isinstance(named, LearningStrategy) else 0
        self.fingerprint = content_hash(
            VERSION,
            getattr(named, "VERSION", None),
            options.fingerprint,
            search.fingerprint,
            known,
        )

    def pilot(self) -> RolloutAnnotator:
        assert isinstance(self._strategy, LearningStrategy)
        return RolloutAnnotator(self.name, self._options, self._strategy.pilot(), "pilot")

    def learn(self, pilot: Sequence[tuple[Solution, Verdict]], tools: Tools) -> dict[str, Any]:
        assert isinstance(self._strategy, LearningStrategy)
        searches = (
            PilotSearch(len(s.steps), s.outcome, verdict.probes, tools.known(s, self._sampling))
            for s, verdict in pilot
        )
        return self._strategy.learn(list(searches))

    def knowing(self, facts: dict[str, Any]) -> RolloutAnnotator:
        assert isinstance(self._strategy, LearningStrategy)
        return RolloutAnnotator(self.name, self._options, self._strategy.knowing(facts), facts)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """What the strategy asks for where two rollouts of three from a good prefix succeed and none
        from a bad one: a wrong solution errs in its middle, a right one nowhere."""
        steps = max(1, round(solution.steps))
        lengths = 0.0
        for outcome, share, last_good in (
            (Outcome.INCORRECT, solution.wrong, steps // 2),
            (Outcome.CORRECT, 1 - solution.wrong, steps),
        ):
            its_own = solution.sampling is not None and self._sampling.is_like(solution.sampling)
            known = solution.known if its_own and outcome is Outcome.INCORRECT else ()
            search = self._strategy.start(steps, outcome, Known(rollouts=known))
            asked = 0
            for probes in rounds(search, steps, self.name):
                for probe in probes:
                    for _ in range(probe.rollouts):
                        asked += 1
                        good = probe.prefix <= last_good and asked % 3 > 0
                        search.observe(probe.prefix, Outcome.CORRECT if good else Outcome.INCORRECT)
                        lengths += share * (1 - probe.prefix / steps)
        return lengths * min(solution.tokens, self._sampling.max_tokens)

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        assert tools.engine is not None
        known, cost = tools.known(solution, self._sampling), Cost()
        if self.scores_texts and solution.outcome is Outcome.INCORRECT:
            turns = tools.prompt.fill({"question": solution.question})
            scored = await step_uncertainties(tools.engine, turns, solution)
            if scored.reason is not None:
                return Verdict(solution.id, self.name, None, scored.reason, cost=scored.cost)
            known, cost = replace(known, uncertainty=scored.uncertainty), scored.cost
        search = self._strategy.start(len(solution.steps), solution.outcome, known)
        prompts: list[Prompt] = []
        drawn: dict[int, int] = {}
        for probes in rounds(search, len(solution.steps), self.name):
            if not prompts:
                turns = tools.prompt.fill({"question": solution.question})
                prompts = tools.engine.renderer.prefixes(turns, solution.steps)
            asked = [
                self._probe(p, drawn, prompts, search, solution, tools, tools.engine)
                for p in probes
            ]
            costs = await asyncio.gather(*asked) if len(asked) > 1 else [await asked[0]]
            cost = sum(costs, cost)
        found = search.finding()
        return Verdict(
            solution.id,
            self.name,
            found.first_error,
            found.reason,
            log_likelihood=found.log_likelihood,
            confidence=found.confidence,
            probes=search.counts,
            cost=cost,
        )

    async def _probe(
        self,
        probe: Probe,
        drawn: dict[int, int],
        prompts: list[Prompt],
        search: Search,
        solution: Solution,
        tools: Tools,
        engine: Engine,
    ) -> Cost:
        draw = drawn.get(probe.prefix, 0)
        drawn[probe.prefix] = draw + 1
        prompt = prompts[probe.prefix]
        result = await engine.sample(SampleRequest(prompt, self._sampling, probe.rollouts, draw))
        # The answer may stand in the prefix already, so the whole text is graded.
        answer_so_far = "".join(solution.steps[: probe.prefix])
        for completion in result.completions:
            if says_nothing(answer_so_far, completion.text, solution):
                search.observe(probe.prefix, Outcome.UNDECIDED)
                continue
            grade = await tools.grader.attempt(
                answer_so_far + completion.text, solution, completion.finish_reason
            )
            search.observe(probe.prefix, grade.outcome)
        return result.cost


def rounds(search: Search, n_steps: int, name: str) -> Iterator[list[Probe]]:
    """What a search asks for, round by round. Raises RunError for a strategy that has no end or asks
    for what there is not."""
    for _ in range(MOST_ROUNDS * (n_steps + 1)):
        probes = search.next()
        if not probes:
            return
        for probe in probes:
            if not 0 <= probe.prefix < n_steps or probe.rollouts < 1:
                raise RunError(
                    f"annotators.{name}: the strategy asks for {probe} of {n_steps} steps"
                )
        yield probes
    raise RunError(
        f"annotators.{name}: the strategy asked {MOST_ROUNDS * (n_steps + 1)} times for rollouts of one "
        f"solution of {n_steps} steps, without an end"
    )
