"""What comes in: problems with known answers, and solutions brought along."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pipeline.config.options import Options


class ColumnsConfig(Options):
    """Which column of the file holds what; dots reach into objects (`meta.level`)."""

    id: str | None = Field(None, description="default: `id` where there is one, else a hash")
    question: str = Field("question", description="the problem's text")
    answer: str = Field("answer", description="the gold answer (a worked answer is reduced to it)")
    reference: str | None = Field(None, description="a worked solution")
    level: str | None = Field(None, description="difficulty, kept for the tables")
    tests: str | None = Field(
        None,
        description="Python (or a list of it) that raises where a program is wrong: the answer is then a "
        "program, and no `answer` is needed",
    )
    entry_point: str | None = Field(
        None, description="name of the function that tests with a check() are to check (HumanEval)"
    )
    tables: str | None = Field(
        None,
        description='what queries are run on: {"name": {"columns": [...], "rows": [[...]]}}, or JSON text of '
        "it; an `answer` that is a query is run on them too",
    )


class ProblemsConfig(Options):
    path: str = Field(
        description="JSONL, JSON, CSV, TSV or Parquet file, a folder of them, or a datasets folder"
    )
    columns: ColumnsConfig = Field(default_factory=ColumnsConfig)
    limit: int | None = Field(None, ge=1, description="take the first N good rows")
    license: str | None = Field(None, description="licence of the problems, named in the card")
    max_chars: int = Field(20_000, ge=1, description="longest question, in characters")
    strict: bool = Field(False, description="stop at the first bad row instead of setting it aside")


class SolutionColumnsConfig(Options):
    problem_id: str | None = Field(None, description="joins a row to its problem")
    question: str | None = Field(None, description="joins a row by the problem's text instead")
    text: str | tuple[str, ...] | None = Field(
        None,
        description="the whole solution as one text; a list of columns, such as `a.solution`, where "
        "a row holds several: the first part of each name (`a`) is then its generator",
    )
    steps: str | None = Field(None, description="or the solution as a list of steps")
    generator: str | None = Field(None, description="the model that wrote it")
    id: str | None = Field(None, description="default: a hash of problem and text")


class MutantsConfig(Options):
    """Reference programs with one line changed, as solutions (`pipeline.mutants`)."""

    per_line: int = Field(2, ge=1, description="mutants of a line at most")
    most: int = Field(64, ge=1, description="mutants of a problem at most")


class SolutionsConfig(Options):
    """Solutions that are there already: generation is skipped."""

    path: str | None = Field(
        None, description="JSONL, JSON, CSV, TSV or Parquet file, or a folder of them"
    )
    mutants: MutantsConfig | None = Field(
        None,
        description="where there is no path: each problem's reference program, and its mutants (PRLCoder); "
        "needs problems with tests",
    )
    form: str = Field(
        "processbench",
        description="how published rows hold problem and steps: processbench (columns as they stand), "
        "one_based, prm800k, stepwise, math_shepherd, rlhflow, critique or preference; their labels are "
        "not taken over, the solutions are labelled anew",
    )
    license: str | None = Field(None, description="licence of the solutions, named in the card")
    columns: SolutionColumnsConfig = Field(default_factory=SolutionColumnsConfig)
    limit: int | None = Field(None, ge=1, description="take the first N good rows")
    max_chars: int = Field(200_000, ge=1, description="longest solution, in characters")
    strict: bool = Field(False, description="stop at the first bad row instead of setting it aside")

    @model_validator(mode="after")
    def _from_somewhere(self) -> Self:
        if self.path is None and self.mutants is None:
            raise ValueError("name the file of the solutions under `path`, or ask for `mutants`")
        return self
