"""What a dataset's card is told beside the rows: found in a run's configuration and summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import EngineConfig, RunConfig
from pipeline.records import Cost
from pipeline.review.witness import REVIEW
from pipeline.summary import Summary

UNKNOWN = "not stated: ask whoever made them before you pass them on"


@dataclass(frozen=True, slots=True)
class QualityRow:
    """Exact first-error accuracy of `who` over `decided` of `n` solutions, with 95% interval."""

    who: str
    over: str
    n: int
    decided: int
    exact: float | None
    low: float
    high: float
    f1: float | None = None


@dataclass(frozen=True, slots=True)
class CostRow:
    """What one stage paid; `seconds` is wall time."""

    stage: str
    cost: Cost
    seconds: float


@dataclass(frozen=True, slots=True)
class MergedRow:
    """A run that this one was merged of: what was taken from it, and the fingerprint of its configuration."""

    run: str
    solutions: int
    labelled: int
    config_fingerprint: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the rows don't say of themselves.

    `engines`: role -> kind and model. `rule`: how verdicts became labels, in words. `annotators`:
    name -> how it works, in words (optional; the kinds of evidence are told in any case). `gold`:
    where the true first errors of `quality` come from. `licences`: what went in -> its licence.
    `merged`: the runs that it was merged of; `filled`: solutions that one of them labels and another has
    without a label; `differences`: keys in which their configurations differ -> the
    value in each.
    `dollars`: paid for calls, None where none has a price.
    """

    name: str
    about: str = ""
    engines: Mapping[str, str] = field(default_factory=dict)
    annotators: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    config_fingerprint: str = ""
    input_fingerprint: str = ""
    rejected: int = 0
    cut: int = 0
    gold: str = ""
    quality: Sequence[QualityRow] = ()
    costs: Sequence[CostRow] = ()
    dollars: float | None = None
    licences: Mapping[str, str] = field(default_factory=dict)
    merged: Sequence[MergedRow] = ()
    filled: int = 0
    differences: Mapping[str, Sequence[str]] = field(default_factory=dict)


def card_facts(config: RunConfig, info: Mapping[str, Any], summary: Summary) -> CardFacts:
    """`info` is run.json."""
    consensus = config.consensus
    rule = f"{consensus.rule} over {', '.join(consensus.witnesses)}"
    if consensus.vetoes:
        rule += f"; {', '.join(consensus.vetoes)} may veto"
    return CardFacts(
        name=config.name,
        about=config.about,
        engines={role: model_of(engine) for role, engine in config.engines.items()},
        annotators={name: _told(options) for name, options in config.annotators.items()}
        | {REVIEW: "people, whose decisions go before the rule's"},
        rule=rule + ".",
        versions=info["versions"],
        git_commit=info["git_commit"],
        config_fingerprint=info["config_fingerprint"],
        input_fingerprint=info["input_fingerprint"],
        rejected=summary.rejected,
        cut=summary.cut,
        gold=f"the oracle {config.oracle}" if config.oracle else "",
        quality=[
            QualityRow(
                q.who,
                q.over,
                q.score.n,
                q.score.decided,
                q.score.exact,
                *q.score.exact_interval,
                q.score.f1,
            )
            for q in summary.quality
        ],
        licences=_licences(config),
        costs=[CostRow(name, s.cost, s.seconds) for name, s in summary.stages.items()],
        dollars=summary.dollars,
    )


def _told(options: Mapping[str, Any]) -> str:
    """What the configuration says of an annotator, but for the name of a file of the user's."""
    plain = {name: value for name, value in options.items() if isinstance(value, str | int | float)}
    return ", ".join(f"{name} {Path(str(value)).name}" for name, value in plain.items())


def _licences(config: RunConfig) -> dict[str, str]:
    """What went in -> its licence; models are used, not passed on, and have licences of their own."""
    found = {"problems": config.problems.license or UNKNOWN}
    if config.solutions is not None:
        found["solutions"] = config.solutions.license or UNKNOWN
    found["this dataset"] = config.dataset.license
    return found


def model_of(engine: EngineConfig) -> str:
    """Kind and model; of a local path its name only, since a card or report is shown to others."""
    path = Path(engine.model)
    name = path.name if path.is_absolute() else engine.model
    revision = f", revision {engine.revision}" if engine.revision else ""
    return f"{engine.kind}: {name}{revision}"
