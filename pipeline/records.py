"""The one vocabulary: Problem, Solution, Verdict, Label and Cost, each with its Arrow schema.

Step indices are 0-based everywhere and -1 means "no step is wrong" (ProcessBench's convention).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.arrow import Record

NO_ERROR = -1


class Outcome(StrEnum):
    """Of a solution or a rollout. UNDECIDED is never evidence against a step."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNDECIDED = "undecided"


class Status(StrEnum):
    """Of a check of one claim by execution."""

    EXACT = "exact"
    CONTRADICTED = "contradicted"
    UNCHECKED = "unchecked"


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
"""Made once: `json.dumps` makes another for each call."""


def content_hash(*parts: Any, length: int = 16) -> str:
    """Hex digest of JSON-able `parts`: the key under which rows, parts and calls are known."""
    text = _CANONICAL.encode(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """What was paid: engine calls, tokens and engine seconds (summed over calls, not wall time).

    `prompt_tokens` counts every prompt token asked for, `cached_tokens` those of them that the
    engine's prefix cache served. Replayed calls cost what they cost when they were made.
    """

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("calls", pa.int64()),
            ("prompt_tokens", pa.int64()),
            ("cached_tokens", pa.int64()),
            ("completion_tokens", pa.int64()),
            ("seconds", pa.float64()),
        ]
    )

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Problem(Record):
    """A question with a gold answer. `id` is the user's, or a hash of question and answer.

    `tests`: Python that raises where a program that solves the problem is wrong; there the answer only
    says so. `tables`: JSON, as `pipeline.inputs.given_tables` writes it; the answer may be a query on them.
    """

    id: str
    question: str
    answer: str
    reference: str | None = None
    source: str | None = None
    level: str | None = None
    tests: str | None = None
    tables: str | None = None

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("id", pa.string()),
            ("question", pa.string()),
            ("answer", pa.string()),
            ("reference", pa.string()),
            ("source", pa.string()),
            ("level", pa.string()),
            ("tests", pa.string()),
            ("tables", pa.string()),
        ]
    )


@dataclass(frozen=True, slots=True)
class ProbeCount(Record):
    """Rollouts from prefix(`prefix`): `right` of `decided` reached the gold answer."""

    prefix: int
    right: int
    decided: int
    undecided: int = 0

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("prefix", pa.int32()),
            ("right", pa.int32()),
            ("decided", pa.int32()),
            ("undecided", pa.int32()),
        ]
    )


@dataclass(frozen=True, slots=True)
class Solution(Record):
    """One attempt at a problem.

    `steps` joined without a separator is the solution's text, byte for byte.
    `token_ids` are the sampled ids where the engine gave them (empty for imported text, and where
    steps were given).
    `answer` is the final answer found, by the rule named in `answer_rule`, or None.
    `given`: steps that the policy was given when it wrote the rest; 0 where it wrote all of them.
    `known`: rollouts from prefixes 1..T-1 that were paid for while a tree was grown
    (`pipeline.search.tree`), by the generator and as `generate` samples; the solution isn't among them.
    `tests` and `tables` are the problem's. `run`: the run it was made in, where several were merged.
    """

    id: str
    problem_id: str
    question: str
    gold: str
    steps: tuple[str, ...]
    generator: str
    index: int = 0
    answer: str | None = None
    answer_rule: str | None = None
    outcome: Outcome = Outcome.UNDECIDED
    outcome_reason: str | None = None
    finish_reason: str = "stop"
    reference: str | None = None
    level: str | None = None
    token_ids: tuple[int, ...] = ()
    given: int = 0
    known: tuple[ProbeCount, ...] = ()
    cost: Cost = field(default_factory=Cost)
    tests: str | None = None
    tables: str | None = None
    run: str | None = None

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("id", pa.string()),
            ("problem_id", pa.string()),
            ("question", pa.string()),
            ("gold", pa.string()),
            ("steps", pa.list_(pa.string())),
            ("generator", pa.string()),
            ("index", pa.int32()),
            ("answer", pa.string()),
            ("answer_rule", pa.string()),
            ("outcome", pa.string()),
            ("outcome_reason", pa.string()),
            ("finish_reason", pa.string()),
            ("reference", pa.string()),
            ("level", pa.string()),
            ("token_ids", pa.list_(pa.int32())),
            ("given", pa.int32()),
            ("known", pa.list_(ProbeCount.struct())),
            ("cost", Cost.struct()),
            ("tests", pa.string()),
            ("tables", pa.string()),
            ("run", pa.string()),
        ]
    )

    @property
    def text(self) -> str:
        return "".join(self.steps)


