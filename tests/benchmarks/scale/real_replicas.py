"""Real vLLM replicas behind Ray Serve, by docs/cluster/serve_ray.py: the rows of one server, and none lost
where a replica is killed.

    python -m tests.benchmarks.scale.real_replicas [--problems 150]

TinyMath's policy, on processors: one core a replica, so the figures are of rows and not of pace. Greedy
batches are compared row by row. Sampled ones can't be: no seed goes with a request, and what vLLM draws
hangs on the batch that a request is decoded in; so their row sets are compared, and how often labels agree
is beside how often they agree between two runs of one server.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from pipeline.config import RunConfig
from pipeline.progress import read_progress
from tests.benchmarks.report import Row, report
from tests.killing import made_calls, recorded_calls, rows_of, run_in_child
from tests.nightly import ROOT, free_port, until
from tests.ray_nodes import RayNodes
from tests.vllm_server import vllm_serve

SECTION = "replicas, real"
MODEL = "data/tinymath/policy"
SEQUENCES = 64
ARGUMENTS = ["--dtype", "float32", "--enforce-eager", "--max-model-len", "1024"]
ARGUMENTS += ["--max-num-seqs", str(SEQUENCES), "--block-size", "32"]
ARGUMENTS += ["--kv-cache-memory-bytes", str(2**28)]
READY_S = 600.0

Rows = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Replica:
    """Its process in Ray, and the port of its vLLM."""

    process: psutil.Process
    port: int

    @property
    def engine(self) -> psutil.Process:
        """The one process of vLLM that holds the model."""
        family = self.process.children(recursive=True)
        (core,) = [p for p in family if p.name().startswith("VLLM::Engine")]
        return core

    @property
    def tokens(self) -> float:
        """Sampled since it began."""
        told = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        found = re.search(r"^vllm:generation_tokens_total\{.*\} ([0-9.e+]+)$", told, re.MULTILINE)
        assert found, "vLLM counts no tokens"
        return float(found[1])


@dataclass(frozen=True)
class Served:
    url: str
    process: subprocess.Popen[bytes]
    nodes: RayNodes

    def replicas(self) -> list[Replica]:
        """Those that answer."""
        found = []
        for node in self.nodes.alive():
            for process in psutil.Process(node.pid).children(recursive=True):
                with_server = _server_port(process)
                if with_server is not None:
                    found.append(Replica(process.parent() or process, with_server))
        return found


def _server_port(process: psutil.Process) -> int | None:
    """The port of a vLLM that answers."""
    try:
        words = process.cmdline()
        if "vllm.entrypoints.openai.api_server" not in words:
            return None
        port = int(words[words.index("--port") + 1])
        return port if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200 else None
    except (psutil.Error, httpx.HTTPError):
        return None


@contextmanager
def served(nodes: RayNodes, replicas: int, log: Path) -> Iterator[Served]:
    """Replicas by the command of docs/cluster, on a cluster that runs."""
    port = free_port()
    words = [MODEL, "--replicas", str(replicas), "--gpus", "0", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "docs/cluster/serve_ray.py", *words, "--", *ARGUMENTS],
            cwd=ROOT,
            env=nodes.environment,
            stdout=out,
            stderr=out,
        )
    found = Served(f"http://127.0.0.1:{port}/v1", process, nodes)

    def ready() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        return len(found.replicas()) == replicas

    try:
        until("the replicas answer", ready, READY_S)
        until("their address answers", lambda: _answers(found.url), READY_S)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/models", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def batch_of(folder: Path, name: str, url: str, problems: int, greedy: bool) -> RunConfig:
    """A solution to each problem; rollouts from every prefix (greedy) or by bisection."""
    sampling = {"max_tokens": 256, "temperature": 0.0 if greedy else 1.0}
    search: dict[str, Any] = {"strategy": "exhaustive", "search": {"rollouts": 1}}
    if not greedy:
        search = {"strategy": "bisection", "search": {"rollouts": 8}}
    engine = {"kind": "openai", "model": MODEL, "url": url, "max_num_seqs": 2 * SEQUENCES}
    columns = {"reference": "reference", "level": "level"}
    raw = {
        "name": name,
        "runs_dir": str(folder),
        "seed": 3,
        "problems": {
            "path": "data/tinymath/test.jsonl",
            "limit": problems,
            "columns": columns,
        },
        "engines": {"generator": engine},
        "generate": {"prompt": "plain", "samples": 1, "sampling": sampling},
        "steps": {"split": "newline"},
        "annotators": {"rollouts": search | {"sampling": sampling}, "arithmetic": {}},
        "consensus": {"witnesses": ["rollouts"], "vetoes": ["arithmetic"]},
        "shard_size": 64,
    }
    return RunConfig.check(raw, "bench")


@dataclass(frozen=True)
class Made:
    """What a whole run left behind. `again`: calls that are on disk twice, or were made twice."""

    rows: Rows
    again: int
    faults: int

    def of(self, kind: str) -> Rows:
        return {key: row for key, row in self.rows.items() if key.startswith(f"{kind} ")}


def run(config: RunConfig) -> Made:
    run_in_child(config, None)
    made, recorded = Counter(made_calls(config)), recorded_calls(config)
    again = sum(count - 1 for count in (made + Counter()).values())
    again += sum(count - 1 for count in recorded.values())
    progress = read_progress(config.folder / "progress.json")
    faults = sum(stage.faults for stage in progress.values())
    return Made({key: _uncached(row) for key, row in rows_of(config).items()}, again, faults)


def _uncached(value: Any) -> Any:
    """Without what a server had in its cache, which hangs on who was asked before."""
    if isinstance(value, dict):
        return {name: _uncached(each) for name, each in value.items() if name != "cached_tokens"}
    return [_uncached(each) for each in value] if isinstance(value, list) else value


class Killer(threading.Thread):
    """Kills what `victim` names, once `calls` have been made by the run."""

    def __init__(self, config: RunConfig, calls: int, victim: Callable[[], psutil.Process]) -> None:
        super().__init__(daemon=True)
        self._config, self._calls, self._victim = config, calls, victim
        self.made = 0
        self.at = 0.0

    def run(self) -> None:
        while self.made < self._calls:
            time.sleep(0.05)
            self.made = len(made_calls(self._config))
        self.at = time.monotonic()
        os.kill(self._victim().pid, signal.SIGKILL)


def killed(
    served: Served, config: RunConfig, total: int, victim: Callable[[Replica], psutil.Process]
) -> tuple[Made, float]:
    """The run, a replica of which is killed at a third of its calls, and the seconds until there are two."""
    before = {replica.process.pid for replica in served.replicas()}
    killer = Killer(config, total // 3, lambda: victim(served.replicas()[0]))
    killer.start()
    made = run(config)
    assert killer.at, "the run ended before the kill"
    assert killer.made < total, "the kill came after the last call"

    def back() -> bool:
        now = {replica.process.pid for replica in served.replicas()}
        return len(now) == 2 and bool(now - before)

    until("another replica answers", back, READY_S)
    return made, time.monotonic() - killer.at


def differ(one: Rows, other: Rows) -> int:
    return sum(one.get(key) != other.get(key) for key in one.keys() | other)


def compared(name: str, made: Made, alone: Made) -> list[Row]:
    """Greedy runs, row by row."""
    kinds = ("solution", "rollouts", "label")
    each = ", ".join(f"{kind} {differ(made.of(kind), alone.of(kind))}" for kind in kinds)
    return [
        *_whole(name, made, alone),
        Row(
            SECTION,
            f"{name}: rows that differ from those of one server",
            differ(made.rows, alone.rows),
            each,
            len(alone.rows),
        ),
    ]


def _whole(name: str, made: Made, alone: Made) -> list[Row]:
    """Each problem has its one solution, and each solution its verdicts and label."""
    problems = _problems(alone)
    lost = sum((problems - _problems(made)).values())
    twice = sum((_problems(made) - problems).values())
    ids = {key.split(" ", 1)[1] for key in made.of("solution")}
    for kind in ("rollouts", "arithmetic", "label"):
        have = {key.split(" ", 1)[1] for key in made.of(kind)}
        lost, twice = lost + len(ids - have), twice + len(have - ids)
    n = len(made.rows)
    return [
        Row(SECTION, f"{name}: rows lost, or left to the next run", lost + made.faults, "", n, "0"),
        Row(SECTION, f"{name}: rows or calls twice", twice + made.again, "", n, "0"),
    ]


def _problems(made: Made) -> Counter[object]:
    return Counter(row["problem_id"] for row in made.of("solution").values())


def agree(one: Made, other: Made) -> float:
    """Share of the problems whose label says the same first error, and outcome of its solution."""
    said = [_said(one), _said(other)]
    return sum(said[0][p] == said[1].get(p) for p in said[0]) / len(said[0])


def _said(made: Made) -> dict[object, object]:
    labels = made.of("label")
    return {
        row["problem_id"]: (row["outcome"], labels[f"label {row['id']}"]["first_error"])
        for row in made.of("solution").values()
    }


def rows(problems: int = 150) -> list[Row]:
    nodes = RayNodes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def batch(name: str, url: str, greedy: bool) -> RunConfig:
            return batch_of(folder, name, url, problems, greedy)

        with vllm_serve(MODEL, folder / "one.log") as server:
            url = server.ready()
            alone = run(batch("one-greedy", url, True))
            sampled = [run(batch(f"one-{n}", url, False)) for n in "ab"]
        try:
            nodes.start(cpus=2)
            with served(nodes, 2, folder / "two.log") as two:
                both = run(batch("two-greedy", two.url, True))
                drawn = run(batch("two", two.url, False))
                share = sorted(replica.tokens for replica in two.replicas())
                calls = len(made_calls(batch("two-greedy", two.url, True)))
                a_replica, back = killed(
                    two, batch("killed-greedy", two.url, True), calls, lambda r: r.process
                )
                calls = len(made_calls(batch("two", two.url, False)))
                an_engine, again = killed(
                    two, batch("killed", two.url, False), calls, lambda r: r.engine
                )
        finally:
            nodes.stop()
    return [
        *compared("two replicas, greedy", both, alone),
        *compared("a replica killed (SIGKILL), greedy", a_replica, alone),
        Row(SECTION, "a replica killed: seconds until another answered", back),
        *_whole("two replicas, sampled", drawn, sampled[0]),
        *_whole("a vLLM's engine killed (SIGKILL), sampled", an_engine, sampled[0]),
        Row(SECTION, "a vLLM's engine killed: seconds until another answered", again),
        Row(SECTION, "sampled: labels that agree, two runs of one server", agree(*sampled)),
        Row(SECTION, "sampled: labels that agree, two replicas and one", agree(drawn, sampled[0])),
        Row(
            SECTION,
            "two replicas: share of the tokens that the less busy one sampled",
            share[0] / sum(share),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=150)
    report("scale", rows(parser.parse_args().problems), replace_sections=True)


if __name__ == "__main__":
    main()
