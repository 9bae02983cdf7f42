"""What is told of model servers before anything is sampled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.engine import servers
from pipeline.engine.servers import ServerFault, server_faults

RECIPE = Path("flows/recipes/tinymath.yaml")


@asynccontextmanager
async def answering(listing: Any) -> AsyncIterator[str]:
    """A server whose list of models is this; None: it takes the question and says nothing."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if listing is None:
            await reader.read()
        else:
            body = json.dumps(listing).encode()
            head = f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    finally:
        listening.close()


async def faults(url: str) -> list[ServerFault]:
    judge = f"engines.judge={{kind: openai, model: wanted, url: '{url}', chat_api: true}}"
    return await server_faults(RunConfig.load(RECIPE, [judge]), ["generator", "judge", "judge"])


async def test_a_server_that_has_the_model_is_no_fault() -> None:
    async with answering({"data": [{"id": "wanted"}]}) as url:
        assert await faults(url) == []


async def test_another_model_is_told_by_name() -> None:
    async with answering({"data": [{"id": "another"}]}) as url:
        (fault,) = await faults(url)
    assert fault.told.startswith("engines.judge: ")
    assert "no model 'wanted'; it has another" in fault.told
    assert fault.final


async def test_nobody_there_is_told() -> None:
    async with answering({}) as url:
        pass
    (fault,) = await faults(url)
    assert fault.told.startswith(f"engines.judge: {url}/models")
    assert "is the server running?" in fault.told
    assert not fault.final


async def test_one_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LOOK_S", 0.2)
    async with answering(None) as url:
        told = f"engines.judge: {url} hasn't answered for 0 s"
        assert await faults(url) == [ServerFault(("judge",), told, False)]
