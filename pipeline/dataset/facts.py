"""From a run's configuration and summary to what its dataset's card says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import EngineConfig, RunConfig
from pipeline.dataset.card import CardFacts, CostRow, QualityRow
from pipeline.review.witness import REVIEW
from pipeline.summary import Summary

UNKNOWN = "not stated: ask whoever made them before you pass them on"


def card_facts(config: RunConfig, info: Mapping[str, Any], summary: Summary) -> CardFacts:
    """`info` is run.json."""
    consensus = config.consensus
    rule = f"Rule `{consensus.rule}` over {', '.join(consensus.witnesses)}"
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
        gold=f"the oracle `{config.oracle}`" if config.oracle else "",
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
