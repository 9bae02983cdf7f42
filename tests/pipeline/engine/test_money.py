from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import PriceConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.engine.money import Purse, at_most, dollars, recorded_costs, told
from pipeline.engine.protocol import Prompt, SampleRequest, Sampling
from pipeline.errors import BudgetSpentError
from pipeline.records import Cost


def test_a_price_is_for_a_million_tokens_and_cached_ones_may_be_cheaper() -> None:
    cost = Cost(1, 3_000_000, 1_000_000, 500_000)
    assert dollars(PriceConfig(input=0.15, output=0.60), cost) == pytest.approx(0.75)
    assert dollars(PriceConfig(input=0.15, output=0.60, cached=0.05), cost) == pytest.approx(0.65)


def test_no_call_can_cost_more_than_what_is_put_aside() -> None:
    request = SampleRequest(Prompt("2 + 2 = é"), Sampling(max_tokens=7), n=3)
    assert at_most(request) == Cost(1, 10, 0, 21)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0.00"),
        (12.5, "12.50"),
        (1234.567, "1,234.57"),
        (0.05, "0.050"),
        (0.002, "0.0020"),
        (0.000012345, "0.000012"),
    ],
)
def test_no_amount_is_told_as_nothing(amount: float, said: str) -> None:
    assert told(amount) == said


calls = st.lists(
    st.tuples(st.floats(0.01, 2.0), st.floats(0.0, 1.0), st.integers(0, 3)), max_size=40
)


@given(calls, st.floats(0.5, 20.0))
def test_whatever_is_asked_the_budget_is_kept_to_and_nearly_all_of_it_is_used(
    wanted: list[tuple[float, float, int]], budget: float
) -> None:
    """Calls at once: the most that each may cost, which share of that it does, and how long it takes."""
    refused: list[float] = []

    async def run() -> Purse:
        purse = Purse(budget)

        async def call(most: float, share: float, turns: int) -> None:
            try:
                await purse.put_aside(most)
            except BudgetSpentError:
                refused.append(most)
                return
            for _ in range(turns):
                await asyncio.sleep(0)
            purse.settle(most, most * share)

        await asyncio.gather(*(call(*one) for one in wanted))
        return purse

    purse = asyncio.run(run())
    assert purse.spent <= budget + 1e-6
    assert purse.empty == bool(refused)
    if refused:
        assert purse.spent + max(most for most, _, _ in wanted) > budget


def test_what_is_recorded_costs_the_same_before_and_after_it_is_compacted(tmp_path: Path) -> None:
    journal = CallJournal(tmp_path)

    async def write() -> None:
        for number in range(5):
            cost = Cost(1, 10 * number, number, 3, 0.5)
            name = "a" if number % 2 else "b"
            await journal.append(CallRecord(f"{number:016x}" * 2, name, "sample", "", cost=cost))

    asyncio.run(write())
    before = recorded_costs(tmp_path)
    journal.compact()
    journal.close()
    assert recorded_costs(tmp_path) == before
    assert before == {"a": Cost(2, 40, 4, 6, 1.0), "b": Cost(3, 60, 6, 9, 1.5)}
