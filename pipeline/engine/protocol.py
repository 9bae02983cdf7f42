"""What every engine can do: sample continuations of a prompt, and score a given one.

An engine is opened once, used by hundreds of coroutines at a time, and closed once.
It never grades, splits or labels; it turns prompts into text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from pipeline.records import Cost


@dataclass(frozen=True, slots=True)
class Turns:
    """What a prompt template gives: one user turn, maybe a system turn before it.

    `raw` means the user text is the whole prompt of a completion model: no chat template.
    `own` is the template's wording: control tokens that it holds are meant, others are refused.
    """

    user: str
    system: str | None = None
    raw: bool = False
    own: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text to be continued, with its token ids where they are known (then the ids are sent).

    A chat prompt is already rendered to text by the engine's renderer; `messages` (role, content)
    is set for a server that renders by itself, the last of them, if it is the assistant's, to be
    continued.
    """

    text: str
    token_ids: tuple[int, ...] | None = None
    messages: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample. Part of a call's identity.

    `schema` (JSON) is what a completion has to follow where the engine can see to it: vLLM, and a
    server that takes `response_format`. Others sample as if there were none: who reads a completion
    checks it all the same.
    """

    max_tokens: int = 1024
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop: tuple[str, ...] = ()
    schema: str | None = None

    def is_like(self, other: Sampling) -> bool:
        """Whether both draw alike; only their length limits may differ."""
        return replace(self, max_tokens=other.max_tokens) == other


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """`n` independent continuations of `prompt`.

    `draw` tells apart calls that are otherwise the same, so that the second group of rollouts from
    one prefix is a new sample and not a record of the first.
    """

    prompt: Prompt
    sampling: Sampling
    n: int = 1
    draw: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation. `finish_reason` is "stop" (it ended by itself), or "length" (cut)."""

    text: str
    finish_reason: str
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleResult:
    completions: tuple[Completion, ...]
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Log-likelihood of `continuation` after `prompt`."""

    prompt: Prompt
    continuation: str


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """`logprobs`: one natural log for each token of the continuation."""

    logprobs: tuple[float, ...]
    cost: Cost = field(default_factory=Cost)


class Renderer(Protocol):
    """Turns -> Prompt, by the model's own tokenizer and chat template."""

    def render(self, turns: Turns, answer_prefix: str = "") -> Prompt:
        """The prompt, with `answer_prefix` as the beginning of the answer to be continued."""
        ...

    def prefixes(self, turns: Turns, steps: Sequence[str]) -> list[Prompt]:
        """Prompts of prefix(0..T) (length T+1) of a solution: tokenised once, its ids cut at step
        ends, so that each prompt's ids begin the next one's and the prefix cache serves them.
        Where a token spans two steps, that one prefix is tokenised by itself."""
        ...


@runtime_checkable
class Engine(Protocol):
    """One model, ready to answer.

    `fingerprint` names model and weights (not the sampling): it enters the key of every call.
    `max_in_flight` is how many sequences it likes to have at once (1.5-2x max_num_seqs).
    Raises BadRequestError for what is never worth another try, EngineFaultError for the rest.
    """

    fingerprint: str
    max_in_flight: int

    @property
    def renderer(self) -> Renderer: ...

    async def open(self) -> None: ...

    async def sample(self, request: SampleRequest) -> SampleResult: ...

    async def score(self, request: ScoreRequest) -> ScoreResult: ...

    async def close(self) -> None: ...
