"""TinyMath's hard split with its real policy: rollouts are sampled once, 16 from every prefix, and
replayed to every search in the same order. Where one asks for more than there are, they begin anew,
which is counted.

The solutions come from an annotation run; the pool's calls go through the same journal, so that a
killed benchmark goes on where it was.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress

from annotators.registry import make_annotators
from annotators.uncertainty import step_uncertainties
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.engine.protocol import SampleRequest
from pipeline.engine.room import EngineRoom
from pipeline.grading import Grader
from pipeline.join import Annotated, annotated
from pipeline.parts import PROMPTS
from pipeline.pass_rates import PassRates
from pipeline.prompts import load_prompt
from pipeline.records import Outcome, ProbeCount, content_hash
from pipeline.run_folder import RunFolder
from pipeline.search import NO_SIBLINGS, Hint, Known
from pipeline.testbed.facts import parse_problem
from pipeline.testbed.grammar import kind_of
from pipeline.testbed.oracle import judge_solution
from tests.benchmarks.quality import HARD, RECIPE
from tests.benchmarks.search.world import Case, Rollout

A_PREFIX = 16
RIGHT = 300
PILOT = 200
SAMPLES = 5
AT_ONCE = 24
"""Solutions whose rollouts are in flight: what a killed benchmark may have to ask again."""


@dataclass(frozen=True)
class PooledCase(Case):
    """`few`: few answers are possible or a fact is redundant, so that luck exists. `q`: share of the
    pool's rollouts from after the fatal step that came right; None where that is the last step.
    The searches then draw the same rollouts: a stratum by q is chosen by what they see. `vote`: a
    judge's first vote, of `vote_tokens`. `uncertainty`: the policy's, at each step."""

    few: bool = False
    q: float | None = None
    problem: str = ""
    siblings: ProbeCount = NO_SIBLINGS
    vote: tuple[Hint, ...] = ()
    vote_tokens: float = 0.0
    uncertainty: tuple[float, ...] = ()

    def knowing(self, *, siblings: bool, vote: bool, charged: bool = True) -> PooledCase:
        """The case as a search that is told of its siblings or its vote sees it, and pays for it. A
        sibling costs as much as the solution itself."""
        of_siblings = self.siblings.decided * self.tokens if siblings and charged else 0.0
        known = Known(
            siblings=self.siblings if siblings else NO_SIBLINGS,
            hints=self.vote if vote else (),
            uncertainty=self.uncertainty,
        )
        return replace(self, known=known, paid=of_siblings + vote * self.vote_tokens)


class Pooled:
    """Sampled rollouts of one solution, by prefix, in an order of their own."""

    def __init__(self, rollouts: Sequence[Sequence[Rollout]]) -> None:
        self._rollouts = rollouts

    def size(self, prefix: int) -> int | None:
        return len(self._rollouts[prefix])

    def draw(self, prefix: int, number: int) -> Rollout:
        pool = self._rollouts[prefix]
        return pool[number % len(pool)]


def solutions_run(folder: Path) -> RunConfig:
    """The hard split's solutions, with the judge's votes beside them."""
    config = RunConfig.load(
        RECIPE,
        [
            f"problems.path={HARD}",
            "problems.limit=null",
            f"generate.samples={SAMPLES}",
            "name=search-solutions",
        ],
    )
    kinds = {name: options for name, options in config.annotators.items() if name != "rollouts"}
    consensus = config.consensus.model_copy(update={"witnesses": ("judge",)})
    return config.model_copy(
        update={"runs_dir": str(folder), "annotators": kinds, "consensus": consensus}
    )


@dataclass(frozen=True)
class World:
    """`pilot`: solutions as they come, to learn from. The others are scored: every wrong-outcome
    one, and some of the right ones. In a run those teach too, without their truth: `others`, of which as many
    are wrong for each that is right as in the pilot."""

    pilot: list[PooledCase]
    wrong: list[PooledCase]
    right: list[PooledCase]

    @property
    def others(self) -> list[PooledCase]:
        failed = sum(case.outcome is Outcome.INCORRECT for case in self.pilot)
        number = round(len(self.right) * failed / (len(self.pilot) - failed))
        return [*self.right, *self.wrong[:number]]


def chosen(items: Sequence[Annotated]) -> tuple[list[Annotated], list[Annotated]]:
    """(pilot, scored), of the solutions with a decided outcome and two steps or more."""
    usable = [
        i
        for i in items
        if len(i.solution.steps) > 1 and i.solution.outcome is not Outcome.UNDECIDED
    ]
    usable.sort(key=lambda i: content_hash("search", i.solution.problem_id, i.solution.text))
    pilot, rest = usable[:PILOT], usable[PILOT:]
    wrong = [i for i in rest if i.solution.outcome is Outcome.INCORRECT]
    right = [i for i in rest if i.solution.outcome is Outcome.CORRECT]
    return pilot, wrong + right[:RIGHT]


async def pool(config: RunConfig, items: Sequence[Annotated], folder: Path) -> list[PooledCase]:
    """Sample what the folder's journal doesn't hold yet, and grade all of it."""
    rates = PassRates.of(RunFolder(config.folder).solutions)
    prompt = load_prompt(config.generate.prompt, PROMPTS)
    sampling = config.generate.sampling.sampling()
    room, grader = EngineRoom(config, 77), Grader(config.grading)
    cases: dict[int, PooledCase] = {}
    try:
        async with room.recorded("policy", folder / "pool") as engine:
            with Progress() as progress:
                bar = progress.add_task("rollouts pooled", total=len(items))

                async def one(item: Annotated) -> PooledCase:
                    solution = item.solution
                    turns = prompt.fill({"question": solution.question})
                    prefixes = engine.renderer.prefixes(turns, solution.steps)[:-1]
                    results = await asyncio.gather(
                        *(engine.sample(SampleRequest(p, sampling, A_PREFIX)) for p in prefixes)
                    )
                    rollouts = []
                    for prefix, result in enumerate(results):
                        so_far = "".join(solution.steps[:prefix])
                        graded = []
                        for c in result.completions:
                            grade = await grader.grade(
                                so_far + c.text, solution.gold, c.finish_reason
                            )
                            graded.append(Rollout(grade.outcome, float(len(c.token_ids))))
                        random.Random(f"{solution.id} {prefix}").shuffle(graded)
                        rollouts.append(graded)
                    scored = await step_uncertainties(engine, turns, solution)
                    progress.advance(bar)
                    return _case(item, rollouts, rates, scored.uncertainty)

                waiting = iter(enumerate(items))

                async def worker() -> None:
                    for number, item in waiting:
                        cases[number] = await one(item)

                await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    finally:
        await room.close()
        await grader.close()
    return [cases[number] for number in range(len(items))]


def _case(
    item: Annotated,
    rollouts: Sequence[Sequence[Rollout]],
    rates: PassRates,
    uncertainty: tuple[float, ...],
) -> PooledCase:
    solution, judged = item.solution, item.verdicts["judge"]
    first = judged.votes[0].first_error if judged.votes else None
    truth = judge_solution(solution.question, solution.steps)
    problem = parse_problem(solution.question)
    after = [
        r.outcome is Outcome.CORRECT
        for prefix, of in enumerate(rollouts)
        if 0 <= truth.first_fatal < prefix
        for r in of
    ]
    return PooledCase(
        len(solution.steps),
        truth.first_fatal,
        truth.first_error,
        solution.outcome,
        Pooled(rollouts),
        float(len(solution.token_ids)),
        few=kind_of(problem) != "value",
        q=sum(after) / len(after) if after else None,
        problem=solution.problem_id,
        siblings=rates.siblings(solution),
        vote=() if first is None else (Hint("judge", (first,)),),
        vote_tokens=judged.cost.completion_tokens / max(1, len(judged.votes)),
        uncertainty=uncertainty,
    )


def world(folder: Path) -> World:
    """Some 9 million tokens are sampled the first time; later calls replay them."""
    config = solutions_run(folder)
    asyncio.run(run_batch(config, make_annotators(config)))
    pilot, scored = chosen(list(annotated(RunFolder(config.folder))))
    cases = asyncio.run(pool(config, pilot + scored, folder))
    rest = cases[len(pilot) :]
    return World(
        cases[: len(pilot)],
        [c for c in rest if c.outcome is Outcome.INCORRECT],
        [c for c in rest if c.outcome is Outcome.CORRECT],
    )
