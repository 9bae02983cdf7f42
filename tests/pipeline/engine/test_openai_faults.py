"""A small server of our own that fails in every way a server can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipeline.config import EngineConfig
from pipeline.engine.openai_client import MOST_PATIENCE_S, retry_after
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.engine.protocol import Prompt, SampleRequest, Sampling, ScoreRequest, Turns
from pipeline.errors import (
    BadRequestError,
    ConfigError,
    EngineFaultError,
    PrerequisiteError,
    StepLabelError,
)

KEY = "sk-secret-12345"
GOOD = {
    "choices": [{"index": 0, "text": " 5", "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}


class BadServer:
    """Answers each POST with `status` and `body`; `cut` sends half of it, `never` nothing."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = GOOD
        self.cut = False
        self.never = False
        self.asked: list[dict[str, Any]] = []
        self.headers = ""
        self.url = ""
        self.listing = 404

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (
                    int(h.split(":")[1])
                    for h in head.split("\r\n")
                    if h.lower().startswith("content-length")
                ),
                0,
            )
            sent = await reader.readexactly(length)
            if head.startswith("GET"):
                status, body = self.listing, b"{}"
            else:
                self.headers = head
                self.asked.append(json.loads(sent))
                if self.never:
                    await asyncio.sleep(60)
                body = self.body(self.asked[-1]) if callable(self.body) else self.body
                status = self.status
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                % (status, len(body))
            )
            writer.write(body[: len(body) // 2] if self.cut else body)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[BadServer]:
    bad = BadServer()
    listening = await asyncio.start_server(bad.handle, "127.0.0.1", 0)
    bad.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield bad
    listening.close()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLABEL_TEST_KEY", KEY)


def engine(server: BadServer, **more: Any) -> OpenAIEngine:
    options = {"request_timeout_s": 5.0, "api_key_env": "STEPLABEL_TEST_KEY"} | more
    return OpenAIEngine(EngineConfig(kind="openai", model="m", url=server.url, **options))


ASK = SampleRequest(Prompt("2 + 3 ="), Sampling(max_tokens=4, stop=("\n",)))


async def test_a_good_answer_is_read_with_its_cost(server: BadServer, key: None) -> None:
    result = await engine(server).sample(ASK)
    assert result.completions[0].text == " 5"
    assert (result.cost.prompt_tokens, result.cost.cached_tokens) == (9, 4)
    assert f"Bearer {KEY}" in server.headers
    assert "seed" not in server.asked[0]
    assert server.asked[0]["prompt"] == "2 + 3 ="


async def test_where_the_server_counts_nothing_tokens_are_estimated_and_that_is_told_once(
    server: BadServer, key: None, caplog: pytest.LogCaptureFixture
) -> None:
    server.body = {key: value for key, value in GOOD.items() if key != "usage"}
    asked = engine(server)
    costs = [(await asked.sample(ASK)).cost for _ in range(2)]
    assert [(cost.prompt_tokens, cost.completion_tokens) for cost in costs] == [(3, 1)] * 2
    assert len([r for r in caplog.records if "doesn't count tokens" in r.message]) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, BadRequestError) for status in (400, 413, 415, 422)]
    + [(status, PrerequisiteError) for status in (401, 402, 403, 404, 405)],
)
async def test_a_refused_request_is_told_from_a_server_that_takes_none_and_no_key_is_shown(
    server: BadServer, key: None, status: int, kind: type[StepLabelError]
) -> None:
    server.status, server.body = status, {"error": f"wrong key {KEY}"}
    with pytest.raises(kind) as caught:
        await engine(server).sample(ASK)
    assert str(status) in str(caught.value)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.__cause__)


@pytest.mark.parametrize(("status", "cure"), [(401, "STEPLABEL_TEST_KEY"), (404, "url")])
async def test_what_stops_every_request_names_its_cure(
    server: BadServer, key: None, status: int, cure: str
) -> None:
    server.status = status
    with pytest.raises(PrerequisiteError, match=cure):
        await engine(server).sample(ASK)


@pytest.mark.parametrize("listing", [404, 405, 200])
async def test_a_server_without_a_list_of_models_is_used_all_the_same(
    server: BadServer, listing: int
) -> None:
    server.listing = listing
    assert (await engine(server).sample(ASK)).completions[0].text == " 5"


@pytest.mark.parametrize("listing", [401, 403])
async def test_a_list_of_models_that_is_locked_stops_the_run(
    server: BadServer, listing: int
) -> None:
    server.listing = listing
    with pytest.raises(PrerequisiteError, match="not set"):
        await engine(server).open()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_overload_and_server_errors_are_faults(server: BadServer, status: int) -> None:
    server.status = status
    with pytest.raises(EngineFaultError, match=str(status)):
        await engine(server).sample(ASK)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        {},
        {"choices": []},
        {"choices": None},
        {"choices": ["x"]},
        {"choices": [{"index": 0, "text": None, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "text": "a", "finish_reason": "abort"}]},
        {"choices": [{"index": 0, "text": "a"}] * 3},
    ],
)
async def test_an_answer_without_what_was_asked_is_a_fault(server: BadServer, body: Any) -> None:
    server.body = body
    with pytest.raises(EngineFaultError):
        await engine(server).sample(ASK)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow down"}, EngineFaultError),
        ({"code": "odd", "message": "slow down"}, EngineFaultError),
        ("slow down", EngineFaultError),
        ({"code": 400, "message": "slow down"}, BadRequestError),
        ({"code": 402, "message": "slow down"}, PrerequisiteError),
    ],
)
async def test_an_error_told_with_status_200_is_that_error(
    server: BadServer, error: Any, kind: type[StepLabelError]
) -> None:
    server.body = {"error": error}
    with pytest.raises(kind, match="slow down"):
        await engine(server).sample(ASK)


