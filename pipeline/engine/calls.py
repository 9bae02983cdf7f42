"""From requests and results to journal records and back, and the key a call is known by."""

from __future__ import annotations

import dataclasses
import json
import time
from functools import lru_cache

from pipeline.engine.journal_files import CallRecord, CompletionRow
from pipeline.engine.protocol import (
    Prompt,
    SampleRequest,
    SampleResult,
    Sampling,
    ScoreRequest,
    ScoreResult,
)
from pipeline.records import content_hash

KEY_LENGTH = 32


def call_key(fingerprint: str, request: SampleRequest | ScoreRequest, seed: int) -> str:
    """A hash of the model and all that was asked: the same question has the same key, in this run
    and in the next. Token ids stand for the prompt where they are known. `seed` is the run's: with
    another one samples are drawn anew, while a score is the same."""
    prompt = request.prompt
    asked = prompt.text if prompt.token_ids is None else list(prompt.token_ids)
    if isinstance(request, SampleRequest):
        how = _how(request.sampling)
        return content_hash(
            fingerprint, seed, "sample", asked, how, request.n, request.draw, length=KEY_LENGTH
        )
    return content_hash(fingerprint, "score", asked, request.continuation, length=KEY_LENGTH)


def sample_record(
    key: str, fingerprint: str, request: SampleRequest, result: SampleResult
) -> CallRecord:
    return CallRecord(
        key,
        fingerprint,
        "sample",
        **_asked(request.prompt),  # type: ignore[arg-type]
        sampling=_how_text(request.sampling),
        n=request.n,
        draw=request.draw,
        completions=tuple(
            CompletionRow(_clean(c.text), c.finish_reason, c.token_ids) for c in result.completions
        ),
        cost=result.cost,
        at=time.time(),
    )


def score_record(
    key: str, fingerprint: str, request: ScoreRequest, result: ScoreResult
) -> CallRecord:
    return CallRecord(
        key,
        fingerprint,
        "score",
        **_asked(request.prompt),  # type: ignore[arg-type]
        continuation=_clean(request.continuation),
        logprobs=result.logprobs,
        cost=result.cost,
        at=time.time(),
    )


def sample_result(record: CallRecord) -> SampleResult:
    return SampleResult(tuple(row.completion() for row in record.completions), record.cost)


def score_result(record: CallRecord) -> ScoreResult:
    return ScoreResult(record.logprobs, record.cost)


def sample_request(record: CallRecord) -> SampleRequest:
    """The request a record answers, to be asked again. Its prompt has no text where ids were sent."""
    sampling = json.loads(record.sampling or "{}")
    return SampleRequest(
        Prompt(record.prompt_text or "", record.prompt_ids),
        Sampling(**sampling | {"stop": tuple(sampling.get("stop", ()))}),
        record.n,
        record.draw,
    )


@lru_cache(256)
def _how_text(sampling: Sampling) -> str:
    return json.dumps(_how(sampling), sort_keys=True)


@lru_cache(256)
def _how(sampling: Sampling) -> dict[str, object]:
    """Without a schema, as calls were recorded before there were schemas."""
    how = dataclasses.asdict(sampling)
    return how if how["schema"] is not None else {k: v for k, v in how.items() if k != "schema"}


def _asked(prompt: Prompt) -> dict[str, object]:
    known = prompt.token_ids is not None
    return {
        "text_hash": content_hash(prompt.text),
        "prompt_text": None if known else _clean(prompt.text),
        "prompt_ids": prompt.token_ids,
    }


def _clean(text: str) -> str:
    """Lone surrogates, which a server's JSON may hold and Parquet may not, become `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
