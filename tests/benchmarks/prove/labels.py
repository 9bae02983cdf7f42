"""The same solutions, labelled five ways, and what each way sampled for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.config import CascadeConfig
from pipeline.consensus.agree import agree
from pipeline.consensus.cascade import Cascade, learn
from pipeline.consensus.expected import tokens_of
from pipeline.consensus.majority import majority
from pipeline.consensus.posterior import KnowingPosterior, PosteriorRule, learned_of
from pipeline.consensus.replay import as_asked, replay
from pipeline.evaluate.panel import UNDECIDED, Bools, Floats, Ints
from pipeline.join import Annotated
from pipeline.testbed.oracle import judge_solution
from tests.benchmarks.consensus.rules import named_by

METHODS = ("bisection", "agree", "majority", "posterior", "oracle")
JUDGES = ("judge", "second")
CHECKS = ("arithmetic",)
PRECISION = 0.85
"""Of the posterior's labels. A PRM learns more from more labels than from surer ones: of .85, .9 and .95
this one gave the best F1 (.634, .564, .578) on the problems that thresholds are chosen by, over three seeds
that the table doesn't have."""
PILOT = 200
"""Solutions that the posterior hears all witnesses of, to learn from: a tenth of them. A thousand, as in the
recipe, would be half."""
GOLD = 100
"""Of the pilot: those that the oracle names the first error of, as a person would with `steplabel review`.
Without them these two judges, which stumble together, are "not identified", and nothing is labelled."""


@dataclass(frozen=True)
class Labelled:
    """One method's first errors (n,), UNDECIDED of what it sets aside, and the tokens that it sampled for
    each solution (n,)."""

    named: Ints
    tokens: Floats

    @property
    def labelled(self) -> Bools:
        found: Bools = self.named != UNDECIDED
        return found

    def errors(self, truth: Ints, use: Bools) -> float:
        """Share of all solutions without the right label, those that aren't in `use` among them."""
        return float(1 - np.mean(use & (self.named == truth)))


def truth_of(items: Sequence[Annotated]) -> Ints:
    found = (judge_solution(i.solution.question, i.solution.steps).first_error for i in items)
    return np.array(list(found), dtype=np.int64)


def labelled(items: Sequence[Annotated]) -> dict[str, Labelled]:
    """All of them, by every method but the posterior."""
    cheap = [ending_early(item) for item in items]
    bisected = [item.verdicts["rollouts"].first_error for item in items]
    named = np.array([UNDECIDED if one is None else one for one in bisected], dtype=np.int64)
    return {
        "bisection": Labelled(named, _tokens(items, ("rollouts",))),
        "agree": Labelled(
            named_by(agree, items, ("rollouts", "judge"), CHECKS),
            _tokens(cheap, ("rollouts", "judge")),
        ),
        "majority": Labelled(
            named_by(majority, items, ("rollouts", *JUDGES), CHECKS),
            _tokens(cheap, ("rollouts", *JUDGES)),
        ),
        "oracle": Labelled(truth_of(items), np.zeros(len(items))),
    }


class Weighing:
    """The recipe `steplabel` with a second judge and `GOLD` rows by hand: a cascade, replayed on the panel's
    verdicts, and the posterior of what it heard. The first of `items` are its pilot, the first of those
    its gold."""

    witnesses = ("rollouts", *JUDGES, *CHECKS)

    def __init__(self, items: Sequence[Annotated], gold: int = GOLD) -> None:
        self._items = [ending_early(item) for item in items]
        pilot = self._items[:PILOT]
        named = dict(
            zip((i.solution.id for i in pilot), truth_of(pilot[:gold]).tolist(), strict=False)
        )
        truth = [named.get(item.solution.id) for item in pilot]
        options = CascadeConfig(pilot=PILOT)
        learned = learned_of(PosteriorRule(PRECISION).learn(pilot, self.witnesses, named))
        self.identified = learned.identified
        facts = learn(pilot, truth, self.witnesses, learned)
        self._cascade = Cascade(facts, self.witnesses, options.confidence, options.worth)
        asked = as_asked(learned, pilot, truth, self.witnesses, options, PRECISION)
        self._rule = KnowingPosterior(PRECISION, asked)
        self._pilot_tokens = sum(tokens_of(item.verdicts) for item in pilot)

    def labelled(self) -> Labelled:
        """All are asked as much as they are worth."""
        return self._fused(None)

    def within(self, budget: float) -> Labelled:
        """What to spend the tokens on, the pilot's among them, is the cascade's choice, as with
        `cascade.budget_tokens`. It goes by what it expects to pay, so it is told of less until it keeps
        within them. Raises ValueError where they don't pay for the pilot."""
        if budget < self._pilot_tokens:
            raise ValueError(f"{budget:.0f} tokens don't pay for a pilot of {self._pilot_tokens}")
        told = budget
        while (over := float((found := self._fused(told)).tokens.sum()) - budget) > 0:
            told -= over
        return found

    def _fused(self, budget: float | None) -> Labelled:
        left = None if budget is None else budget - self._pilot_tokens
        replayed = replay(self._items[PILOT:], self._cascade, left)
        heard = [*self._items[:PILOT], *(one.item for one in replayed)]
        tokens = [float(tokens_of(item.verdicts)) for item in heard]
        labels = self._rule(heard, self.witnesses, ())
        named = [
            one.first_error if one.first_error is not None and paid_for else UNDECIDED
            for one, paid_for in zip(labels, tokens, strict=True)
        ]
        return Labelled(np.array(named, dtype=np.int64), np.array(tokens))


def ending_early(item: Annotated) -> Annotated:
    """As if each probe had ended at its first success, which names the same: what a run would pay that wants
    no values. Expected over the orders in which the eight may come; a rollout costs as much as there are
    steps left."""
    verdict, steps = item.verdicts["rollouts"], len(item.solution.steps)
    sampled = early = 0.0
    for probe in verdict.probes:
        rollouts = probe.decided + probe.undecided
        sampled += rollouts * (steps - probe.prefix)
        needed = (rollouts + 1) / (probe.right + 1) if probe.right else rollouts
        early += needed * (steps - probe.prefix)
    share = early / sampled if sampled else 1.0
    cost = replace(verdict.cost, completion_tokens=round(share * verdict.cost.completion_tokens))
    return replace(item, verdicts=item.verdicts | {"rollouts": replace(verdict, cost=cost)})


def paid(method: Labelled, budget: float, order: Sequence[int]) -> Bools:
    """Which solutions a budget of tokens pays for in this order (n,)."""
    places = np.array(order)
    found = np.zeros(len(places), dtype=bool)
    found[places[np.cumsum(method.tokens[places]) <= budget]] = True
    return found


def order_of(n: int, seed: int) -> list[int]:
    """In which order the solutions are labelled."""
    return random.Random(f"prove-order-{seed}").sample(range(n), n)


def _tokens(items: Sequence[Annotated], names: Sequence[str]) -> Floats:
    spent = (sum(i.verdicts[name].cost.completion_tokens for name in names) for i in items)
    return np.array(list(spent), dtype=np.float64)
