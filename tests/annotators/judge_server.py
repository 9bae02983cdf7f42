"""An OpenAI-compatible chat server in the test's own process, whose answers are written by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from annotators.registry import ANNOTATORS
from pipeline.annotator import Annotator, Tools
from pipeline.config import EngineConfig, GradingConfig, check_options
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.grading import Grader
from pipeline.prompts import load_prompt
from pipeline.records import Outcome, Solution, Verdict
from pipeline.registry import load_named

STEPS = ("Half of 48 is 24.\n", "So she sold 48 + 24 = 62 clips.\n", "The answer is 62.\n")
SOLUTION = Solution(
    "s",
    "p",
    "Natalia sold 48 clips in April, and half as many in May. How many in all?",
    "72",
    STEPS,
    "model",
    outcome=Outcome.INCORRECT,
    reference="In May she sold 48/2 = 24.\n\nIn all 48+24 = 72.",
)

Write = Callable[[dict[str, Any]], list[str]]
"""A request's body -> an answer for each of its `n` choices."""


class JudgeServer:
    """Answers what `write` says, each of `usage` = its words. `takes_schema` is whether it knows
    `response_format`; `refuses_all` answers every request with status 400; `cut` ends every answer by
    its length."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.takes_schema = True
        self.refuses_all = False
        self.cut = False
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    def prompts(self) -> list[str]:
        """The user turn of each request."""
        return [body["messages"][-1]["content"] for body in self.asked]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lengths = [h for h in head.split("\r\n") if h.lower().startswith("content-length")]
            sent = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
            status, answer = self._answer(head, sent)
            body = json.dumps(answer).encode()
            first = (
                f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(first.encode() + body)
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, head: str, sent: bytes) -> tuple[int, Any]:
        if head.startswith("GET"):
            return 404, {}
        asked = json.loads(sent)
        self.asked.append(asked)
        if self.refuses_all:
            return 400, {"error": "the prompt is too long"}
        if "response_format" in asked and not self.takes_schema:
            return 400, {"error": "response_format is not supported"}
        texts = self.write(asked)
        assert len(texts) == asked["n"], "a hand-written answer is missing"
        choices = [
            {
                "index": i,
                "message": {"content": text},
                "finish_reason": "length" if self.cut else "stop",
            }
            for i, text in enumerate(texts)
        ]
        words = sum(len(m["content"].split()) for m in asked["messages"])
        said = sum(len(text.split()) for text in texts)
        return 200, {
            "choices": choices,
            "usage": {"prompt_tokens": words, "completion_tokens": said},
        }


@asynccontextmanager
async def serving(write: Write) -> AsyncIterator[JudgeServer]:
    server = JudgeServer(write)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()


def in_order(*texts: str) -> Write:
    """These answers, one after another, however many are asked for at a time."""
    left = list(texts)

    def write(asked: dict[str, Any]) -> list[str]:
        taken = left[: asked["n"]]
        del left[: asked["n"]]
        return taken

    return write


def annotator(kind: str, **options: Any) -> Annotator:
    found = load_named("annotator", kind, ANNOTATORS)
    made: Annotator = found(kind, check_options(found.OPTIONS, options, kind))
    return made


async def judged(judge: Annotator, solution: Solution, server: JudgeServer) -> Verdict:
    """The verdict of a judge whose model is behind the server."""
    engine = OpenAIEngine(
        EngineConfig(kind="openai", model="hand-written", url=server.url, chat_api=True)
    )
    prompt = load_prompt("plain", Path("pipeline/prompt_files"))
    try:
        async with Grader(GradingConfig()) as grader:
            return await judge.annotate(solution, Tools(engine, grader, prompt))
    finally:
        await engine.close()
