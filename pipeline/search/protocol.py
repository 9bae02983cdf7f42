"""Where is the first error? A strategy is a small state machine without I/O.

`next()` names the rollouts it wants; each outcome is given back with `observe`, in any order; when
all of one round are back, `next()` is asked again; an empty round means it has finished. The same
object runs against vLLM, a replay or a simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from pipeline.config import Options
from pipeline.records import Outcome, ProbeCount
from pipeline.search.hints import Hint

NO_SIBLINGS = ProbeCount(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a solution before its search, and paid for already.

    `siblings`: how other solutions to the problem by the same policy came out, in `ProbeCount`'s words
    rollouts from prefix 0. `rollouts`: from prefixes 1..T-1, one count a prefix. `hints`: what other
    annotators said. `uncertainty` (T,): of the policy, at each step, where the strategy takes it.
    """

    siblings: ProbeCount = NO_SIBLINGS
    rollouts: tuple[ProbeCount, ...] = ()
    hints: tuple[Hint, ...] = ()
    uncertainty: tuple[float, ...] = ()


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Probe:
    """`rollouts` continuations from the prefix that holds the first `prefix` steps."""

    prefix: int
    rollouts: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search ends with: a first error (-1: none), or None and why. `confidence`: the posterior
    of its likeliest first error, where it has one."""

    first_error: int | None
    reason: str | None = None
    log_likelihood: tuple[float, ...] | None = None
    confidence: float | None = None


class Search(Protocol):
    """One search of one solution of `n_steps` steps whose outcome is known."""

    def next(self) -> list[Probe]: ...

    def observe(self, prefix: int, outcome: Outcome) -> None: ...

    def finding(self) -> Finding: ...

    @property
    def counts(self) -> tuple[ProbeCount, ...]: ...


class Strategy(Protocol):
    """Makes a search for a solution. One file each in this folder; see CONTRIBUTING.

    It may leave aside what is `known`, but for the rollouts: the search's `counts` begin with them. A
    class may have a `VERSION`: raise it when its findings change, and they are made anew; and
    `TAKES_UNCERTAINTY`, where the policy is to score each solution before its search.
    """

    OPTIONS: ClassVar[type[Options]]

    def __init__(self, options: Any) -> None: ...

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> Search: ...


@dataclass(frozen=True, slots=True)
class PilotSearch:
    """A finished search, to learn from."""

    n_steps: int
    outcome: Outcome
    counts: tuple[ProbeCount, ...]
    known: Known = NOTHING_KNOWN


@runtime_checkable
class LearningStrategy(Strategy, Protocol):
    """A strategy with priors. `learn` makes them, as JSON, from `pilot_size` searches that `pilot()` made,
    and again from those and others that were made `knowing` what these taught, `teaching` in all."""

    pilot_size: int
    teaching: int

    def pilot(self) -> Strategy: ...

    def learn(self, pilot: Sequence[PilotSearch]) -> dict[str, Any]: ...

    def knowing(self, facts: dict[str, Any]) -> Strategy: ...
