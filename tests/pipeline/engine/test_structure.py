"""A schema reaches the engines that can hold an answer to it, and changes no call without one."""

from __future__ import annotations

import json

import pytest

from pipeline.config import EngineConfig
from pipeline.engine.calls import call_key, sample_record, sample_request
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.engine.protocol import Completion, Prompt, SampleRequest, SampleResult, Sampling
from pipeline.errors import BadRequestError
from pipeline.records import content_hash
from tests.annotators.judge_server import serving

SCHEMA = json.dumps({"type": "object", "properties": {"first_error": {"type": "integer"}}})
CHAT = Prompt("text", None, (("user", "Which step is wrong?"),))
PLAIN = SampleRequest(CHAT, Sampling())
SHAPED = SampleRequest(CHAT, Sampling(schema=SCHEMA))


def test_a_call_without_a_schema_keeps_the_key_it_had_before_there_were_schemas() -> None:
    how = {"max_tokens": 1024, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "stop": ()}
    before = content_hash("model", 7, "sample", "text", how, 1, 0, length=32)
    assert call_key("model", PLAIN, 7) == before
    assert call_key("model", SHAPED, 7) != before


@pytest.mark.parametrize("request_", [PLAIN, SHAPED])
def test_a_record_gives_back_the_schema_it_was_asked_with(request_: SampleRequest) -> None:
    result = SampleResult((Completion("{}", "stop"),))
    record = sample_record("key", "model", request_, result)
    assert sample_request(record).sampling == request_.sampling


def engine(url: str) -> OpenAIEngine:
    return OpenAIEngine(EngineConfig(kind="openai", model="m", url=url, chat_api=True))


async def test_a_server_is_asked_for_the_schema_as_openai_has_it() -> None:
    async with serving(lambda asked: ["{}"]) as server:
        await engine(server.url).sample(SHAPED)
    asked = server.asked[0]["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["schema"] == json.loads(SCHEMA)


async def test_a_server_that_refuses_schemas_is_asked_once_and_then_without() -> None:
    async with serving(lambda asked: ["{}"]) as server:
        server.takes_schema = False
        one = engine(server.url)
        for _ in range(2):
            assert (await one.sample(SHAPED)).completions[0].text == "{}"
    assert ["response_format" in asked for asked in server.asked] == [True, False, False]


async def test_a_request_that_is_bad_by_itself_says_nothing_of_schemas() -> None:
    async with serving(lambda asked: ["{}"]) as server:
        one = engine(server.url)
        server.refuses_all = True
        with pytest.raises(BadRequestError, match="too long"):
            await one.sample(SHAPED)
        server.refuses_all = False
        await one.sample(SHAPED)
    assert "response_format" in server.asked[-1]