@dataclass(frozen=True, slots=True)
class Vote(Record):
    """One judge answer. `first_error` is None when it could not be parsed: a missing vote."""

    first_error: int | None
    rationale: str
    reason: str | None = None

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [("first_error", pa.int32()), ("rationale", pa.string()), ("reason", pa.string())]
    )


@dataclass(frozen=True, slots=True)
class Check(Record):
    """One executed claim: characters start..end of `steps[step]`, and what execution says."""

    step: int
    start: int
    end: int
    claim: str
    status: Status
    expected: str | None = None

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("step", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("claim", pa.string()),
            ("status", pa.string()),
            ("expected", pa.string()),
        ]
    )


@dataclass(frozen=True, slots=True)
class Verdict(Record):
    """What one annotator says of one solution, from its own evidence alone.

    `first_error` is its point answer, None when it has none (`reason` then says why).
    `log_likelihood`, where the annotator has a model of its evidence, has one entry for each
    first error -1..T-1 in that order (length T+1) and holds no prior over the first error and no
    other witness. `confidence` is the posterior of its likeliest first error under its own prior,
    and the hints that it was given.
    The four kinds of evidence (counts at prefixes, votes, checks, a score a step) are generic:
    a reader can show any annotator's verdict without knowing the annotator.
    """

    solution_id: str
    annotator: str
    first_error: int | None
    reason: str | None = None
    log_likelihood: tuple[float, ...] | None = None
    confidence: float | None = None
    probes: tuple[ProbeCount, ...] = ()
    votes: tuple[Vote, ...] = ()
    checks: tuple[Check, ...] = ()
    scores: tuple[float | None, ...] = ()
    cost: Cost = field(default_factory=Cost)

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("solution_id", pa.string()),
            ("annotator", pa.string()),
            ("first_error", pa.int32()),
            ("reason", pa.string()),
            ("log_likelihood", pa.list_(pa.float64())),
            ("confidence", pa.float64()),
            ("probes", pa.list_(ProbeCount.struct())),
            ("votes", pa.list_(Vote.struct())),
            ("checks", pa.list_(Check.struct())),
            ("scores", pa.list_(pa.float64())),
            ("cost", Cost.struct()),
        ]
    )

    @property
    def decided(self) -> bool:
        return self.first_error is not None


@dataclass(frozen=True, slots=True)
class Label(Record):
    """The fused label of one solution.

    `first_error` is None when the solution is set aside; `reason` then says why.
    `step_labels`: +1 right, -1 wrong, 0 neutral, None unknown (every step after the first error).
    `values`: Monte-Carlo share of right rollouts after each step, None where none was made.
    """

    solution_id: str
    first_error: int | None
    step_labels: tuple[int | None, ...]
    values: tuple[float | None, ...] = ()
    confidence: float | None = None
    agreed: tuple[str, ...] = ()
    reason: str | None = None

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("solution_id", pa.string()),
            ("first_error", pa.int32()),
            ("step_labels", pa.list_(pa.int8())),
            ("values", pa.list_(pa.float64())),
            ("confidence", pa.float64()),
            ("agreed", pa.list_(pa.string())),
            ("reason", pa.string()),
        ]
    )

    @property
    def kept(self) -> bool:
        return self.first_error is not None


def step_labels_for(first_error: int | None, n_steps: int) -> tuple[int | None, ...]:
    """+1 before the first error, -1 at it, None after it; all None when it is not known."""
    if first_error is None:
        return (None,) * n_steps
    if first_error == NO_ERROR:
        return (1,) * n_steps
    return (1,) * first_error + (-1,) + (None,) * (n_steps - first_error - 1)
