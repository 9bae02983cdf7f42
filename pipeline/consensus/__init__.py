"""Fusing verdicts into a label. A new rule is one file here and one line in `RULES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from pipeline.records import Label, Solution, Verdict
from pipeline.registry import load_named

Rule = Callable[[Solution, Mapping[str, Verdict], Sequence[str], Sequence[str]], Label]

RULES = {"agree": "pipeline.consensus.agree:agree"}


def make_rule(name: str) -> Rule:
    """The fusion rule of that name. Raises ConfigError."""
    return cast(Rule, load_named("consensus rule", name, RULES))


__all__ = ["RULES", "Rule", "make_rule"]
