"""What is told of a merged run: its summary, its card, and how the configurations of its runs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.config import RunConfig
from pipeline.dataset.facts import CardFacts, MergedRow, card_facts
from pipeline.errors import RunError
from pipeline.files import read_json
from pipeline.keep.standing import flat
from pipeline.progress import StageProgress
from pipeline.records import Cost, Solution
from pipeline.run_folder import RunFolder
from pipeline.stages import key_of
from pipeline.summary import StageCost, Summary, make_oracle, make_summary, paid
from pipeline.urls import shown

_NOT_TOLD = ("name", "runs_dir", "remote", "deploy", "about", "built_on", "left_out")
_PRIVATE = ("url", "api_key_env")


def merged_summary(runs: Sequence[RunFolder], config: RunConfig, merged: RunFolder) -> Summary:
    """Counts are of the merged rows; what was paid is what all runs paid."""
    told: list[dict[str, Any]] = [read_json(run.folder / "summary.json") or {} for run in runs]
    problems = {key_of(s) for s in merged.solutions.read(Solution)}
    summary = make_summary(
        merged,
        {},
        {"generate": StageProgress()},
        sum(one.get("rejected", 0) for one in told),
        len(problems),
        sum(one.get("left_out", 0) for one in told),
        make_oracle(config.oracle),
    )
    stages: dict[str, StageCost] = {}
    for run, one in zip(runs, told, strict=True):
        for name, raw in one.get("stages", {}).items():
            try:
                cost = StageCost(**raw | {"cost": Cost(**raw["cost"]), "planned_tokens": None})
            except (TypeError, KeyError) as error:
                raise RunError(
                    f"{run.folder}/summary.json: of another version of steplabel ({error}); the run's own "
                    "`steplabel run` command writes it anew"
                ) from error
            stages[name] = _sum(stages[name], cost) if name in stages else cost
    dollars = [one["dollars"] for one in told if one.get("dollars") is not None]
    unpaid = sum(one.get("unpaid", 0) for one in told)
    return paid(replace(summary, stages=stages), sum(dollars) if dollars else None, unpaid)


def _sum(one: StageCost, other: StageCost) -> StageCost:
    return StageCost(
        one.rows + other.rows,
        one.cost + other.cost,
        one.seconds + other.seconds,
        one.load_seconds + other.load_seconds,
        None,
    )


def merged_facts(
    names: Sequence[str],
    configs: Sequence[RunConfig],
    config: RunConfig,
    merged: RunFolder,
    summary: Summary,
    counts: Sequence[tuple[int, int]],
) -> CardFacts:
    """The card's, with each run's own models and rules where they differ."""
    each = [card_facts(one, merged.info, summary) for one in configs]
    rules = [one.rule for one in each]
    if len(set(rules)) > 1:
        rules = [f"In {name}: {rule}" for name, rule in zip(names, rules, strict=True)]
    return replace(
        card_facts(config, merged.info, summary),
        rule=" ".join(dict.fromkeys(rules)),
        engines=_each(names, [one.engines for one in each]),
        annotators=_each(names, [one.annotators for one in each], "; "),
        licences=_each(names, [one.licences for one in each]),
        merged=[
            MergedRow(name, solutions, kept, one.fingerprint)
            for name, (solutions, kept), one in zip(names, counts, configs, strict=True)
        ],
        differences=_differences(configs),
    )


def _each(
    names: Sequence[str], told: Sequence[Mapping[str, str]], joined: str | None = None
) -> dict[str, str]:
    """What all say alike under its name, the rest under its name in each run; `joined` in one line."""
    found: dict[str, str] = {}
    for key in dict.fromkeys(key for one in told for key in one):
        said = {name: one[key] for name, one in zip(names, told, strict=True) if key in one}
        if len(set(said.values())) == 1:
            found[key] = next(iter(said.values()))
        elif joined is not None:
            found[key] = joined.join(f"in {name}: {value}" for name, value in said.items())
        else:
            found |= {f"{key} in {name}": value for name, value in said.items()}
    return found


def _differences(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """Keys in which the configurations differ -> the value in each, in words. Of paths the last part is
    told, and of URLs no password or key, since a card may be published; addresses of engines are not."""
    flats = [flat(config.model_dump(mode="json", exclude=set(_NOT_TOLD))) for config in configs]
    found = {}
    for key in sorted({key for one in flats for key in one}):
        values = [one.get(key) for one in flats]
        if key.rpartition(".")[2] not in _PRIVATE and any(one != values[0] for one in values[1:]):
            found[key] = [_told(value) for value in values]
    return found


def _told(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return ", ".join(map(_told, value)) if isinstance(value, list) else shown(str(value))
