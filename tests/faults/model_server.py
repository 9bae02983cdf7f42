"""An OpenAI-compatible server of the simulated policy and judge that misbehaves on demand, as a process
of its own:

    python -m tests.faults.model_server PORT

The first part of a request's path says how: /well/v1/completions answers as it should, the others fail
(all of them, or the first try of every third request).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.protocol import Prompt, SampleRequest, Sampling
from pipeline.engine.simulated import SimulatedEngine
from tests.nightly import ROOT, free_port, until
from tests.test_resume import small_batch

EATS = 4 << 30
"""Bytes that `hungry` asks for at once, more than the process may have."""

CLOSED_S = 2
"""How long `later` refuses requests: longer than a client's first pause by itself."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._send(404, b"{}")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        mood = self.path.split("/")[1]
        if mood == "flaky":
            chosen = random.choice(list(MOODS)) if random.random() < 0.2 else "well"
            MOODS.get(chosen, _Handler._well)(self, raw)
        elif mood in ALWAYS:
            ALWAYS[mood](self, raw)
        elif mood in MOODS and self.server.is_first_try(mood, raw):
            MOODS[mood](self, raw)
        else:
            self._well(raw)

    def _well(self, raw: bytes) -> None:
        self._send(200, self._answer(raw))

    def _answer(self, raw: bytes) -> bytes:
        asked = json.loads(raw)
        sampling = Sampling(max_tokens=asked["max_tokens"])
        chat = "messages" in asked
        text = "\n".join(m["content"] for m in asked["messages"]) if chat else asked["prompt"]
        request = SampleRequest(Prompt(text), sampling, asked["n"])
        made = asyncio.run(self.server.engines[asked["model"]].sample(request))
        choices = [
            {"index": i, "finish_reason": c.finish_reason}
            | ({"message": {"role": "assistant", "content": c.text}} if chat else {"text": c.text})
            for i, c in enumerate(made.completions)
        ]
        cost = asdict(made.cost)
        usage = {name: cost[name] for name in ("prompt_tokens", "completion_tokens")}
        return json.dumps({"choices": choices, "usage": usage}).encode()

    def _busy(self, raw: bytes) -> None:
        self._send(429, b'{"error": "too many requests"}')

    def _later(self, raw: bytes) -> None:
        """Closed for a second from the first request on; it says so in one of both forms."""
        if not self.server.closed():
            self._well(raw)
            return
        date = formatdate(time.time() + CLOSED_S + 1, usegmt=True)
        form = str(CLOSED_S) if zlib.crc32(raw) % 2 else date
        self._send(429, b'{"error": "too many requests"}', retry_after=form)

    def _broken(self, raw: bytes) -> None:
        self._send(500, b'{"error": "CUDA error"}')

    def _garbage(self, raw: bytes) -> None:
        self._send(200, b"<html>\xff\x00 have a nice day")

    def _half(self, raw: bytes) -> None:
        body = self._answer(raw)
        self._send(200, body[: len(body) // 2], len(body))
        self.close_connection = True

    def _never(self, raw: bytes) -> None:
        time.sleep(5.0)
        self.close_connection = True

    def _refuses(self, raw: bytes) -> None:
        self._send(400, b'{"error": "max_tokens is too large for this model"}')

    def _hungry(self, raw: bytes) -> None:
        try:
            bytearray(EATS)
        except MemoryError:
            os.abort()  # as an allocator does that nobody catches

    def _send(
        self, status: int, body: bytes, length: int | None = None, retry_after: str | None = None
    ) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


MOODS: dict[str, Callable[[_Handler, bytes], None]] = {
    "busy": _Handler._busy,
    "broken": _Handler._broken,
    "garbage": _Handler._garbage,
    "half": _Handler._half,
    "never": _Handler._never,
}
ALWAYS = {"refuses": _Handler._refuses, "hungry": _Handler._hungry, "later": _Handler._later}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.engines = {
            model: SimulatedEngine(EngineConfig(kind="simulated", model=model), 3)
            for model in ("policy", "judge")
        }
        self._tried: set[tuple[str, bytes]] = set()
        self._mutex = threading.Lock()
        self._opens = 0.0

    def closed(self) -> bool:
        with self._mutex:
            self._opens = self._opens or time.monotonic() + CLOSED_S
            return time.monotonic() < self._opens

    def is_first_try(self, mood: str, raw: bytes) -> bool:
        """Of a third of the requests."""
        with self._mutex:
            if zlib.crc32(raw) % 3 or (mood, raw) in self._tried:
                return False
            self._tried.add((mood, raw))
            return True


class ModelServer:
    """The process; `start` it again on the same port after it was killed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, most_bytes: int | None = None) -> None:
        words = [] if most_bytes is None else ["prlimit", f"--as={most_bytes}"]
        self.process = subprocess.Popen(
            [*words, sys.executable, "-m", "tests.faults.model_server", str(self.port)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        until("the model server answers", self._answers)

    def _answers(self) -> bool | None:
        try:
            return True if httpx.get(f"http://127.0.0.1:{self.port}/").status_code else None
        except httpx.HTTPError:
            return None

    def end(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def batch(self, folder: Path, mood: str, problems: int = 8, **engine: Any) -> RunConfig:
        """The small batch, its models behind this server in one of its moods."""
        folder.mkdir(parents=True, exist_ok=True)
        raw = small_batch(folder, mood, problems).model_dump(mode="json")
        for role, made in raw["engines"].items():
            model = made["model"]
            raw["engines"][role] = {
                "kind": "openai",
                "model": model,
                "url": f"http://127.0.0.1:{self.port}/{mood}/v1",
                "chat_api": role == "judge",
                **engine,
            }
        return RunConfig.check(raw, "test")


@contextmanager
def serving() -> Iterator[ModelServer]:
    server = ModelServer()
    server.start()
    try:
        yield server
    finally:
        server.end()


if __name__ == "__main__":
    Server(int(sys.argv[1])).serve_forever()
