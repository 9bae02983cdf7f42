"""How solutions are generated, cut into steps and graded."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.config.engine import SamplingConfig
from pipeline.config.options import Options


class TreeConfig(Options):
    """OmegaPRM's tree of rollouts (`pipeline.search.tree`), with the paper's parameters."""

    searches: int = Field(
        100, ge=1, description="wrong rollouts a problem that are searched for their first error"
    )
    rollouts: int = Field(8, ge=1, description="k: rollouts of each prefix that a search visits")
    wave: int | None = Field(
        None,
        ge=1,
        description="sample a prefix so many at a time, until some are right and some wrong, which "
        "costs less and names fewer first errors exactly; default: all k, as published",
    )
    alpha: float = Field(
        0.5, gt=0, le=1, description="the lower, the more a search prefers states of high value"
    )
    beta: float = Field(
        0.9, gt=0, le=1, description="the lower, the more it prefers short rollouts"
    )
    length: int = Field(500, ge=1, description="L: tokens at which a rollout's weight is beta")
    c_puct: float = Field(
        0.125, ge=0, description="the higher, the more it prefers states selected seldom"
    )
    spare: int = Field(2, ge=0, description="extra rollouts a prefix may spend on undecided ones")
    budget: int | None = Field(
        None, ge=1, description="rollouts a problem after which no search begins"
    )


class GenerateConfig(Options):
    samples: int = Field(4, ge=1, description="solutions a problem")
    prompt: str = Field(
        "boxed", description="boxed, plain, program or query, or the path of a YAML file of yours"
    )
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    tree: TreeConfig | None = Field(
        None,
        description="grow a tree from the solutions: the wrong ones are searched for their first "
        "error, and the rollouts that this takes are searched in turn (OmegaPRM); false: without "
        "the recipe's tree",
    )

    @field_validator("tree", mode="before")
    @classmethod
    def _false_is_none(cls, tree: Any) -> Any:
        return None if tree is False else tree  # an empty key leaves the recipe's

    @model_validator(mode="after")
    def _tree_can_grow(self) -> Self:
        if self.tree is not None and self.samples < 2:
            raise ValueError(
                "a tree needs samples of 2 or more: it grows where some are right and some wrong"
            )
        if self.tree is not None and self.sampling.temperature == 0:
            raise ValueError(
                "a tree needs sampling.temperature above 0: greedy rollouts are all the same"
            )
        return self


class StepsConfig(Options):
    split: str = Field(
        "auto",
        description="newline, blank_line, numbered, auto, or module:function of a splitter of yours",
    )
    max_steps: int = Field(200, ge=1, description="solutions with more steps are undecided")


class ProgramsConfig(Options):
    """How a program is run against its problem's tests, and a query on its tables (`sandbox`)."""

    cpu_s: int = Field(10, ge=1, le=600, description="longest run, seconds of processor time")
    memory_mb: int = Field(512, ge=64, le=65536, description="memory that it may have, MiB")
    slow: Literal["undecided", "incorrect"] = Field(
        "undecided",
        description="what a program counts as that takes longer than cpu_s: incorrect where the problems "
        "state this limit, as HumanEval and contests do",
    )
    dialect: Literal["any", "duckdb"] = Field(
        "any",
        description="of the queries; duckdb: what DuckDB can't read or make sense of is wrong; any: only a "
        "table or column that there is not, since the rest may be right elsewhere",
    )


class GradingConfig(Options):
    cut: Literal["undecided", "incorrect"] = Field(
        "undecided", description="what a text cut by the length limit counts as"
    )
    decimals: int = Field(
        4,
        ge=1,
        le=30,
        description="an exact value and a decimal that is rounded rightly are the same answer where this "
        "many decimals are shown; with fewer they are undecided (at 4, 0.6667 is 2/3, and 0.67 may be)",
    )
    timeout_s: float = Field(5.0, gt=0, description="longest comparison of two answers")
    workers: int = Field(1, ge=1, description="worker processes for the comparisons")
    programs: ProgramsConfig = Field(default_factory=ProgramsConfig)


class SandboxConfig(Options):
    """Where code that models wrote is run, for annotators that run it (`pipeline.sandbox`)."""

    workers: int | None = Field(
        None, ge=1, description="snippets that run at once; default: one a core"
    )
    unsafe_local: bool = Field(
        False,
        description="run it as plain processes of this user, without isolation (--unsafe-local)",
    )
