"""The least certain step first (UnPRM, Han et al. 2025, arXiv 2508.01773).

Rollouts go on from the end of one step after another, the one first whose tokens the policy was least
certain of, or where its uncertainty rises most above the step before. The first of these prefixes that is
bad ends the search, and its step is named. How many rollouts a prefix gets and what it is held against are
EpicPRM's (`adaptive`). Where all are good, the last step is the wrong one.

A step's uncertainty is the entropy of a softmax over its own tokens' log-probabilities at temperature 5, as
the authors' code has it: it rises with the number of tokens, so that long steps come first. The step named
is wrong or comes after the wrong one: earlier steps that were not visited may be wrong as well. Where no
uncertainty is given, steps are taken in their order.

A right solution is taken to hold no error, without a rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config import Options
from pipeline.records import Outcome
from pipeline.search.adaptive import Adaptive, AdaptiveOptions
from pipeline.search.protocol import NOTHING_KNOWN, Known

TEMPERATURE = 5.0


class UncertaintyOptions(AdaptiveOptions):
    by: Literal["level", "rise"] = Field(
        "level", description="steps with most uncertainty first, or with most above the step before"
    )


class ByUncertainty(Adaptive):
    """One search over a solution of `n_steps` steps; prefix t ends with step t - 1."""

    def __init__(
        self,
        options: UncertaintyOptions,
        n_steps: int,
        outcome: Outcome,
        known: Known = NOTHING_KNOWN,
    ) -> None:
        super().__init__(options, n_steps, outcome, known)
        self._order = order_of(known.uncertainty[: n_steps - 1], options.by) or range(n_steps - 1)
        self._visited = 0
        self._found: int | None = None

    def _to_ask(self) -> int | None:
        if self._found is not None or self._visited == len(self._order):
            return None
        return self._order[self._visited] + 1

    def _learned(self, prefix: int, good: bool) -> None:
        self._visited += 1
        if not good:
            self._found = prefix - 1

    def _named(self) -> int:
        return self._n_steps - 1 if self._found is None else self._found


class UncertaintyStrategy:
    OPTIONS: ClassVar[type[Options]] = UncertaintyOptions
    TAKES_UNCERTAINTY = True

    def __init__(self, options: UncertaintyOptions) -> None:
        self._options = options

    def start(self, n_steps: int, outcome: Outcome, known: Known = NOTHING_KNOWN) -> ByUncertainty:
        return ByUncertainty(self._options, n_steps, outcome, known)


def order_of(uncertainty: Sequence[float], by: Literal["level", "rise"]) -> list[int]:
    """Steps, the least certain first; of equals the earlier. `rise`: the first step rises from nothing."""
    before = [0.0, *uncertainty] if by == "rise" else [0.0] * len(uncertainty)
    rises = [u - b for u, b in zip(uncertainty, before, strict=False)]
    return sorted(range(len(rises)), key=lambda step: -rises[step])


def entropy(logprobs: Sequence[float]) -> float:
    """Of a step's tokens, in nats: that of a softmax over their log-probabilities at `TEMPERATURE`."""
    scaled = [each / TEMPERATURE for each in logprobs]
    highest = max(scaled, default=0.0)
    weights = [exp(each - highest) for each in scaled]
    total = sum(weights)
    return -sum(w / total * log(w / total) for w in weights if w > 0)