async def test_an_account_without_credit_is_not_asked_again(server: BadServer) -> None:
    server.status, server.body = 429, {"error": {"code": "insufficient_quota"}}
    with pytest.raises(PrerequisiteError, match="no credit left"):
        await engine(server).sample(ASK)


async def test_a_count_that_none_can_be_is_estimated(server: BadServer) -> None:
    choice = {"index": 0, "text": " 5", "finish_reason": "stop", "token_ids": [2**40]}
    server.body = {"choices": [choice], "usage": {"prompt_tokens": 2**70, "completion_tokens": 1}}
    result = await engine(server).sample(ASK)
    assert (result.cost.prompt_tokens, result.completions[0].token_ids) == (3, ())


async def test_half_a_body_is_a_fault(server: BadServer) -> None:
    server.cut = True
    with pytest.raises(EngineFaultError):
        await engine(server).sample(ASK)


async def test_no_answer_in_time_is_a_fault(server: BadServer) -> None:
    server.never = True
    with pytest.raises(EngineFaultError, match="request_timeout_s"):
        await engine(server, request_timeout_s=0.2).sample(ASK)


async def test_no_server_is_a_fault() -> None:
    config = EngineConfig(kind="openai", model="m", url="http://127.0.0.1:9/v1")
    with pytest.raises(EngineFaultError, match="is the server running"):
        await OpenAIEngine(config).sample(ASK)


@pytest.mark.parametrize("url", [None, "localhost:8000", "ftp://x/v1", "http://[x/v1"])
async def test_a_wrong_url_is_a_configuration_error(url: str | None) -> None:
    with pytest.raises(ConfigError, match="url"):
        await OpenAIEngine(EngineConfig(kind="openai", model="m", url=url)).sample(ASK)


def chat_answer(length: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": "x"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": length, "completion_tokens": 1}}


async def test_a_chat_server_that_ignores_the_prefix_is_refused(server: BadServer) -> None:
    server.body = lambda asked: chat_answer(20)
    chat = engine(server, chat_api=True)
    prompt = chat.renderer.render(Turns("Q"), "One,")
    with pytest.raises(PrerequisiteError, match="begins a new turn"):
        await chat.sample(SampleRequest(prompt, Sampling()))
    assert (await chat.sample(SampleRequest(chat.renderer.render(Turns("Q")), Sampling()))).cost


async def test_a_chat_server_that_continues_is_asked_to(server: BadServer) -> None:
    server.body = lambda asked: chat_answer(10 if asked.get("continue_final_message") else 20)
    chat = engine(server, chat_api=True)
    await chat.sample(SampleRequest(chat.renderer.render(Turns("Q"), "One,"), Sampling()))
    assert server.asked[-1]["continue_final_message"] is True
    assert server.asked[-1]["messages"][-1] == {"role": "assistant", "content": "One,"}
    assert len(server.asked) == 3


async def test_a_chat_server_that_failed_to_tell_is_asked_again(server: BadServer) -> None:
    server.body = lambda asked: chat_answer(10 if asked.get("continue_final_message") else 20)
    server.status = 503
    chat = engine(server, chat_api=True)
    request = SampleRequest(chat.renderer.render(Turns("Q"), "One,"), Sampling())
    with pytest.raises(EngineFaultError):
        await chat.sample(request)
    server.status = 200
    assert (await chat.sample(request)).completions[0].text == "x"


async def test_a_chat_server_is_not_given_thoughts_to_continue(server: BadServer) -> None:
    chat = engine(server, chat_api=True)
    prompt = chat.renderer.render(Turns("Q"), "<think>hm</think>One,")
    with pytest.raises(BadRequestError, match="<think>"):
        await chat.sample(SampleRequest(prompt, Sampling()))


async def test_a_server_that_can_not_score_is_named(server: BadServer) -> None:
    with pytest.raises(PrerequisiteError, match="log-probabilities"):
        await engine(server).score(ScoreRequest(Prompt("a"), "b"))
    server.status = 400
    with pytest.raises(PrerequisiteError, match="score"):
        await engine(server).score(ScoreRequest(Prompt("a"), "b"))


async def test_a_text_that_a_server_won_t_score_stops_no_other(server: BadServer) -> None:
    def answer(asked: dict[str, Any]) -> Any:
        server.status = 400 if len(asked["prompt"]) > 20 else 200
        return GOOD

    server.body = answer
    with pytest.raises(BadRequestError):
        await engine(server).score(ScoreRequest(Prompt("too long" * 9), "b"))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("86400", MOST_PATIENCE_S),
        ("nan", None),
        ("Thu, 01 Jan 1970 00:17:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:16:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_PATIENCE_S),
        ("tomorrow", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms_and_capped(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, now=1000.0) == seconds
