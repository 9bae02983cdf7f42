"""Which labelled solutions go into the dataset, and in which views."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from pipeline.config.options import Options


class DecontaminateConfig(Options):
    """Leave out problems that share words in a row with test sets."""

    against: tuple[str, ...] = Field(
        min_length=1, description="files or folders of the test sets: JSONL, JSON, CSV or Parquet"
    )
    columns: tuple[str, ...] = Field(
        ("question", "problem", "prompt"), description="the test problem: the first that a row has"
    )
    ngram: int = Field(
        13, ge=1, description="words in a row that count; shorter test problems are compared whole"
    )


class DeduplicateConfig(Options):
    """Of solutions that are the same, keep one."""

    exact: bool = Field(
        True,
        description="the same problem and steps, blank space and case apart; programs as they stand",
    )
    near: float | None = Field(
        None, gt=0, le=1, description="also a Jaccard similarity from here on, by MinHash"
    )
    ngram: int = Field(5, ge=1, description="words in a row that the similarity is of")
    permutations: int = Field(128, ge=16, le=1024, description="of MinHash: more is finer")
    across_problems: bool = Field(
        False,
        description="compare solutions to different problems too, the problem's text with them",
    )


class ConsistencyConfig(Options):
    """PROF (arXiv 2509.03403): of a problem's right solutions those with high step values stay, of its
    wrong ones those with low values, until as many are right as wrong."""

    keep: float = Field(0.5, gt=0, le=1, description="share of a problem's solutions to keep")
    scores: str | None = Field(
        None,
        description="annotator whose step scores are the process reward; default: rollouts' values",
    )
    penalty: float = Field(
        0.0, ge=0, description="lambda, off the mean of one step or of long ones"
    )
    long_steps: int = Field(30, ge=2, description="H: so many steps are long")


class DisagreementConfig(Options):
    """ActPRM (arXiv 2504.10559): only solutions of which the witnesses are not all sure."""

    confidence: float = Field(
        0.95, gt=0.5, le=1, description="a mean chance below this, and above 1 less this, is unsure"
    )
    deviation: float = Field(
        0.005, ge=0, description="a standard deviation of the chances above this is unsure"
    )


class BalancedInformationConfig(Options):
    """BIS (arXiv 2602.04145): the solutions that mix right and wrong steps and are right reliably."""

    share: float = Field(0.25, gt=0, le=1, description="share of the solutions to keep")
    alpha: float = Field(
        0.05, ge=0, description="what a solution of one kind of steps still scores"
    )


class BalanceConfig(Options):
    """No kind of solution outnumbers the others."""

    by: tuple[Literal["outcome", "first_error", "difficulty", "level"], ...] = Field(
        ("outcome",),
        min_length=1,
        description="kinds: final answer right or wrong, index of the first error, quarter of the "
        "problem's pass rate, the problem's level; several are crossed",
    )
    ratio: float = Field(
        1.0,
        ge=1,
        description="a kind has at most so many times the rows of the (lower) median kind",
    )


class SelectConfig(Options):
    """Which labelled solutions trainers get; done in this order, and none by default. `evidence` keeps
    all, with the reason."""

    decontaminate: DecontaminateConfig | None = None
    deduplicate: DeduplicateConfig | None = None
    disagreement: DisagreementConfig | None = None
    consistency: ConsistencyConfig | None = None
    balanced_information: BalancedInformationConfig | None = None
    balance: BalanceConfig | None = None


class DatasetConfig(Options):
    views: tuple[str, ...] = Field(
        ("stepwise", "first_error", "evidence"),
        description="stepwise, first_error, soft, math_shepherd, rlhflow, prm800k, critique, preference, "
        "evidence, or module:attribute of yours",
    )
    select: SelectConfig = Field(default_factory=SelectConfig)
    test_share: float = Field(0.1, ge=0, lt=1, description="share of problems in the test split")
    license: str = Field("other", description="licence named in the card")
    rows_per_file: int = Field(50_000, ge=1, description="most rows of a Parquet file")

    @field_validator("views")
    @classmethod
    def _each_once(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        if not views or len(set(views)) < len(views):
            raise ValueError("name each view once, and one at least")
        return views
