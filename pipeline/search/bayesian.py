"""Bayesian search for the first error: ask where the answer tells most for its price.

A posterior over the first error (`pipeline.search.belief`) chooses each probe: the prefix with the
most expected information about it per expected token. The search ends when one first error is sure
enough, when the budget is spent, or when no probe is worth its price; it names that first error
only if it is sure enough, and gives the likelihood of every other beside it.

Bisection (OmegaPRM) takes one success for proof that a prefix is good and k failures for proof that
it is bad. Here both are evidence: a recovery by luck and a good prefix that is hard are expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from pipeline.config import Options
from pipeline.records import NO_ERROR, Outcome, ProbeCount
from pipeline.search.belief import Belief, Seen
from pipeline.search.counts import CountedSearch
from pipeline.search.fit import fit_priors
from pipeline.search.hints import heard_all
from pipeline.search.priors import BROAD, Priors
from pipeline.search.protocol import NOTHING_KNOWN, Finding, Known, PilotSearch, Probe

PILOT_CONFIDENCE = 0.97
PILOT_AHEAD = 2.0
"""A pilot's rollouts teach even where the search could have done without them, and what it waits for, all
others wait for."""


class BayesianOptions(Options):
    confidence: float = Field(
        0.85, gt=0, lt=1, description="posterior at which a first error is named"
    )
    budget: float = Field(
        12.0, gt=0, description="most it may sample, in whole solutions' worth of tokens"
    )
    worth: float = Field(
        0.04, ge=0, description="bits a whole solution's worth of tokens must be expected to tell"
    )
    rollouts: int = Field(2, ge=1, description="rollouts of a probe")
    ahead: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the rollouts so far that may be asked for at once, so that long "
        "searches need few rounds; 0: one probe a round",
    )
    pilot: int = Field(
        200,
        ge=0,
        description="solutions whose searches teach how often the policy succeeds, recovers and "
        "errs where; their rollouts are used again",
    )
    teaching: int = Field(
        2000,
        ge=0,
        description="solutions that teach in all: the pilot, and others by their own searches under what it "
        "taught",
    )
    overhead: float = Field(
        0.1, ge=0, description="price of a rollout besides its tokens, in whole solutions"
    )
    spare: int = Field(
        2, ge=0, description="undecided rollouts a prefix may have beyond its decided ones"
    )


class Bayesian(CountedSearch):
    """One search over a solution of `n_steps` steps."""

    def __init__(
        self,
        options: BayesianOptions,
        priors: Priors,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(n_steps, outcome, known.rollouts)
        self._options = options
        self._priors = priors
        self._known = known
        self._heard = heard_all(known.hints, priors.reliability, n_steps)

    def next(self) -> list[Probe]:
        if self._outcome is Outcome.UNDECIDED or self._n_steps == 0:
            return []
        asked = sum(c.decided + c.undecided for c in self.counts)
        most = max(1, int(self._options.ahead * asked / self._options.rollouts))
        return list(islice(self._needed(), most))

    def _needed(self) -> Iterator[Probe]:
        """The next probes, were each to speak for the first error that is now the likeliest: a search
        that is far from sure needs several whatever they say."""
        seen, likeliest = self._seen(), None
        spent = self._sampled(self.counts) - self._sampled(self._known.rollouts)
        while True:
            belief = Belief(self._priors, seen, self._heard)
            if belief.posterior.max() >= self._options.confidence:
                return
            if likeliest is None:
                likeliest = int(belief.posterior.argmax()) - 1
            told = bits_per_price(belief, self._n_steps, self._options.overhead)
            told[self._unanswering()] = 0.0
            prefix = int(told.argmax())
            left = int((self._options.budget - spent) / self._length(prefix))
            if told[prefix] < self._options.worth or left < 1:
                return
            probe = Probe(prefix, min(self._options.rollouts, left))
            yield probe
            spent += probe.rollouts * self._length(prefix)
            good = likeliest == NO_ERROR or prefix <= likeliest
            (seen.right if good else seen.wrong)[prefix] += probe.rollouts

    def finding(self) -> Finding:
        if self._outcome is Outcome.UNDECIDED:
            return Finding(None, "the solution's outcome is undecided")
        belief = self.belief()
        likelihood = tuple(np.maximum(belief.log_likelihood, -700.0).tolist())
        best = int(belief.posterior.argmax())
        sure = float(belief.posterior[best])
        if sure < self._options.confidence:
            reason = f"not sure enough: below {self._options.confidence:g}"
            if prefixes := self._unanswering():
                reason += f"; too many undecided rollouts from prefix {prefixes[0]}"
            return Finding(None, reason, likelihood, sure)
        return Finding(best - 1 if best else NO_ERROR, None, likelihood, sure)

    def belief(self) -> Belief:
        """What is known now, the solution's own outcome and the hints among it."""
        return Belief(self._priors, self._seen(), self._heard)

    def _seen(self) -> Seen:
        return seen_of(PilotSearch(self._n_steps, self._outcome, self.counts, self._known))

    def _sampled(self, counts: Sequence[ProbeCount]) -> float:
        """Tokens of these rollouts, in whole solutions."""
        return sum((c.decided + c.undecided) * self._length(c.prefix) for c in counts)

    def _unanswering(self) -> list[int]:
        """Prefixes that are not asked again: their rollouts come to nothing, which tells nothing."""
        return [c.prefix for c in self.counts if c.undecided > c.decided + self._options.spare]

    def _length(self, prefix: int) -> float:
        """Expected tokens of a rollout, in whole solutions."""
        return (self._n_steps - prefix) / self._n_steps


