"""What waits together is one batch, and nothing of it shows in the answers."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from pipeline.config import EngineConfig
from pipeline.engine.protocol import (
    Prompt,
    SampleRequest,
    SampleResult,
    Sampling,
)
from pipeline.engine.transformers_engine import TransformersEngine
from pipeline.errors import EngineFaultError

pytestmark = pytest.mark.slow

LONGEST = 64
GREEDY = Sampling(max_tokens=24, temperature=0.0)


def ask(tokens: int) -> SampleRequest:
    return SampleRequest(Prompt("", tuple(range(4, 24)) * (tokens // 20)), GREEDY)


async def sampled(model: Path, *requests: SampleRequest) -> list[SampleResult]:
    config = EngineConfig(kind="transformers", model=str(model), max_model_len=LONGEST)
    engine = TransformersEngine(config, 1)
    try:
        return await asyncio.gather(*map(engine.sample, requests))
    finally:
        await engine.close()


async def test_a_long_prompt_leaves_the_others_their_room(tiny_model: Path) -> None:
    (alone,) = await sampled(tiny_model, ask(20))
    beside, long = await sampled(tiny_model, ask(20), ask(60))
    assert len(alone.completions[0].token_ids) > LONGEST - 60
    assert len(long.completions[0].token_ids) <= LONGEST - 60
    assert beside.completions == alone.completions


async def test_the_model_s_own_way_of_sampling_stays_out(tiny_model: Path, tmp_path: Path) -> None:
    penal = shutil.copytree(tiny_model, tmp_path / "model")
    path = penal / "generation_config.json"
    own = {"eos_token_id": json.loads(path.read_text())["eos_token_id"], "repetition_penalty": 9.0}
    path.write_text(json.dumps(own))
    (plain,), (penalised,) = [await sampled(model, ask(20)) for model in (tiny_model, penal)]
    assert penalised.completions == plain.completions


async def test_a_token_that_the_model_does_not_have_is_a_fault_and_nobody_waits(
    tiny_model: Path,
) -> None:
    with pytest.raises(EngineFaultError, match="IndexError"):
        await sampled(tiny_model, SampleRequest(Prompt("", (10**6,)), GREEDY))
