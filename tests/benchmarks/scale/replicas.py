"""Replicas behind Ray Serve: what a second one gains, what the death of one costs, and whether rows are lost.

    python -m tests.benchmarks.scale.replicas [--problems 700]

A replica here is a Ray Serve deployment that answers /v1/completions with the simulated policy, as slowly
as a GPU would: no more than SEQUENCES at a time, and each token takes longer the more of them are decoded
(`step_s`). The figures of that profile are set, not measured; what is measured is routing, retries and
the pipeline on top. Each run is a whole batch through the pipeline; pace is taken over its middle (from a
tenth to nine tenths of the answered tokens), without the loading and the last few searches.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pipeline.config import EngineConfig, RunConfig
from pipeline.engine.protocol import Prompt, SampleRequest, Sampling
from pipeline.engine.simulated import SimulatedEngine
from tests.benchmarks.report import Row, report
from tests.killing import rows_of
from tests.nightly import ROOT, free_port, until
from tests.ray_nodes import RayNodes
from tests.test_resume import small_batch

SECTION = "replicas"
SEQUENCES = 128
TOKENS_A_WORD = 4


def step_s(running: int) -> float:
    """Seconds that a step of decoding takes: a model's weights are read once, each sequence's cache by
    itself. 16 tokens/s for one of 128 sequences a replica, 6,000 for all."""
    return 0.008 + 0.0001 * running


class SimulatedReplica:
    """Answers; of each it writes process, time and tokens to `log`."""

    def __init__(self, log: str) -> None:
        import asyncio

        self._engine = SimulatedEngine(EngineConfig(kind="simulated", model="policy"), 3)
        self._slots = asyncio.Semaphore(SEQUENCES)
        self._running = 0
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def __call__(self, request: Any) -> Any:
        import asyncio

        if request.url.path.endswith("/models"):
            return {"data": [{"id": "policy"}]}
        asked = await request.json()
        sampling = Sampling(max_tokens=asked["max_tokens"])
        made = await self._engine.sample(
            SampleRequest(Prompt(asked["prompt"]), sampling, asked["n"])
        )
        tokens = [TOKENS_A_WORD * len(c.text.split()) for c in made.completions]
        await asyncio.gather(*map(self._decode, tokens))
        os.write(self._log, f"{os.getpid()} {time.time()} {sum(tokens)}\n".encode())
        choices = [
            {"index": i, "text": c.text, "finish_reason": c.finish_reason}
            for i, c in enumerate(made.completions)
        ]
        return {"choices": choices, "usage": {"completion_tokens": sum(tokens)}}

    async def _decode(self, tokens: int) -> None:
        import asyncio

        async with self._slots:
            self._running += 1
            try:
                for done in range(0, tokens, 16):
                    await asyncio.sleep(min(16, tokens - done) * step_s(self._running))
            finally:
                self._running -= 1


def serve(replicas: int, port: int, log: str) -> None:
    """Runs in a process of its own, until its input ends."""
    import ray
    from ray import serve

    ray.init(log_to_driver=False, logging_level="ERROR")
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    deployment = serve.deployment(
        SimulatedReplica,
        num_replicas=replicas,
        max_ongoing_requests=4096,
        ray_actor_options={"num_cpus": 0.1},
        health_check_period_s=1,
    )
    serve.run(deployment.bind(log), name="simulated")
    print("ready", flush=True)
    sys.stdin.read()
    serve.shutdown()


@contextmanager
def served(nodes: RayNodes, replicas: int, log: Path) -> Iterator[str]:
    """Base URL of so many replicas."""
    port = free_port()
    words = ["--serve", str(replicas), "--port", str(port), "--log", str(log)]
    process = subprocess.Popen(
        [sys.executable, "-m", __spec__.name, *words],
        cwd=ROOT,
        env=nodes.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() == "ready":
                break
        url = f"http://127.0.0.1:{port}/v1"
        until("the replicas answer", lambda: httpx.get(f"{url}/models").status_code == 200)
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=60)


@dataclass(frozen=True)
class Answer:
    process: int
    at: float
    tokens: int


def answers_of(log: Path) -> list[Answer]:
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    answers = [Answer(int(pid), float(at), int(tokens)) for pid, at, tokens in lines]
    return sorted(answers, key=lambda answer: answer.at)


@dataclass(frozen=True)
class Pace:
    """Of a run's middle: from `begin` to `end` (Unix seconds), tokens answered."""

    begin: float
    end: float
    tokens: int

    @property
    def rate(self) -> float:
        return self.tokens / (self.end - self.begin)

    @classmethod
    def of(cls, answers: list[Answer]) -> Pace:
        total, so_far = sum(a.tokens for a in answers), 0
        middle = []
        for answer in answers:
            so_far += answer.tokens
            if 0.1 * total <= so_far <= 0.9 * total:
                middle.append(answer)
        begin, *rest = middle
        return cls(begin.at, rest[-1].at, sum(a.tokens for a in rest))


