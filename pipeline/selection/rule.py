"""What a rule of selection is: it sees every solution once, and then says which candidates go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from pipeline.columns import Reads
from pipeline.join import Annotated
from pipeline.records import content_hash

KEY = Reads(solution=frozenset({"question", "steps"}), label=frozenset({"first_error"}))
"""What `key_of` and `Label.kept` need."""


class Rule(Protocol):
    """`see` is called with each solution, and its number among the candidates; None where it is none,
    since it has no label. `removed` then gives (number, reason) of those of the candidates `left` that
    go. `keys` orders candidates by content. `reads`: the columns that it looks at, beside `KEY`."""

    @property
    def reads(self) -> Reads: ...

    def see(self, item: Annotated, number: int | None) -> None: ...

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]: ...


def key_of(item: Annotated) -> tuple[str, str]:
    """Orders solutions by content: the same in every order of the rows."""
    solution = item.solution
    return content_hash("select", solution.question, list(solution.steps)), solution.id


def in_order(numbers: Sequence[int], keys: Sequence[Any]) -> list[int]:
    return sorted(numbers, key=lambda number: keys[number])
