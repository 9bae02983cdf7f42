"""Reading an OpenAI-compatible server's answers. What does not hold what was asked is a fault."""

from __future__ import annotations

from typing import Any

from pipeline.engine.protocol import Completion, Prompt, SampleResult, ScoreRequest
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from pipeline.records import Cost

BYTES_PER_TOKEN = 3
"""Of a text whose tokens nobody counted: rather too many tokens than too few."""
MOST_COUNTED = 2**31 - 1
"""Of tokens, and of the number of one; what is larger is no count."""


def read_answer(
    answer: dict[str, Any], n: int, seconds: float, where: str, prompt: Prompt
) -> SampleResult:
    """Completions in the order of their index, and the cost by the server's own count, or by the length of
    the texts where it counts nothing."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != n:
        got = len(choices) if isinstance(choices, list) else "no"
        raise EngineFaultError(
            f"{where}: {got} choices in the answer, {n} were asked for (`n`); a server that gives one at a "
            "time can't be used where several are wanted: generate.samples, votes, rollouts"
        )
    completions = [_completion(choice, where) for choice in sorted(choices, key=_index)]
    return SampleResult(tuple(completions), _cost(answer, completions, seconds, prompt))


def counts_nothing(answer: dict[str, Any]) -> bool:
    usage = answer.get("usage")
    return not isinstance(usage, dict) or not _count(usage, "prompt_tokens")


def _index(choice: Any) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) else 0


def _completion(choice: Any, where: str) -> Completion:
    if not isinstance(choice, dict):
        raise EngineFaultError(f"{where}: a choice in the answer is not an object")
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    if isinstance(message, dict):
        text = text or ""
        thought = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(thought, str) and thought:
            text = f"<think>{thought}</think>{text}"
    reason = choice.get("finish_reason")
    if not isinstance(text, str):
        raise EngineFaultError(f"{where}: a choice in the answer has no text")
    if reason == "content_filter":
        raise BadRequestError(f"{where}: the server's content filter cut the answer")
    if reason not in ("stop", "length"):
        raise EngineFaultError(f"{where}: finish_reason is {reason!r}, neither stop nor length")
    ids = choice.get("token_ids")
    known = isinstance(ids, list) and all(
        isinstance(i, int) and 0 <= i <= MOST_COUNTED for i in ids
    )
    return Completion(text, reason, tuple(ids) if known and ids else ())


def _cost(
    answer: dict[str, Any], completions: list[Completion], seconds: float, prompt: Prompt
) -> Cost:
    written = sum(len(c.token_ids) or _estimated(c.text) for c in completions)
    if counts_nothing(answer):
        said = prompt.text or "\n".join(content for _, content in prompt.messages or ())
        asked = len(prompt.token_ids or ()) or _estimated(said)
        return Cost(1, asked, 0, written, seconds)
    counts: dict[str, Any] = answer["usage"]
    details = counts.get("prompt_tokens_details")
    return Cost(
        calls=1,
        prompt_tokens=_count(counts, "prompt_tokens"),
        cached_tokens=_count(details if isinstance(details, dict) else {}, "cached_tokens"),
        completion_tokens=_count(counts, "completion_tokens") or written,
        seconds=seconds,
    )


def _estimated(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def _count(counts: dict[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) and 0 <= value <= MOST_COUNTED else 0


def read_logprobs(
    answer: dict[str, Any], request: ScoreRequest, begin: int | None, where: str
) -> tuple[float, ...]:
    """One for each token of the continuation: from vLLM's `prompt_logprobs` when the ids were
    ours and the continuation's begin at `begin`, else from echoed text and its offsets."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise EngineFaultError(f"{where}: no choice in the answer to a scoring request")
    try:
        if begin is not None:
            rows = choice["prompt_logprobs"][begin:]
            return tuple(float(next(iter(row.values()))["logprob"]) for row in rows)
        found = choice["logprobs"]
        start = len(request.prompt.text)
        end = start + len(request.continuation)
        pairs = zip(found["text_offset"], found["token_logprobs"], strict=True)
        values = tuple(float(value) for offset, value in pairs if start <= offset < end)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise PrerequisiteError(
            f"{where}: the server does not give the log-probabilities of a given text; a vLLM "
            "server does (kind: openai with tokenizer set, or kind: vllm)"
        ) from error
    if not values:
        raise PrerequisiteError(
            f"{where}: the server echoes no token of the continuation; set this engine's tokenizer"
        )
    return values
