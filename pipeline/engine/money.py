"""What a run pays for its calls, and that it pays no more than it may."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import floor, log10
from pathlib import Path

from pipeline.config import PriceConfig, RunConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.protocol import SampleRequest, ScoreRequest
from pipeline.errors import BudgetSpentError
from pipeline.records import Cost

MILLION = 1_000_000


def dollars(price: PriceConfig, cost: Cost) -> float:
    """What calls of this cost are charged."""
    cached = price.input if price.cached is None else price.cached
    of_cache = min(cost.cached_tokens, cost.prompt_tokens)
    paid = (cost.prompt_tokens - of_cache) * price.input + of_cache * cached
    return (paid + cost.completion_tokens * price.output) / MILLION


def told(amount: float) -> str:
    """Dollars to the cent, and small ones to two digits that say something."""
    after_the_point = 2 if amount <= 0 else max(2, 1 - floor(log10(amount)))
    return f"{amount:,.{after_the_point}f}"


def at_most(request: SampleRequest | ScoreRequest) -> Cost:
    """What a call can cost: no token is shorter than a byte, and no completion longer than its limit."""
    text, ids = request.prompt.text, request.prompt.token_ids
    prompt = len(text.encode("utf-8", "replace")) if ids is None else len(ids)
    if isinstance(request, SampleRequest):
        return Cost(1, prompt, 0, request.n * request.sampling.max_tokens)
    return Cost(1, prompt + len(request.continuation.encode("utf-8", "replace")), 0, 1)


def recorded_costs(calls: Path) -> dict[str, Cost]:
    """Of the calls recorded in a folder, each once, by the engine's fingerprint."""
    if not calls.is_dir():
        return {}
    journal = CallJournal(calls, read_only=True)
    try:
        return journal.costs()
    finally:
        journal.close()


class Purse:
    """The run's budget; `spent` is in dollars, over all attempts: it begins with the recorded calls.

    A call puts aside the most that it can cost before it is made, and waits while that isn't free. So
    the budget is kept to where a server keeps to max_tokens and charges no failed call. Where a call
    can't be paid though none is under way, the purse is empty for the rest of the run. Belongs to one
    event loop.
    """

    def __init__(self, budget: float | None, spent: float = 0.0) -> None:
        self.budget = budget
        self.spent = spent
        self.empty = False
        self._aside = 0.0
        self._changed = asyncio.Event()

    @classmethod
    def of(cls, config: RunConfig, prices: Mapping[str, PriceConfig], calls: Path) -> Purse:
        """`prices` by fingerprint; `calls` holds a folder of recorded calls for each stage. What an engine
        without a price was asked costs nothing."""
        spent = 0.0
        if prices and calls.is_dir():
            for folder in sorted(calls.iterdir()):
                for name, cost in recorded_costs(folder).items():
                    spent += dollars(prices[name], cost) if name in prices else 0.0
        return cls(config.budget.dollars if config.budget else None, spent)

    async def put_aside(self, most: float) -> None:
        """Raises BudgetSpentError."""
        if self.budget is None:
            return
        while not self.empty and self.spent + self._aside + most > self.budget:
            if self._aside:
                await self._changed.wait()
                continue
            self.empty = True
            self._tell()
        if self.empty:
            raise BudgetSpentError(
                f"the budget is spent: {told(self.spent)} of {told(self.budget)} dollars, and the next call "
                f"may cost {told(most)}; raise budget.dollars and run the same command again"
            )
        self._aside += most

    def settle(self, most: float, paid: float) -> None:
        """A call ended that had put `most` aside."""
        self.spent += paid
        if self.budget is not None:
            self._aside -= most
            if self._aside < 1e-9:  # what is left of so many additions
                self._aside = 0.0
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
