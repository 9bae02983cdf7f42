"""The whole of it, read from YAML with `--set a.b=c` on top.

It may build on a recipe (`pipeline.recipes`). What an annotator takes is checked by the annotator itself
(`annotators.registry`), so a new one needs no line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator

from pipeline.config.batch import BudgetConfig, ClusterConfig, DeployConfig
from pipeline.config.dataset import DatasetConfig
from pipeline.config.engine import EngineConfig
from pipeline.config.inputs import ProblemsConfig, SolutionsConfig
from pipeline.config.labels import CascadeConfig, ConsensusConfig, FilterConfig
from pipeline.config.options import Options, check_options
from pipeline.config.solutions import GenerateConfig, GradingConfig, SandboxConfig, StepsConfig
from pipeline.errors import ConfigError
from pipeline.recipes import on_recipe, read_yaml
from pipeline.records import content_hash
from pipeline.urls import without_secret

LARGEST_SHARD = 4096
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of a run."""
_SAID_ALIKE = {"patience_s", "price", "requests_per_minute", "tokens_per_minute"}
"""Of an engine: whatever these are, it says the same."""


class RunConfig(Options):
    """Everything a run depends on."""

    name: str = Field("run", pattern=NAME, description="the run's folder")
    runs_dir: str = Field("runs", description="folder that holds the runs")
    remote: str | None = Field(
        None,
        description="URL of a folder, such as s3://bucket/runs, that keeps the run too: where its folder is "
        "not on this machine, or is behind, it is fetched from there; the dataset lies in <name>/dataset",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**32,  # more is none of numpy's, so no engine would start
        description="of all sampling; another one draws other solutions and rollouts",
    )
    about: str = Field("", description="paper or purpose, shown in the tables")
    recipe: str | None = Field(
        None,
        description="a method to build on: a name that `steplabel recipes` lists, or a YAML file",
    )
    built_on: str | None = Field(
        None, description="written by a run: the recipe, already put below"
    )
    left_out: tuple[str, ...] = Field(
        (), description="written by a run: annotators of the file that the recipe doesn't have"
    )
    problems: ProblemsConfig
    solutions: SolutionsConfig | None = None
    engines: dict[str, EngineConfig] = Field(
        default_factory=dict,
        description="an engine for each role: generator, policy (rollouts), judge, or your own",
    )
    placement: Literal["in_turn", "side_by_side"] = Field(
        "in_turn", description="load engines one after the other, or together (see memory_share)"
    )
    generate: GenerateConfig = Field(default_factory=GenerateConfig)
    steps: StepsConfig = Field(default_factory=StepsConfig)
    grading: GradingConfig = Field(default_factory=GradingConfig)
    sandbox: SandboxConfig = Field(default_factory=SandboxConfig)
    filter: FilterConfig = Field(default_factory=FilterConfig)
    annotators: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="kinds of evidence, each with its options; `kind: judge` among them runs that kind under "
        "a name of your own",
    )
    consensus: ConsensusConfig = Field(default_factory=ConsensusConfig)
    cascade: CascadeConfig | None = Field(
        None,
        description="ask the witnesses one after another, of each solution no more than it needs; "
        "false: without the recipe's cascade",
    )
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    shard_size: int = Field(
        128,
        ge=1,
        le=LARGEST_SHARD,
        description="solutions a shard; of a batch with more than 500 such shards more, up to 4096",
    )
    oracle: str | None = Field(
        None,
        description="who knows the true first error, for the quality table only: tinymath, or "
        "module:function of yours (Solution -> int or None)",
    )
    budget: BudgetConfig | None = None
    budget_tokens: int | None = Field(None, ge=1, description="planned tokens; shown against used")
    deploy: DeployConfig = Field(default_factory=DeployConfig)
    cluster: ClusterConfig | None = Field(
        None, description="machines that do the work which needs no model; default: this one alone"
    )
    processes: int | None = Field(
        None,
        ge=1,
        description="how many this machine may give to a large run's end (dataset, report); default: as many "
        "as it has cores; no file depends on it",
    )

    @property
    def fingerprint(self) -> str:
        """Of all that a label or the dataset depends on."""
        return self._fingerprint({})

    @property
    def growing_fingerprint(self) -> str:
        """The same of a batch that grows: how many rows are taken aside."""
        return self._fingerprint({"problems": {"limit"}, "solutions": {"limit"}})

    @property
    def cost_fingerprint(self) -> str:
        """Of all that the tokens and hours of a solution depend on."""
        parts = {"engines", "generate", "steps", "grading", "filter", "annotators", "cascade"}
        aside = {"engines": {"__all__": _SAID_ALIKE}}
        return content_hash(self.model_dump(mode="json", include=parts, exclude=aside))

    def _fingerprint(self, aside: dict[str, Any]) -> str:
        exclude: dict[str, Any] = {"engines": {"__all__": _SAID_ALIKE}} | aside
        exclude |= dict.fromkeys(("deploy", "remote", "budget", "cluster", "processes"), True)
        return content_hash(self.model_dump(mode="json", exclude=exclude))

    @property
    def folder(self) -> Path:
        return Path(self.runs_dir) / self.name

    def engine_for(self, role: str) -> EngineConfig:
        """The role's engine; generator and policy stand in for each other."""
        stand_in = {"generator": "policy", "policy": "generator"}.get(role, role)
        config = self.engines.get(role) or self.engines.get(stand_in)
        if config is None:
            raise ConfigError(f"engines.{role}: missing; name a model under engines: {role}:")
        return config

    @model_validator(mode="after")
    def _budget_has_prices(self) -> Self:
        if self.budget is not None and not any(one.price for one in self.engines.values()):
            raise ValueError(
                "budget.dollars needs what an engine costs: engines: judge: {price: {input: 0.15, "
                "output: 0.60}}, dollars for a million tokens"
            )
        return self

    @model_validator(mode="after")
    def _scores_are_there(self) -> Self:
        asked = self.dataset.select.consistency
        if asked is not None and asked.scores is not None and asked.scores not in self.annotators:
            raise ValueError(
                f"dataset.select.consistency.scores: there is no annotator {asked.scores!r}; there are "
                f"{', '.join(self.annotators) or 'none'}"
            )
        return self

    @field_validator("cascade", mode="before")
    @classmethod
    def _false_is_none(cls, cascade: Any) -> Any:
        return None if cascade is False else cascade  # an empty key leaves the recipe's

    @field_validator("remote")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        return without_secret(url).rstrip("/") if url else None

    @field_validator("recipe")
    @classmethod
    def _is_put_below(cls, name: str | None) -> None:
        if name is not None:
            raise ValueError("a recipe is put below a configuration by RunConfig.load alone")

    @model_validator(mode="before")
    @classmethod
    def _not_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("the configuration is a mapping; see `steplabel config --help`")
        return data

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read YAML, put `a.b=value` overrides on top (values are YAML too), and check it.

        Raises ConfigError naming file, key and what would be right.
        """
        path = Path(path)
        raw = read_yaml(path)
        try:
            raw = _unshared(raw)
        except RecursionError as error:
            raise ConfigError(f"{path}: an alias that holds itself, or far too deep") from error
        for override in overrides:
            _set(raw, override)
        return cls.check(on_recipe(raw, path.parent), str(path))

    @classmethod
    def check(cls, raw: Any, where: str) -> Self:
        """A configuration from plain data; errors are told of `where`."""
        return check_options(cls, raw, where)

    def strict(self) -> Self:
        """The same, but the first bad input row stops the run."""
        changes: dict[str, Any] = {"problems": self.problems.model_copy(update={"strict": True})}
        if self.solutions is not None:
            changes["solutions"] = self.solutions.model_copy(update={"strict": True})
        return self.model_copy(update=changes)

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _unshared(raw: Any) -> Any:
    """YAML's aliases (`policy: *generator`) as copies, so that changing one leaves the other."""
    if isinstance(raw, dict):
        return {key: _unshared(value) for key, value in raw.items()}
    return [_unshared(item) for item in raw] if isinstance(raw, list) else raw


def _set(raw: Any, override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not all(part.strip() for part in key.split(".")):
        raise ConfigError(f"--set {override}: write it as key.subkey=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML: {error}") from error
    *parents, last = key.strip().split(".")
    at = raw
    for parent in parents:
        if not isinstance(at, dict):
            raise ConfigError(f"--set {override}: {parent!r} is not below a mapping")
        if at.get(parent) is None:
            at[parent] = {}
        at = at[parent]
    if not isinstance(at, dict):
        raise ConfigError(f"--set {override}: {last!r} is not below a mapping")
    at[last] = value
