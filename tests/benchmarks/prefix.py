"""Prefix-cache hits: how many there could be at best, counted from token ids alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.engine.journal_files import CallRecord
from pipeline.engine.models import on_gpu
from pipeline.engine.vllm_engine import CPU_BLOCK_TOKENS

GPU_BLOCK_TOKENS = 16


class Sampled(NamedTuple):
    """A request's token ids: its prompt's, and those of each of its samples."""

    prompt: Sequence[int]
    samples: Sequence[Sequence[int]]


def ideal_hits(requests: Iterable[Sampled], block: int) -> float:
    """Prompt tokens that could at best have come from a cache that forgets nothing, for requests in
    the order they were made; of one of a request's samples, on average, as vLLM counts them.

    As in vLLM, whole blocks are found that begin an earlier text, sampled tokens among it; the last
    token of a prompt is always computed anew, and of a sample the last is never computed. All samples
    of a request but the first find its prompt.
    """
    seen: set[int] = set()
    total = 0.0
    for prompt, samples in requests:
        usable = (len(prompt) - 1) // block
        hashes = _blocks(prompt, block)
        found = 0
        while found < usable and hashes[found] in seen:
            found += 1
        n = len(samples)
        total += block * (found + (n - 1) * usable) / n
        seen.update(hashes)
        for sample in samples:
            seen.update(_blocks([*prompt, *sample[:-1]], block))
    return total


def _blocks(ids: Sequence[int], block: int) -> list[int]:
    """A hash of each whole block, and of all that lies before it."""
    hashes, before = [], 0
    for begin in range(0, len(ids) - block + 1, block):
        before = hash((before, tuple(ids[begin : begin + block])))
        hashes.append(before)
    return hashes


def hits(records: Iterable[CallRecord]) -> tuple[int, float]:
    """(cached prompt tokens, those there could have been at best) of all calls to one vLLM."""
    sampled = [r for r in records if r.prompt_ids is not None and r.completions]
    sampled.sort(key=lambda r: r.at - r.cost.seconds)
    ideal = ideal_hits(
        (Sampled(r.prompt_ids or (), [c.token_ids for c in r.completions]) for r in sampled),
        GPU_BLOCK_TOKENS if on_gpu() else CPU_BLOCK_TOKENS,
    )
    return sum(r.cost.cached_tokens for r in sampled), ideal
