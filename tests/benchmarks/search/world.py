"""A world for searches: solutions whose first error is known, and the rollouts there are from each
prefix. Every search draws the same rollouts in the same order, so that methods differ in what they
ask for and in nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.records import NO_ERROR, Outcome
from pipeline.search import NOTHING_KNOWN, Known, PilotSearch, Search, Strategy
from pipeline.search.bayesian import BayesianOptions, bits_per_price, seen_of
from pipeline.search.belief import Belief, Seen
from pipeline.search.hints import Heard, heard_all
from pipeline.search.priors import Priors

Array = NDArray[np.float64]


class Rollout(NamedTuple):
    outcome: Outcome
    tokens: float


class Pool(Protocol):
    """The rollouts of one solution. An exhausted prefix begins anew, which is counted."""

    def draw(self, prefix: int, number: int) -> Rollout: ...

    def size(self, prefix: int) -> int | None: ...


@dataclass(frozen=True)
class Case:
    """One solution. `fatal` is the first step that the answer can't recover from (what rollouts
    see), `wrong` the first wrong one; -1: none. `tokens`: those of the whole solution. `paid`: what
    is `known` of it cost, charged before the first rollout."""

    n_steps: int
    fatal: int
    wrong: int
    outcome: Outcome
    pool: Pool
    tokens: float = 1.0
    known: Known = NOTHING_KNOWN
    paid: float = 0.0


@dataclass(frozen=True)
class Played:
    """What a search ended with. `named` is None where it abstained; `best` is its best guess even
    then."""

    named: int | None
    best: int
    tokens: float
    rollouts: int
    reused: int = 0


class Ledger:
    """What one search has drawn from a case's pool."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._drawn: Counter[int] = Counter()
        self.tokens = case.paid
        self.rollouts = 0
        self.reused = 0

    def draw(self, prefix: int) -> Outcome:
        number = self._drawn[prefix]
        self._drawn[prefix] += 1
        size = self._case.pool.size(prefix)
        self.reused += size is not None and number >= size
        rollout = self._case.pool.draw(prefix, number)
        self.tokens += rollout.tokens
        self.rollouts += 1
        return rollout.outcome


def drive(search: Search, case: Case) -> Ledger:
    """Give a search the case's rollouts until it has ended."""
    ledger = Ledger(case)
    while probes := search.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                search.observe(probe.prefix, ledger.draw(probe.prefix))
    return ledger


def play(strategy: Strategy, case: Case) -> Played:
    search = strategy.start(case.n_steps, case.outcome, case.known)
    ledger = drive(search, case)
    found = search.finding()
    best = found.first_error
    if found.log_likelihood is not None and found.confidence is not None and best is None:
        best = int(np.argmax(search.belief().posterior)) + NO_ERROR  # type: ignore[attr-defined]
    if best is None:  # right after the last prefix that is known to be good
        best = max((c.prefix for c in search.counts if c.right), default=0)
    return Played(found.first_error, best, ledger.tokens, ledger.rollouts, ledger.reused)


@dataclass(frozen=True)
class Moment:
    """A Bayesian search after one of its probes: what it has spent, its posterior (T+1,) over
    e = -1..T-1, the bits that its next probe would tell for a whole solution's tokens, and how sure it
    is of the likeliest e."""

    tokens: float
    rollouts: int
    posterior: Array
    told: float
    reused: int
    sure: float

    @property
    def best(self) -> int:
        return int(self.posterior.argmax()) + NO_ERROR


class Traces(NamedTuple):
    """The moments of each search, and what each had seen at its end."""

    moments: list[list[Moment]]
    seen: list[Seen]


def traces(
    cases: Sequence[Case],
    priors: Priors,
    *,
    sure: float,
    budget: float,
    rollouts: int = 1,
    overhead: float = BayesianOptions().overhead,
) -> Traces:
    """Every moment of the Bayesian searches of `cases`, all of one length, in lockstep.

    Which probe comes next doesn't depend on the confidence that ends a search, so that one search to
    a high confidence holds those to every lower one. `budget`: most that one samples, in whole
    solutions.
    """
    steps = cases[0].n_steps
    ledgers = [Ledger(case) for case in cases]
    spent = np.zeros(len(cases))
    right, wrong = np.zeros((len(cases), steps + 1)), np.zeros((len(cases), steps + 1))
    for row, case in enumerate(cases):
        seen = seen_of(PilotSearch(steps, case.outcome, (), case.known))
        right[row], wrong[row] = seen.right, seen.wrong
    hints = [heard_all(case.known.hints, priors.reliability, steps) for case in cases]
    heard = Heard(np.stack([one.wrong for one in hints]), np.stack([one.fatal for one in hints]))
    moments: list[list[Moment]] = [[] for _ in cases]
    going = np.arange(len(cases))
    while len(going):
        belief = Belief(
            priors, Seen(right[going], wrong[going]), Heard(heard.wrong[going], heard.fatal[going])
        )
        told = bits_per_price(belief, steps, overhead)
        surest, best = belief.posterior.max(axis=1), told.max(axis=1)
        for at, row in enumerate(going):
            ledger = ledgers[row]
            moments[row].append(
                Moment(
                    ledger.tokens,
                    ledger.rollouts,
                    belief.posterior[at],
                    float(best[at]),
                    ledger.reused,
                    float(surest[at]),
                )
            )
        more = (surest < sure) & (spent[going] < budget)
        for row, prefix in zip(going[more], told[more].argmax(axis=1), strict=True):
            for _ in range(rollouts):
                outcome = ledgers[row].draw(int(prefix))
                right[row, prefix] += outcome is Outcome.CORRECT
                wrong[row, prefix] += outcome is Outcome.INCORRECT
            spent[row] += rollouts * (steps - prefix) / steps
        going = going[more]
    return Traces(moments, [Seen(*both) for both in zip(right, wrong, strict=True)])


def traces_of_all(cases: Sequence[Case], priors: Priors, **options: float) -> Traces:
    """`traces` of cases of any lengths, in their order."""
    moments: list[list[Moment]] = [[] for _ in cases]
    seen: list[Seen | None] = [None] * len(cases)
    for steps in {case.n_steps for case in cases}:
        numbers = [i for i, case in enumerate(cases) if case.n_steps == steps]
        found = traces([cases[i] for i in numbers], priors, **options)  # type: ignore[arg-type]
        for number, of_one, its in zip(numbers, found.moments, found.seen, strict=True):
            moments[number], seen[number] = of_one, its
    return Traces(moments, [s for s in seen if s is not None])


def stopped(moments: Sequence[Moment], confidence: float) -> Played:
    """The search as it would have ended at `confidence`."""
    end = next((m for m in moments if m.sure >= confidence), moments[-1])
    named = end.best if end.sure >= confidence else None
    return Played(named, end.best, end.tokens, end.rollouts, end.reused)


def unworthy(moments: Sequence[Moment], worth: float) -> Played:
    """The search as it would have ended where no probe tells `worth` bits for its price."""
    end = next((m for m in moments if m.told < worth), moments[-1])
    return Played(end.best, end.best, end.tokens, end.rollouts, end.reused)


def at_tokens(moments: Sequence[Moment], tokens: float) -> Moment:
    """The last moment that had cost no more than `tokens`, or the first of all."""
    return next((m for m in reversed(moments) if m.tokens <= tokens), moments[0])
