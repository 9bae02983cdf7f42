"""The rules of a configuration, one after the other, over one reading of the solutions."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, cast

from pipeline.columns import Reads
from pipeline.config import SelectConfig
from pipeline.files import sha256_of
from pipeline.join import Annotated
from pipeline.records import content_hash
from pipeline.selection.rule import KEY, Rule, key_of
from pipeline.urls import fetched, is_url

VERSION = 4
"""Raise it when other solutions are left out."""

RULES: Mapping[str, str] = {
    "decontaminate": "pipeline.selection.decontaminate:Decontaminate",
    "deduplicate": "pipeline.selection.deduplicate:Deduplicate",
    "disagreement": "pipeline.selection.disagreement:Disagreement",
    "consistency": "pipeline.selection.consistency:Consistency",
    "balanced_information": "pipeline.selection.balanced_information:BalancedInformation",
    "balance": "pipeline.selection.balance:Balance",
}
"""Key below `dataset.select` -> class, in the order in which they are done: what may not be trained on and
what is there twice goes first, so that later rules count what is left."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`reasons`: solution id -> why it is left out. `seen`: labelled solutions that were chosen from."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    seen: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Reason -> solutions, the commonest first."""
        found = Counter(self.reasons.values())
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def select(items: Callable[[Reads], Iterable[Annotated]], config: SelectConfig) -> Selection:
    """Read the items once, of the columns that the rules need; not at all where there is no rule.

    Raises InputError for a test set that can't be read, PrerequisiteError where MinHash is asked for and its
    library is missing.
    """
    rules = rules_of(config)
    if not rules:
        return Selection()
    keys: list[tuple[str, str]] = []
    for item in items(reduce(or_, (rule.reads for rule in rules), KEY)):
        number = None
        if item.label is not None and item.label.kept:
            number = len(keys)
            keys.append(key_of(item))
        for rule in rules:
            rule.see(item, number)
    left = list(range(len(keys)))
    reasons: dict[str, str] = {}
    for name, rule in zip(_asked(config), rules, strict=True):
        gone = dict(rule.removed(left, keys))
        reasons |= {keys[number][1]: f"{name}: {reason}" for number, reason in gone.items()}
        left = [number for number in left if number not in gone]
    return Selection(reasons, len(keys))


def fingerprint(config: SelectConfig) -> str:
    """Of the rules and of the files that they read."""
    tests = config.decontaminate.against if config.decontaminate else ()
    return content_hash(VERSION, config.fingerprint, [_content(path) for path in tests])


def _content(path: str) -> list[str]:
    if is_url(path):
        with fetched(path) as here:
            return _content(str(here))
    place = Path(path)
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [sha256_of(file) for file in files if file.is_file()]


def _asked(config: SelectConfig) -> list[str]:
    return [name for name in RULES if getattr(config, name) is not None]


def rules_of(config: SelectConfig) -> list[Rule]:
    """Those that are asked for, with what they read. Raises as `select` does, so that a run can find out
    before it pays for anything."""
    found: list[Rule] = []
    for name in _asked(config):
        module, _, attribute = RULES[name].partition(":")
        kind: Any = getattr(importlib.import_module(module), attribute)
        found.append(cast(Rule, kind(getattr(config, name))))
    return found
