"""Cheap witnesses first: who is asked next of a solution, and when it is enough.

What each witness would say is foretold from the posterior over the first error so far and from how it
errs (`pipeline.consensus.expected`): the sum over e of P(e) P(says x | e). Next is the witness with the
most expected bits about the first error for each expected token. A solution is done with when one first
error is sure enough, or when no witness is worth its price. (Value of information over price, as in
active learning with several annotators: Donmez and Carbonell, 2008.)

A choice rests on what the solution's own witnesses said and on what was learned from the pilot, and on no
other solution, but for a budget: where that can't pay for a round, those that promise most are asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from pipeline.arrow import Record
from pipeline.consensus.calibration import DIGITS
from pipeline.consensus.evidence import FIRST, Evidence, posteriors_of
from pipeline.consensus.expected import (
    RIGHT,
    WRONG,
    Expected,
    expected_of,
    tokens_of,
)
from pipeline.consensus.information import chances, first_votes, information
from pipeline.consensus.learning import Learned
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Outcome, content_hash
from pipeline.search.hints import Hint, Reliability
from pipeline.search.priors import Array

VERSION = 5
SURE, ALL_HEARD, BUDGET = "sure enough", "all were heard", "the budget is spent"
NO_WORTH, UNIDENTIFIED = "no witness is worth its price", "not identified"
"""Why no further witness is asked of a solution."""


@dataclass(frozen=True)
class Facts:
    """What a cascade rests on: the model of the whole panel, what each part of it is expected to tell, and
    the tokens that the whole panel costs for each step of a solution."""

    learned: Learned
    parts: Mapping[str, Expected]
    panel_tokens: float

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Facts:
        return TypeAdapter(cls).validate_python(raw)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Choice(Record):
    """`part`: the witness, or its first vote (`FIRST`), to be asked next, None where it ends for the reason
    `stop`. `bits`: expected for each of the `tokens` that it is expected to cost. `sure`: how sure the
    likeliest first error was before."""

    solution_id: str
    part: str | None
    stop: str | None
    sure: float
    bits: float = 0.0
    tokens: float = 0.0

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("solution_id", pa.string()),
            ("part", pa.string()),
            ("stop", pa.string()),
            ("sure", pa.float64()),
            ("bits", pa.float64()),
            ("tokens", pa.float64()),
        ]
    )


def learn(
    pilot: Sequence[Annotated],
    truth: Sequence[int | None],
    witnesses: Sequence[str],
    learned: Learned,
) -> Facts:
    """`pilot`: solutions of which every witness was heard."""
    tokens = sum(tokens_of(item.verdicts) for item in pilot)
    steps = sum(len(item.solution.steps) for item in pilot)
    parts = expected_of(pilot, truth, witnesses, learned)
    return Facts(learned, parts, tokens / max(1, steps))


class Cascade:
    """`confidence`: at which a solution is done with. `worth`: bits that the price of the whole panel must
    be expected to tell. `draw` makes the order random, for comparison: a number in 0..1 for each key."""

    def __init__(
        self,
        facts: Facts,
        witnesses: Sequence[str],
        confidence: float,
        worth: float,
        draw: Callable[[str], float] | None = None,
    ) -> None:
        self.facts = facts
        self._witnesses = tuple(witnesses)
        self._confidence = confidence
        self._worth = worth
        self._draw = draw

    def choose(
        self, items: Sequence[Annotated], whole: Mapping[str, Collection[str]] | None = None
    ) -> list[Choice]:
        """For each solution the next witness, or why there is none, whatever the others are. `whole`: by
        solution, the judges of which all votes were asked for: there may be one all the same, where the rest
        could change nothing."""
        learned = self.facts.learned
        known = learned.priors.reliability
        rows = [Evidence.of(item, self._witnesses, learned.counting, known) for item in items]
        found = posteriors_of(rows, learned.priors)
        chosen: dict[int, Choice] = {}
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for row, item in enumerate(items):
            sure = learned.sure(found[row])
            parts = self._left(item, (whole or {}).get(item.solution.id, ()))
            if sure >= self._confidence or not parts:
                stop = SURE if sure >= self._confidence else ALL_HEARD
                chosen[row] = Choice(item.solution.id, None, stop, sure)
            else:
                alike[len(item.solution.steps), item.solution.outcome, parts].append(row)
        for (_, outcome, parts), members in alike.items():
            of = [items[row] for row in members]
            posterior = np.stack([found[row] for row in members])
            side = RIGHT if outcome is Outcome.CORRECT else WRONG
            picked = self._best(of, posterior, parts, side)
            chosen.update(zip(members, picked, strict=True))
        return [chosen[row] for row in range(len(items))]

    def _left(self, item: Annotated, whole: Collection[str]) -> tuple[str, ...]:
        """Parts of the panel that can be asked next: of a judge the first vote comes first."""
        left = []
        for name in self._witnesses:
            if name not in self.facts.parts:
                continue
            first = name + FIRST
            verdict = item.verdicts.get(name)
            if verdict is None:
                left.append(first if first in self.facts.parts else name)
            elif first in self.facts.parts and len(verdict.votes) == 1 and name not in whole:
                left.append(name)
        return tuple(left)

    def _best(
        self, items: Sequence[Annotated], posterior: Array, parts: tuple[str, ...], side: int
    ) -> list[Choice]:
        """Of solutions of one length and outcome, of which the same parts are left. `posterior`: (n, T+1)."""
        n_steps = posterior.shape[1] - 1
        tokens = np.array([self._price(part, side, items[0]) for part in parts]) * n_steps
        bits = np.stack([self._bits(part, side, items, posterior) for part in parts], 1)
        bits = bits.round(DIGITS)  # as a confidence is: the last bits depend on the batch
        rates = np.where(tokens > 0, bits / np.maximum(tokens, 1e-9), 0.0)  # (n, parts)
        worth = self._worth / max(1e-9, self.facts.panel_tokens * n_steps)
        chosen = []
        for item, of_one, sure in zip(items, rates, posterior, strict=True):
            best = self._one_of(item, of_one, parts, tokens)
            part, stop = (parts[best], None) if of_one[best] > worth else (None, NO_WORTH)
            chosen.append(
                Choice(
                    item.solution.id,
                    part,
                    stop,
                    self.facts.learned.sure(sure),
                    float(of_one[best]),
                    float(tokens[best]),
                )
            )
        return chosen

    def _one_of(self, item: Annotated, rates: Array, parts: Sequence[str], tokens: Array) -> int:
        if self._draw is None:
            return int(rates.argmax())
        priced = [place for place in range(len(parts)) if tokens[place] > 0] or [0]
        return priced[int(self._draw(f"{item.solution.id} {parts}") * len(priced))]

    def _price(self, part: str, side: int, item: Annotated) -> float:
        """Expected tokens for each step; the votes that follow the first are paid for alone."""
        tokens = self.facts.parts[part].tells[side].tokens
        if part in item.verdicts:
            tokens -= self.facts.parts[part + FIRST].tells[side].tokens
        return max(0.0, tokens)

    def _bits(self, part: str, side: int, items: Sequence[Annotated], posterior: Array) -> Array:
        """What the part is expected to tell of each (n,)."""
        expected, n_steps = self.facts.parts[part], posterior.shape[1] - 1
        tells = expected.tells[side]
        several = not part.endswith(FIRST) and part + FIRST in self.facts.parts
        chance = self._chance(part, tells.reliability, several, items, n_steps)
        if not several or part not in items[0].verdicts:
            return (1 - tells.silent) * information(posterior, chance)
        # the rest of a judge's votes: what it says then takes the place of its first vote
        follows = np.ones(chance.shape[:2])
        for row, item in enumerate(items):
            said = item.verdicts[part].votes[0].first_error
            if said is not None:
                follows[row] = first_votes(said, n_steps, expected.leading)
        others = [self._evidence(item, but=part) for item in items]
        before = np.stack(posteriors_of(others, self.facts.learned.priors))
        return (1 - tells.silent) * information(before, chance, follows)

    def _chance(
        self,
        part: str,
        reliability: Reliability,
        several: bool,
        items: Sequence[Annotated],
        n_steps: int,
    ) -> Array:
        """P(says o | e) of each (n, O, E): in its own voice, or as one of those heard before."""
        alone, repeating = chances(reliability, n_steps, several)
        share = np.zeros((len(items), len(alone)))
        for row, item in enumerate(items):
            tops = [hint.top for hint in self._hints(item, but=part.removesuffix(FIRST))]
            for top in tops:
                share[row, top - NO_ERROR :: n_steps + 1] += 1 / len(tops)
        own = np.where(share.any(axis=1), reliability.own, 1.0)[:, None, None]
        chance = own * alone + (1 - own) * share[:, :, None] * repeating
        return np.asarray(chance / chance.sum(axis=1, keepdims=True))

    def _hints(self, item: Annotated, but: str | None = None) -> list[Hint]:
        """What was heard of a solution, without one of its witnesses."""
        known = self.facts.learned.priors.reliability
        return [hint for hint in self._evidence(item, but).hints if hint.name in known]

    def _evidence(self, item: Annotated, but: str | None = None) -> Evidence:
        """What is known of a solution, without one of its witnesses."""
        learned = self.facts.learned
        witnesses = [name for name in self._witnesses if name != but]
        return Evidence.of(item, witnesses, learned.counting, learned.priors.reliability)


def within(choices: Sequence[Choice], left: float | None) -> list[Choice]:
    """The choices that `left` tokens are expected to pay for, those that promise most for a token first;
    the others end there. None: no budget."""
    if left is None:
        return list(choices)
    asked = [row for row, one in enumerate(choices) if one.part is not None]
    asked.sort(
        key=lambda row: (-choices[row].bits, content_hash("budget", choices[row].solution_id))
    )
    found = list(choices)
    for row in asked:
        left -= choices[row].tokens
        if left < 0:
            found[row] = replace(choices[row], part=None, stop=BUDGET)
    return found
