"""What a run reads: problems, and the solutions that were brought along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.annotator import Annotator, ReadingAnnotator
from pipeline.config import RunConfig
from pipeline.errors import InputError
from pipeline.inputs import Rejected, read_problems, read_solutions
from pipeline.mutants import mutated
from pipeline.records import Problem, Solution
from pipeline.stages import key_of
from pipeline.steps import make_splitter


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was read: problems, the solutions brought along (None: to be generated), bad rows."""

    problems: tuple[Problem, ...]
    solutions: tuple[Solution, ...] | None
    rejected: tuple[Rejected, ...]

    @property
    def by_key(self) -> dict[str, Problem]:
        return {key_of(p): p for p in self.problems}


def read_inputs(config: RunConfig) -> Inputs:
    """Raises InputError where there is no good row, or at the first bad one if `strict`."""
    found = read_problems(config.problems)
    if config.solutions is None:
        return Inputs(tuple(found.rows), None, tuple(found.rejected))
    if config.solutions.path is None:
        return Inputs(tuple(found.rows), _mutants(config, found.rows), tuple(found.rejected))
    splitter = make_splitter(config.steps.split)
    brought = read_solutions(config.solutions, found.rows, splitter, config.steps.max_steps)
    return Inputs(tuple(found.rows), tuple(brought.rows), (*found.rejected, *brought.rejected))


def _mutants(config: RunConfig, problems: Sequence[Problem]) -> tuple[Solution, ...]:
    assert config.solutions is not None
    assert config.solutions.mutants is not None
    options = config.solutions.mutants
    solutions = tuple(one for problem in problems for one in mutated(problem, options))
    if not solutions:
        raise InputError(
            f"{config.problems.path}: no problem has tests and a reference program to mutate; name their "
            "columns under problems.columns: tests and reference"
        )
    return solutions[: config.solutions.limit]


def check_inputs(inputs: Inputs, annotators: Sequence[Annotator]) -> None:
    """Raises InputError where no problem has what an annotator reads."""
    if any((problem.reference or "").strip() for problem in inputs.problems):
        return
    for annotator in annotators:
        if isinstance(annotator, ReadingAnnotator) and annotator.shows_reference:
            raise InputError(
                f"annotators.{annotator.name}: reads the problem's reference solution, and no problem has "
                "one; name its column under problems.columns.reference"
            )
