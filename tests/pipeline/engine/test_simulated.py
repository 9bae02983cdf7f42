from __future__ import annotations

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import EngineConfig
from pipeline.engine.protocol import SampleRequest, Sampling, ScoreRequest, Turns
from pipeline.engine.simulated import SimulatedEngine, simulated_problem, simulated_truth


def engine(seed: int = 1, **args: float) -> SimulatedEngine:
    return SimulatedEngine(EngineConfig(kind="simulated", model="fake", args=args), seed)


def request(steps: str, number: int = 7, n: int = 1, draw: int = 0) -> SampleRequest:
    turns = Turns(simulated_problem(number).question)
    return SampleRequest(engine().renderer.render(turns, steps), Sampling(), n, draw)


def share_right(policy: SimulatedEngine, steps: str) -> float:
    result = asyncio.run(policy.sample(request(steps, n=4000)))
    gold = simulated_problem(7).answer
    return sum(c.text.endswith(f"#### {gold}") for c in result.completions) / 4000


def test_rollouts_succeed_by_value_from_a_good_prefix_and_by_luck_from_a_bad_one() -> None:
    policy = engine(value=0.7, luck=0.2)
    assert abs(share_right(policy, "Step 1 of 9: good\n") - 0.7) < 0.04
    assert abs(share_right(policy, "Step 1 of 9: good\nStep 2 of 9: bad\n") - 0.2) < 0.04


def test_the_same_call_gives_the_same_answer_in_any_order() -> None:
    calls = [request("", number, n=2, draw=draw) for number in range(20) for draw in range(3)]

    async def ask(order: list[SampleRequest]) -> dict[SampleRequest, object]:
        policy = engine()
        return {call: (await policy.sample(call)).completions for call in order}

    assert asyncio.run(ask(calls)) == asyncio.run(ask(calls[::-1]))


def test_draw_index_and_seed_each_give_another_sample() -> None:
    async def texts(policy: SimulatedEngine, draw: int) -> list[str]:
        return [c.text for c in (await policy.sample(request("", n=50, draw=draw))).completions]

    one, two, other = (
        asyncio.run(texts(engine(seed), draw)) for seed, draw in ((1, 0), (1, 1), (2, 0))
    )
    assert one != two
    assert one != other
    assert len(set(one)) > 5


@given(number=st.integers(0, 10**6))
def test_an_incorrect_solution_has_a_first_error(number: int) -> None:
    problem = simulated_problem(number)
    result = asyncio.run(engine().sample(request("", number, n=4)))
    for completion in result.completions:
        right = completion.text.endswith(f"#### {problem.answer}")
        assert right or simulated_truth(completion.text, problem.answer) >= 0


def test_a_judges_votes_are_right_with_the_set_chance() -> None:
    judge = engine(judge=0.9)
    solution = "Step 1 of 2: good\nStep 2 of 2: bad\n#### 1"
    prompt = judge.renderer.render(
        Turns(f"{simulated_problem(3).question}\n{solution}\nSay \\boxed{{-1}} if all is right.")
    )
    votes = asyncio.run(judge.sample(SampleRequest(prompt, Sampling(), 1000))).completions
    assert abs(sum(v.text.endswith("\\boxed{1}") for v in votes) / 1000 - 0.9) < 0.05


def test_a_completion_is_cut_at_max_tokens() -> None:
    call = SampleRequest(request("").prompt, Sampling(max_tokens=3))
    completion = asyncio.run(engine().sample(call)).completions[0]
    assert completion.finish_reason == "length"
    assert len(completion.text.split()) == 3


def test_the_gold_answer_is_as_likely_as_a_rollout_is_right() -> None:
    policy = engine(value=0.7, luck=0.2)
    gold = simulated_problem(7).answer
    for steps, chance in (("Step 1 of 9: good\n", 0.7), ("Step 1 of 9: bad\n", 0.2)):
        asked = ScoreRequest(request(steps).prompt, f"#### {gold}")
        scored = asyncio.run(policy.score(asked))
        assert len(scored.logprobs) == 2
        assert scored.logprobs[-1] == math.log(chance)
        assert asyncio.run(policy.score(asked)) == scored
