"""What an annotator is: one kind of evidence about where a solution's first error lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from pipeline.config import Options
from pipeline.engine.protocol import Engine, Sampling
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import ProbeCount, Solution, Verdict
from pipeline.sandbox import Sandbox
from pipeline.search.protocol import NOTHING_KNOWN, Known


def nothing_known(solution: Solution, sampling: Sampling) -> Known:
    """A solution that no one has looked at."""
    return NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class Tools:
    """What the run lends an annotator: the engine of its role (None where it asked for none), the
    run's grader, the prompt that its solutions were generated with, what is `known` of a solution, and
    the sandbox where it is an ExecutingAnnotator.
    Its rollouts, those of its siblings among them, are there where they were sampled by this engine
    and as `sampling` says; its hints are of the annotators that this one is `hinted_by`."""

    engine: Engine | None
    grader: Grader
    prompt: PromptTemplate
    known: Callable[[Solution, Sampling], Known] = nothing_known
    sandbox: Sandbox | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """An average solution, before there is one: `tokens` long, `steps` steps, wrong with chance
    `wrong`. `known`: what will be known of a wrong one's prefixes, where an annotator samples them
    as `sampling` says."""

    tokens: float
    steps: float
    wrong: float = 0.4
    known: tuple[ProbeCount, ...] = ()
    sampling: Sampling | None = None


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


@runtime_checkable
class ExecutingAnnotator(Annotator, Protocol):
    """An annotator that runs code which models wrote, in the sandbox of its tools. The run opens one,
    or refuses to begin. It may name `packages` that the sandbox is to load, beyond those always there."""

    executes: ClassVar[bool]


@runtime_checkable
class HintedAnnotator(Annotator, Protocol):
    """An annotator that knows what others said. It runs after them, and its verdicts rest on theirs:
    they are no independent witnesses beside it."""

    hinted_by: tuple[str, ...]
    """Names of annotators that are not hinted themselves."""


def hints_of(annotator: Annotator) -> tuple[str, ...]:
    """Whose verdicts it is told of; none for most."""
    return annotator.hinted_by if isinstance(annotator, HintedAnnotator) else ()


@runtime_checkable
class AskingAnnotator(Annotator, Protocol):
    """An annotator with prompts of its own."""

    prompts: tuple[PromptTemplate, ...]


@runtime_checkable
class ScoringAnnotator(Annotator, Protocol):
    """An annotator that may have its engine score given texts, which not every server can."""

    scores_texts: bool


@runtime_checkable
class ReadingAnnotator(Annotator, Protocol):
    """An annotator that may need the problem's reference solution, and says nothing where there is none."""

    shows_reference: bool


@runtime_checkable
class VotingAnnotator(Annotator, Protocol):
    """An annotator whose first vote can be asked for by itself, and later all of them: the first is then
    among them, its call is on record, and it isn't made again."""

    @property
    def votes_apart(self) -> int:
        """Votes that it casts; 1: they can't be told apart."""
        ...

    def apart(self, first_only: bool) -> Annotator:
        """Who asks for the first vote alone, or for all, the first by itself."""
        ...


@runtime_checkable
class LearningAnnotator(Annotator, Protocol):
    """An annotator with something to learn from a few solutions before it looks at the rest.

    The run chooses them by content hash, lets `pilot()` annotate the first of them, and the others whoever
    is `knowing` what these taught. What `learn` makes of all is kept in a file, once: every verdict rests
    on the same facts, whatever order shards end in.
    """

    pilot_size: int
    """Solutions to learn from first; 0: nothing to learn."""
    teaching: int
    """Solutions to learn from in all, where there are so many."""

    def pilot(self) -> Annotator:
        """Who annotates the pilot."""
        ...

    def learn(self, pilot: Sequence[tuple[Solution, Verdict]], tools: Tools) -> dict[str, Any]:
        """What these teach, as JSON. `tools` are those of the annotations, without an engine."""
        ...

    def knowing(self, facts: dict[str, Any]) -> Annotator:
        """The annotator that has learned `facts`; its fingerprint covers them."""
        ...
