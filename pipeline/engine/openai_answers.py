"""Reading an OpenAI-compatible server's answers. What does not hold what was asked is a fault."""

from __future__ import annotations

from typing import Any

from pipeline.engine.protocol import Completion, SampleResult, ScoreRequest
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from pipeline.records import Cost


def read_answer(answer: dict[str, Any], n: int, seconds: float, where: str) -> SampleResult:
    """Completions in the order of their index, and the cost by the server's own count."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != n:
        got = len(choices) if isinstance(choices, list) else "no"
        raise EngineFaultError(f"{where}: {got} choices in the answer, {n} were asked for")
    completions = [_completion(choice, where) for choice in sorted(choices, key=_index)]
    return SampleResult(tuple(completions), _cost(answer.get("usage"), completions, seconds))


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
    known = isinstance(ids, list) and all(isinstance(i, int) for i in ids)
    return Completion(text, reason, tuple(ids) if known and ids else ())


def _cost(usage: Any, completions: list[Completion], seconds: float) -> Cost:
    counts = usage if isinstance(usage, dict) else {}
    details = counts.get("prompt_tokens_details")
    return Cost(
        calls=1,
        prompt_tokens=_count(counts, "prompt_tokens"),
        cached_tokens=_count(details if isinstance(details, dict) else {}, "cached_tokens"),
        completion_tokens=_count(counts, "completion_tokens")
        or sum(len(c.token_ids) for c in completions),
        seconds=seconds,
    )


def _count(counts: dict[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) and value >= 0 else 0


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