def batch_of(folder: Path, name: str, problems: int, url: str, replicas: int) -> RunConfig:
    """Solutions and rollouts by the policy behind `url`."""
    raw = small_batch(folder, name, problems).model_dump(mode="json")
    sequences = SEQUENCES * replicas
    engine = {"kind": "openai", "model": "policy", "url": url, "max_num_seqs": sequences}
    raw["engines"] = {"generator": engine}
    raw["annotators"] = {"rollouts": {"search": {"rollouts": 4}}, "arithmetic": {}}
    raw["consensus"] = {"witnesses": ["rollouts"], "vetoes": ["arithmetic"]}
    return RunConfig.check(raw | {"shard_size": 128}, "bench")


def run(config: RunConfig, nodes: RayNodes) -> float:
    """Seconds of the run, in a process of its own."""
    path = Path(config.runs_dir).with_name(f"{config.name}.yaml")
    path.write_text(config.to_yaml())
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", str(path), "--no-prefect"],
        cwd=ROOT,
        env=nodes.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - began


class Killer(threading.Thread):
    """Kills the replica that answered last, once `tokens` have been answered."""

    def __init__(self, log: Path, tokens: float) -> None:
        super().__init__(daemon=True)
        self._log, self._tokens = log, tokens
        self.at = 0.0
        self.others: frozenset[int] = frozenset()

    def run(self) -> None:
        while sum(a.tokens for a in answers_of(self._log)) < self._tokens:
            time.sleep(0.1)
        answers = answers_of(self._log)
        self.others = frozenset(a.process for a in answers)
        self.at = time.time()
        os.kill(answers[-1].process, signal.SIGKILL)

    def back(self, answers: list[Answer]) -> float:
        """When the replica that Ray Serve started in its place first answered."""
        return next(a.at for a in answers if a.at > self.at and a.process not in self.others)


def rows(problems: int = 700) -> list[Row]:
    """Three whole batches: one replica, two, and two of which one is killed at a third of the way."""
    nodes = RayNodes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            nodes.start(cpus=2)
            paces: list[Pace] = []
            made: list[dict[str, Any]] = []
            for replicas in (1, 2):
                log = folder / f"{replicas}.log"
                with served(nodes, replicas, log) as url:
                    config = batch_of(folder, f"of-{replicas}", problems, url, replicas)
                    run(config, nodes)
                paces.append(Pace.of(answers_of(log)))
                made.append(rows_of(config))
            one, two = (pace.rate for pace in paces)
            total = sum(a.tokens for a in answers_of(log))
            log = folder / "killed.log"
            with served(nodes, 2, log) as url:
                config = batch_of(folder, "killed", problems, url, 2)
                killer = Killer(log, total / 3)
                killer.start()
                run(config, nodes)
            answers = answers_of(log)
            pace = Pace.of(answers)
            absent = min(killer.back(answers), pace.end) - killer.at
            expected = two * (pace.end - pace.begin - absent) + one * absent
            killed = rows_of(config)
        finally:
            nodes.stop()
    lost = len(made[1].keys() - killed.keys())
    unlike = sum(killed.get(key) != made[1].get(key) for key in killed.keys() | made[1])
    return [
        Row(SECTION, "one replica, tokens/s", one, n=len(made[0])),
        Row(SECTION, "two replicas, tokens/s", two, n=len(made[1])),
        Row(SECTION, "two replicas / one", two / one, wanted=">= 1.8"),
        Row(SECTION, "one of two killed: seconds until another answered", absent),
        Row(
            SECTION,
            "one of two killed: throughput lost beyond its absence",
            1 - pace.tokens / expected,
            wanted="< 0.05",
        ),
        Row(SECTION, "one of two killed: rows lost", lost, n=len(made[1]), wanted="0"),
        Row(SECTION, "one of two killed: rows that differ", unlike, n=len(killed), wanted="0"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=700)
    parser.add_argument("--serve", type=int, help="(itself) serve so many replicas")
    parser.add_argument("--port", type=int)
    parser.add_argument("--log")
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.port, chosen.log)
    else:
        report("scale", rows(chosen.problems), replace_sections=True)


if __name__ == "__main__":
    main()
