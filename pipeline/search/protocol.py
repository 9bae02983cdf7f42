"""Where is the first error? A strategy is a small state machine without I/O.

`next()` names the rollouts it wants; each outcome is given back with `observe`, in any order; when
all of one round are back, `next()` is asked again; an empty round means it has finished. The same
object runs against vLLM, a replay or a simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.records import Outcome, ProbeCount


@dataclass(frozen=True, slots=True)
class Probe:
    """`rollouts` continuations from the prefix that holds the first `prefix` steps."""

    prefix: int
    rollouts: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search ends with: a first error (-1: none), or None and why."""

    first_error: int | None
    reason: str | None = None
    log_likelihood: tuple[float, ...] | None = None


class Search(Protocol):
    """One search of one solution of `n_steps` steps whose outcome is known."""

    def next(self) -> list[Probe]: ...

    def observe(self, prefix: int, outcome: Outcome) -> None: ...

    def finding(self) -> Finding: ...

    @property
    def counts(self) -> tuple[ProbeCount, ...]: ...


class Strategy(Protocol):
    """Makes a search for a solution. One file each in this folder; see CONTRIBUTING."""

    def start(self, n_steps: int, outcome: Outcome) -> Search: ...
