"""How uncertain the policy was of each step of a solution: its own tokens, scored. No token is sampled."""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple

from pipeline.engine.protocol import Engine, ScoreRequest, Turns
from pipeline.errors import BadRequestError
from pipeline.records import Cost, Solution
from pipeline.search.uncertainty import entropy


class Scored(NamedTuple):
    """`uncertainty` (T,), in nats; or the reason why there is none."""

    uncertainty: tuple[float, ...]
    cost: Cost
    reason: str | None = None


async def step_uncertainties(engine: Engine, turns: Turns, solution: Solution) -> Scored:
    """One scoring a step, behind the steps before it. Raises PrerequisiteError where the engine has none."""
    try:
        prompts = engine.renderer.prefixes(turns, solution.steps)
        requests = map(ScoreRequest, prompts, solution.steps)
        results = await asyncio.gather(*map(engine.score, requests))
    except BadRequestError as error:
        return Scored((), Cost(), f"request refused: {error}")
    cost = sum((result.cost for result in results), Cost())
    if any(not r.logprobs or not all(map(math.isfinite, r.logprobs)) for r in results):
        return Scored((), cost, "the engine gave no likelihood of a step")
    return Scored(tuple(entropy(result.logprobs) for result in results), cost)
