"""What a run will cost, before it is paid: tokens a stage, from the problems and the configuration.

The estimate is rough on purpose and shows its assumptions; the run prints it against what was used.
Annotators say what they expect through `expected_completion_tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.annotator import Annotator, Expectation
from pipeline.config import RunConfig
from pipeline.records import Problem

CHARS_PER_TOKEN = 3.5
ASSUMED_SOLUTION_TOKENS = 256
ASSUMED_STEPS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Sampled tokens by stage. `solutions` is how many there will be; `assumed` says where their
    length comes from."""

    solutions: int
    solution_tokens: float
    by_stage: Mapping[str, int]
    assumed: str = ""

    @property
    def total(self) -> int:
        return sum(self.by_stage.values())


def make_plan(
    config: RunConfig,
    problems: Sequence[Problem],
    imported: int | None,
    annotators: Sequence[Annotator],
) -> Plan:
    """`imported`: number of solutions brought along, None where they are generated."""
    references = [p.reference for p in problems if p.reference]
    if references:
        tokens = sum(map(len, references)) / len(references) / CHARS_PER_TOKEN
        steps = sum(r.strip().count("\n") + 1 for r in references) / len(references)
        assumed = f"as the {len(references)} references"
    else:
        assumed = "assumed, as no problem has a reference"
        tokens, steps = ASSUMED_SOLUTION_TOKENS, ASSUMED_STEPS
    tokens = min(tokens, config.generate.sampling.max_tokens)
    expectation = Expectation(tokens, steps)
    by_stage: dict[str, int] = {}
    if imported is None:
        solutions = len(problems) * config.generate.samples
        by_stage["generate"] = round(solutions * tokens)
    else:
        solutions = imported
    for annotator in annotators:
        by_stage[annotator.name] = round(
            solutions * annotator.expected_completion_tokens(expectation)
        )
    return Plan(solutions, tokens, by_stage, assumed)
