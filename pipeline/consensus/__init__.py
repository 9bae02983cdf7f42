"""Fusing verdicts into a label. A new rule is one file here and one line in `RULES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

from pipeline.config import ConsensusConfig
from pipeline.join import Annotated
from pipeline.records import Label, Solution, Verdict
from pipeline.registry import load_named

Rule = Callable[[Solution, Mapping[str, Verdict], Sequence[str], Sequence[str]], Label]
"""(solution, verdicts by annotator, witnesses, vetoes) -> its label."""


BatchRule = Callable[[Sequence[Annotated], Sequence[str], Sequence[str]], list[Label]]
"""(solutions with their verdicts, witnesses, vetoes) -> their labels."""


@runtime_checkable
class LearningRule(Protocol):
    """A rule that learns from a pilot of the run's own verdicts, made with the precision that is wanted.
    What it learns is kept in a file, once, so that labels don't depend on the order of the rows. `gold`:
    first errors that are known, by the id of a pilot's solution; `drawn`: how many times likelier than by
    chance alone some of those solutions were to be chosen for it."""

    version: int
    pilot_size: int

    def learn(
        self,
        pilot: Sequence[Annotated],
        witnesses: Sequence[str],
        gold: Mapping[str, int],
        drawn: Mapping[str, float] = ...,
    ) -> dict[str, Any]: ...

    def knowing(self, facts: dict[str, Any]) -> BatchRule: ...

    def about(self, facts: dict[str, Any]) -> tuple[str, ...]:
        """What was learned, in lines for people."""


RULES = {
    "agree": "pipeline.consensus.agree:agree",
    "majority": "pipeline.consensus.majority:majority",
    "posterior": "pipeline.consensus.posterior:PosteriorRule",
    "veto": "pipeline.consensus.veto:veto",
}


def make_rule(config: ConsensusConfig) -> Rule | LearningRule:
    """The fusion rule that a configuration names. Raises ConfigError."""
    found = load_named("consensus rule", config.rule, RULES)
    if isinstance(found, type):
        return cast(LearningRule, found(config.precision))
    return cast(Rule, found)


def each(rule: Rule) -> BatchRule:
    """A rule for one solution as one for many."""

    def labels(
        items: Sequence[Annotated], witnesses: Sequence[str], vetoes: Sequence[str]
    ) -> list[Label]:
        return [rule(item.solution, item.verdicts, witnesses, vetoes) for item in items]

    return labels


__all__ = ["RULES", "BatchRule", "LearningRule", "Rule", "each", "make_rule"]