def bits_per_price(belief: Belief, n_steps: int, overhead: float) -> NDArray[np.float64]:
    """What a rollout from each prefix 0..T-1 is expected to tell (..., T), for each whole solution's
    worth of tokens: late prefixes have less to write."""
    prices = np.arange(n_steps, 0, -1) / n_steps + overhead
    return np.asarray(belief.information() / prices)


class BayesianStrategy:
    VERSION = 9
    OPTIONS: ClassVar[type[Options]] = BayesianOptions

    def __init__(self, options: BayesianOptions, priors: Priors = BROAD) -> None:
        self._options = options
        self._priors = priors
        self.pilot_size = options.pilot
        self.teaching = max(options.pilot, options.teaching) if options.pilot else 0

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> Bayesian:
        return Bayesian(self._options, self._priors, n_steps, outcome, known)

    def pilot(self) -> BayesianStrategy:
        """Under broad priors, and surer than the rest need be, so that there is more to learn."""
        sure = max(PILOT_CONFIDENCE, self._options.confidence)
        options = self._options.model_copy(update={"confidence": sure, "ahead": PILOT_AHEAD})
        return BayesianStrategy(options, BROAD)

    def learn(self, pilot: Sequence[PilotSearch]) -> dict[str, Any]:
        """The fitted priors; see `Priors`."""
        seen = [seen_of(search) for search in pilot]
        return asdict(fit_priors(seen, [search.known.hints for search in pilot]))

    def knowing(self, facts: dict[str, Any]) -> BayesianStrategy:
        return BayesianStrategy(self._options, TypeAdapter(Priors).validate_python(facts))


def seen_of(search: PilotSearch) -> Seen:
    """What a search saw, with the solution's own outcome and its siblings'."""
    right, wrong = np.zeros(search.n_steps + 1), np.zeros(search.n_steps + 1)
    right[-1] = search.outcome is Outcome.CORRECT
    wrong[-1] = search.outcome is Outcome.INCORRECT
    for count in (search.known.siblings, *search.counts):
        right[count.prefix] += count.right
        wrong[count.prefix] += count.decided - count.right
    return Seen(right, wrong)
