"""What an annotator is: one kind of evidence about where a solution's first error lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pipeline.config import Options
from pipeline.engine.protocol import Engine
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import Solution, Verdict


@dataclass(frozen=True, slots=True)
class Tools:
    """What the run lends an annotator: the engine of its role (None where it asked for none), the
    run's grader, and the prompt that its solutions were generated with."""

    engine: Engine | None
    grader: Grader
    prompt: PromptTemplate


@dataclass(frozen=True, slots=True)
class Expectation:
    """An average solution, before there is one: `tokens` long, `steps` steps, wrong with chance
    `wrong`."""

    tokens: float
    steps: float
    wrong: float = 0.4


class Annotator(Protocol):
    """One file in `annotators/`, one line in its registry; made as `Kind(name, options)`.

    `name` is the verdicts' folder; `role` names the engine it needs ("policy", "judge", …) or None.
    `fingerprint` covers its options, prompts and version: a change makes new verdicts.
    `uses_outcome` says that it reads outcomes or grades rollouts, so that a change of the grading
    or of the generation prompt makes new verdicts too.

    `annotate` raises nothing for what a solution or a model says: it returns an undecided verdict
    with the reason. An EngineError escapes; the run counts it and a later run tries again.
    """

    OPTIONS: ClassVar[type[Options]]
    name: str
    role: str | None
    fingerprint: str
    uses_outcome: bool

    def __init__(self, name: str, options: Any) -> None: ...

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """Sampled tokens for an average solution: what the plan of a run is made of."""
        ...

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict: ...
