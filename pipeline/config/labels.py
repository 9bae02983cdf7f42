"""Which solutions are labelled, and how verdicts become labels."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from pipeline.config.options import Options


class FilterConfig(Options):
    """Which problems are annotated, by the share of their solutions that are right."""

    min_pass_rate: float = Field(
        0.0, ge=0, le=1, description="leave out problems with a smaller share of right solutions"
    )
    max_pass_rate: float = Field(
        1.0, ge=0, le=1, description="leave out problems with a larger one"
    )
    drop_never_right: bool = Field(False, description="leave out problems with no right solution")
    drop_always_right: bool = Field(False, description="leave out problems with only right ones")


class ConsensusConfig(Options):
    rule: str = Field(
        "agree",
        description="how verdicts become a label: agree, majority, veto (the first witness decides), "
        "posterior (each is weighed by how it errs), or module:name of yours",
    )
    precision: float = Field(
        0.95, gt=0, lt=1, description="share of right labels that `posterior` is to keep to"
    )
    gold: str | None = Field(
        None,
        description="rows with known first errors of some of the solutions, in ProcessBench's form (id, "
        "problem, steps, label), for `posterior` to learn from",
    )
    reviews: bool = Field(
        True,
        description="take what people decided by `steplabel review`: it labels those solutions, and "
        "`posterior` learns from it",
    )
    witnesses: tuple[str, ...] = Field(
        ("rollouts", "judge"), description="annotators whose verdicts the rule fuses"
    )
    vetoes: tuple[str, ...] = Field(
        ("arithmetic",), description="annotators whose contradiction sets a solution aside"
    )

    @field_validator("witnesses")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("name each witness once: one that is named twice agrees with itself")
        return names


class CascadeConfig(Options):
    """Cheap witnesses first, until a solution's first error is sure enough (`pipeline.consensus.cascade`)."""

    confidence: float = Field(
        0.98, gt=0, lt=1, description="posterior at which no further witness is asked of a solution"
    )
    worth: float = Field(
        0.2,
        ge=0,
        description="bits that the price of the whole panel must be expected to tell, or no more is asked",
    )
    pilot: int = Field(
        1000,
        ge=20,
        description="solutions of which every witness is asked, to learn how each errs and what it costs",
    )
    budget_tokens: int | None = Field(
        None, ge=1, description="most tokens that witnesses may sample, the pilot's among them"
    )
    gpu_hours: float | None = Field(
        None, gt=0, description="the same in hours of a GPU, at the pace that the pilot had"
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.budget_tokens is not None and self.gpu_hours is not None:
            raise ValueError("name budget_tokens or gpu_hours, not both")
        return self
