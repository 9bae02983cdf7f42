"""What a stage is, what comes of an item and of a shard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pipeline.annotator import Tools
from pipeline.arrow import Record
from pipeline.engine.protocol import Engine
from pipeline.errors import BadRequestError, BudgetSpentError, EngineFaultError
from pipeline.shards import Store

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be made now. It is not written; the next run of the batch tries again."""

    id: str
    reason: str
    unpaid: bool = False
    """The budget didn't pay for it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine will never take what an item asks (too long, say): `row` says so, and is no label. Where
    it takes no request of the stage at all, that is a fault of engine or configuration instead."""

    row: Record
    reason: str


Rows = list[Record] | Refused

Alone = Callable[[Any, Tools], Awaitable[Rows]]
"""Makes an item's rows with the tools alone, so that any process can; it can be pickled."""

Elsewhere = Callable[[str, Alone, Sequence[tuple[str, Any]]], Awaitable[Sequence[Rows | Fault]]]
"""(stage, how, items with their ids) -> what came of each, made by other processes."""


@dataclass(frozen=True, slots=True)
class ShardResult:
    rows: int
    faults: tuple[Fault, ...]


class Stage(Protocol, Generic[ItemT]):
    """`role` names the engine it needs, `calls` where they are recorded. An item is what one
    coroutine works on."""

    name: str
    calls: str
    role: str | None
    store: Store
    fingerprint: str
    kind: type[Record]

    def pending(self, size: int) -> Iterator[list[ItemT]]:
        """Items not done yet, in shards of about `size` solutions. Read lazily: a batch may be larger
        than memory."""
        ...

    def counts(self) -> tuple[int, int]:
        """(items in all, items done)."""
        ...

    async def make(self, item: ItemT, engine: Engine | None) -> Rows:
        """The rows of one item. Raises EngineFaultError."""
        ...

    def alone(self) -> Alone | None:
        """How another process makes them; None where that takes an engine or what the run knows."""
        ...

    def item_id(self, item: ItemT) -> str: ...


async def attempt(item_id: str, made: Awaitable[Rows]) -> Rows | Fault:
    """What came of one item."""
    try:
        return await made
    except (EngineFaultError, BadRequestError) as error:
        return Fault(item_id, str(error), isinstance(error, BudgetSpentError))


async def run_shard(
    stage: Stage[Any],
    items: list[Any],
    engine: Engine | None,
    on_row: Callable[[], None],
    on_fault: Callable[[Fault], None],
    refusals: Refusals,
    elsewhere: Elsewhere | None = None,
) -> ShardResult:
    """Make all rows of one shard at once, here or `elsewhere`, and write them as one part."""

    def told(item: Any, made: Rows | Fault) -> list[Record] | Fault:
        if isinstance(made, Fault):
            on_fault(made)
            return made
        on_row()
        if isinstance(made, Refused):
            refusals.waiting.append((stage.item_id(item), made))
            return []
        refusals.some_taken = True
        return made

    async def one(item: Any) -> list[Record] | Fault:
        return told(item, await attempt(stage.item_id(item), stage.make(item, engine)))

    if elsewhere is not None and (alone := stage.alone()) is not None:
        named = [(stage.item_id(item), item) for item in items]
        made = await elsewhere(stage.name, alone, named)
        results = [told(item, each) for item, each in zip(items, made, strict=True)]
    else:
        results = await asyncio.gather(*(one(item) for item in items))
    rows = [row for result in results if not isinstance(result, Fault) for row in result]
    rows += refusals.settled()
    if rows:
        await asyncio.to_thread(stage.store.write, rows, stage.kind)
    return ShardResult(len(rows), tuple(r for r in results if isinstance(r, Fault)))


@dataclass(slots=True)
class Refusals:
    """What an engine refused of a stage, until it is known whether it takes any of its requests."""

    some_taken: bool = False
    waiting: list[tuple[str, Refused]] = field(default_factory=list)

    def settled(self) -> list[Record]:
        """Rows to be written now."""
        if not self.some_taken:
            return []
        refused, self.waiting = self.waiting, []
        return [each.row for _, each in refused]
