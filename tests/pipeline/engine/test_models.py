"""The same questions to vLLM in process, a real vLLM server and transformers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.config import EngineConfig
from pipeline.engine import make_engine
from pipeline.engine.protocol import (
    Engine,
    Prompt,
    SampleRequest,
    SampleResult,
    Sampling,
    ScoreRequest,
    Turns,
)
from pipeline.engine.reaper import descendants
from pipeline.errors import BadRequestError, EngineFaultError, PrerequisiteError
from tests.pipeline.engine.conftest import ROOT, Server
from tests.vllm_server import Starting

GREEDY = Sampling(max_tokens=12, temperature=0.0)
TURNS = Turns(" wa = 1 2 . wb = 3 :", raw=True)
pytestmark = pytest.mark.vllm

HOLDER = """
import asyncio, sys
from pipeline.config import EngineConfig
from pipeline.engine import make_engine

async def main():
    args = dict(model=sys.argv[1], kv_cache_gib=0.1, memory_share=1.0, max_model_len=256)
    await make_engine(EngineConfig(**args), 1, 1).open()
    print("open", flush=True)
    await asyncio.sleep(3600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def vllm_config(model: Path, **more: object) -> EngineConfig:
    options = {"kv_cache_gib": 0.25, "memory_share": 0.5, "max_model_len": 256, "dtype": "float32"}
    return EngineConfig.model_validate({"model": str(model), **options, **more})


def openai_config(server: Server, **more: object) -> EngineConfig:
    options = {"kind": "openai", "model": str(server.model), "url": server.url}
    return EngineConfig.model_validate({**options, **more})


def reference(model: Path) -> Engine:
    config = EngineConfig(kind="transformers", model=str(model), dtype="float32")
    return make_engine(config, 1, 1)


async def greedy(engine: Engine, prefix: str = "") -> SampleResult:
    return await engine.sample(SampleRequest(engine.renderer.render(TURNS, prefix), GREEDY))


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def holder(chat_model: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with an engine of its own, which it opens beside the others; to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(chat_model)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="module")
def vllm(
    chat_model: Path,
    loop: asyncio.AbstractEventLoop,
    starting_server: Starting,
    holder: subprocess.Popen[str],
) -> Iterator[Engine]:
    """An engine in this process. What the file needs besides starts at the same time."""
    engine = make_engine(vllm_config(chat_model), 7, 1)
    loop.run_until_complete(engine.open())
    yield engine
    loop.run_until_complete(engine.close())


def test_vllm_transformers_and_the_server_agree_on_greedy_text_and_scores(
    vllm: Engine, vllm_server: Server, loop: asyncio.AbstractEventLoop, chat_model: Path
) -> None:
    engines = [vllm, reference(chat_model), make_engine(openai_config(vllm_server), 1, 1)]

    async def ask(engine: Engine) -> tuple[str, list[float]]:
        text = (await greedy(engine)).completions[0].text
        prompt = engine.renderer.render(TURNS)
        score = await engine.score(ScoreRequest(prompt, " 1 2 + 3 ="))
        return text, list(score.logprobs)

    (text, score), *others = [loop.run_until_complete(ask(engine)) for engine in engines]
    for engine in engines[1:]:
        loop.run_until_complete(engine.close())
    assert len(score) == 5
    for other_text, other_score in others:
        assert other_text == text
        assert other_score == pytest.approx(score, abs=1e-2)


def test_n_completions_differ_and_carry_their_token_ids(
    vllm: Engine, vllm_server: Server, loop: asyncio.AbstractEventLoop, chat_model: Path
) -> None:
    async def check(engine: Engine) -> None:
        request = SampleRequest(engine.renderer.render(TURNS), Sampling(max_tokens=16), n=5)
        result = await engine.sample(request)
        assert len(result.completions) == 5
        assert len({c.text for c in result.completions}) > 1
        assert all(len(c.token_ids) <= 16 for c in result.completions)
        assert all(c.token_ids or c.finish_reason == "stop" for c in result.completions)
        assert {c.finish_reason for c in result.completions} <= {"stop", "length"}
        assert result.cost.completion_tokens == sum(len(c.token_ids) for c in result.completions)
        await engine.close()

    loop.run_until_complete(check(reference(chat_model)))
    loop.run_until_complete(check(make_engine(openai_config(vllm_server), 1, 1)))


def test_later_prefixes_of_a_solution_are_served_from_the_cache(
    vllm: Engine, vllm_server: Server, loop: asyncio.AbstractEventLoop
) -> None:
    steps = [" wc = 1 + 2 = 3 .\n"] * 12

    async def cached(engine: Engine) -> int:
        prompts = engine.renderer.prefixes(TURNS, steps)
        results = [await engine.sample(SampleRequest(p, GREEDY)) for p in prompts]
        return sum(r.cost.cached_tokens for r in results)

    assert loop.run_until_complete(cached(vllm)) > 300
    server = make_engine(openai_config(vllm_server), 1, 1)
    assert loop.run_until_complete(cached(server)) > 300
    loop.run_until_complete(server.close())


def test_a_stop_text_ends_a_completion_and_is_left_out(
    vllm: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    whole = loop.run_until_complete(greedy(vllm)).completions[0].text
    stop = whole[6:8]
    request = SampleRequest(
        vllm.renderer.render(TURNS), Sampling(max_tokens=12, temperature=0.0, stop=(stop,))
    )
    ended = loop.run_until_complete(vllm.sample(request)).completions[0]
    assert ended.text == whole[: whole.index(stop)]
    assert ended.finish_reason == "stop"


@pytest.mark.parametrize("ids", [(), (5,) * 400])
def test_a_prompt_that_can_not_be_answered_is_a_bad_request(
    vllm: Engine, vllm_server: Server, loop: asyncio.AbstractEventLoop, ids: tuple[int, ...]
) -> None:
    request = SampleRequest(Prompt("", ids), GREEDY)
    with pytest.raises(BadRequestError):
        loop.run_until_complete(vllm.sample(request))


def test_vllm_in_process_holds_an_answer_to_the_schema(
    vllm: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    def answers(how: Sampling) -> list[str]:
        request = SampleRequest(vllm.renderer.render(TURNS), how, n=4)
        return [c.text for c in loop.run_until_complete(vllm.sample(request)).completions]

    shaped = answers(Sampling(max_tokens=6, schema='{"type": "integer"}'))
    assert all(text.lstrip("-").isdigit() for text in shaped)
    assert not all(text.lstrip("-").isdigit() for text in answers(Sampling(max_tokens=6)))


def test_a_cancelled_call_is_aborted_inside_vllm(
    vllm: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    async def cancel() -> None:
        request = SampleRequest(vllm.renderer.render(TURNS), Sampling(max_tokens=200), n=8)
        task = asyncio.create_task(vllm.sample(request))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert vllm._llm.get_num_unfinished_requests() == 0  # type: ignore[attr-defined]

    loop.run_until_complete(cancel())


def test_a_chat_prompt_continues_the_assistants_turn_through_the_chat_api(
    vllm: Engine, vllm_server: Server, loop: asyncio.AbstractEventLoop
) -> None:
    turns = Turns(" wa = 1", " wb")
    chat = make_engine(openai_config(vllm_server, chat_api=True), 1, 1)

    async def ask(engine: Engine) -> SampleResult:
        prompt = engine.renderer.render(turns, " 1 2 + 3")
        return await engine.sample(SampleRequest(prompt, GREEDY))

    by_chat, by_ids = (loop.run_until_complete(ask(engine)) for engine in (chat, vllm))
    loop.run_until_complete(chat.close())
    assert by_chat.completions[0].text == by_ids.completions[0].text
    assert by_chat.cost.prompt_tokens == by_ids.cost.prompt_tokens


def test_a_model_that_the_server_does_not_have_is_named(vllm_server: Server) -> None:
    config = EngineConfig(kind="openai", model="other", url=vllm_server.url)
    with pytest.raises(PrerequisiteError, match="has no model 'other'"):
        asyncio.run(make_engine(config, 1, 1).open())


def test_a_second_engine_opens_beside_the_first_and_one_death_is_survived(
    vllm: Engine, loop: asyncio.AbstractEventLoop, chat_model: Path
) -> None:
    second = make_engine(vllm_config(chat_model, retries=1), 8, 1)
    before = set(descendants(os.getpid()))

    async def check() -> None:
        await second.open()
        both = await asyncio.gather(greedy(vllm), greedy(second))
        assert both[0].completions == both[1].completions
        for pid in set(descendants(os.getpid())) - before:
            if "EngineCore" in psutil.Process(pid).name():
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineFaultError, match="died"):
            await greedy(second)
        assert (await greedy(second)).completions == both[0].completions
        await second.close()

    loop.run_until_complete(check())
    assert loop.run_until_complete(greedy(vllm)).completions


def test_a_killed_run_leaves_no_engine_process_behind(holder: subprocess.Popen[str]) -> None:
    assert holder.stdout is not None
    assert "open\n" in holder.stdout
    below = descendants(holder.pid)
    holder.kill()
    holder.wait()
    assert below
    until = time.monotonic() + 20
    while time.monotonic() < until and any(_alive(pid) for pid in below):
        time.sleep(0.2)
    assert not any(_alive(pid) for pid in below)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
