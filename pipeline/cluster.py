"""Work that needs no model, done by the nodes of a Ray cluster.

To grade solutions that were brought along, and to check what steps claim (arithmetic, logic, code,
queries), takes processors. With `cluster: {ray: auto}` a shard of such a stage is a Ray task. Its rows
come back to the process that runs the batch, and that one alone writes parts and manifest: nodes need no
file system in common, and a shard whose node dies is done again by another, nothing lost and nothing
twice. Model calls are that process's own (`docs/cluster/README.md`).

Rows are the same as on one machine: a node with other code or other versions of what decides a row is
refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.annotator import Tools
from pipeline.config import ClusterConfig, GradingConfig
from pipeline.errors import PrerequisiteError, StepLabelError
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import content_hash
from pipeline.sandbox import Sandbox
from pipeline.stages import Alone, Fault, Rows, attempt

log = logging.getLogger(__name__)

RETRIES = 3
"""Times that a shard is begun again after its process or node died."""

PATIENCE_S = 300.0
"""So long a shard waits while no node of the cluster has a processor: one may be on its way."""
LOOK_S = 10.0

DECIDING = ("sympy", "math-verify", "latex2sympy2_extended", "z3-solver", "duckdb")
"""Packages on which rows depend."""


_MISSING = re.compile(r"No module named '(?P<module>(?:pipeline|annotators)[\w.]*)'")
_WHERE = re.compile(r"\bip=(?P<ip>[\w.:]+)")
"""In what Ray says of a task that failed."""


@dataclass(frozen=True, slots=True)
class Lent:
    """What a node makes a task's tools of. `packages`: what the sandbox loads; None: no code is run."""

    grading: GradingConfig
    prompt: PromptTemplate
    packages: tuple[str, ...] | None
    unsafe_local: bool


class Cluster:
    """A run's part of a Ray cluster, as an asynchronous context.

    Raises PrerequisiteError where Ray is not installed, no cluster answers, or a node has other software.
    """

    def __init__(self, config: ClusterConfig, lent: Lent) -> None:
        self._address = config.ray
        self._lent = lent
        self._ours = False
        self.by_node: Counter[str] = Counter()
        """Shards made so far by each node."""

    async def __aenter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
        try:
            import ray
        except ImportError as error:
            raise PrerequisiteError(
                "cluster: Ray is not installed; pip install 'steplabel[ray]'"
            ) from error
        if not ray.is_initialized():
            try:
                await asyncio.to_thread(_look, self._address)
                # in a thread: in the main one it would put its own handler of SIGTERM before the run's
                await asyncio.to_thread(
                    ray.init, self._address, log_to_driver=False, logging_level=logging.ERROR
                )
            except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                raise PrerequisiteError(
                    f"cluster.ray: no cluster to work with at {self._address!r} "
                    f"({str(error).strip()[:300]}); start one on this machine with `ray start --head`"
                ) from error
            self._ours = True
        self._ray = ray
        self._task = ray.remote(max_retries=RETRIES, scheduling_strategy="SPREAD")(_shard)
        self._basis = ray.put((self._lent, software()))
        return self

    @property
    def shards_at_once(self) -> int:
        """Enough to keep every processor of the cluster at work: two for each."""
        return 2 * max(1, int(self._processors()))

    async def make(
        self, stage: str, alone: Alone, items: Sequence[tuple[str, Any]]
    ) -> Sequence[Rows | Fault]:
        """What came of each item (id, item). Where the process that makes them dies again and again each
        is a fault, which a later run tries again."""
        done = self._task.options(name=stage).remote(self._basis, alone, items)
        try:
            node, made = await self._answer(done)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, StepLabelError):
                raise error.cause from None
            if missing := _MISSING.search(str(error)):
                where = _WHERE.search(str(error))
                raise PrerequisiteError(
                    f"cluster: node {where['ip'] if where else '?'} has no {missing['module']!r}; install "
                    "this version of steplabel on every node, in the Python that `ray start` runs"
                ) from None
            raise
        except self._ray.exceptions.RayError as error:
            why = f"lost on the cluster {RETRIES + 1} times: {str(error).strip().splitlines()[0][:200]}"
            return [Fault(item_id, why) for item_id, _ in items]
        self.by_node[node] += 1
        return list(made)

    async def _answer(self, done: Any) -> Any:
        """Of a task that was begun. Raises PrerequisiteError where no node could do it for too long."""

        async def answered() -> Any:
            return await done

        answer, idle_s = asyncio.create_task(answered()), 0.0
        try:
            while not answer.done():
                await asyncio.wait({answer}, timeout=min(LOOK_S, PATIENCE_S))
                has_any = answer.done() or await asyncio.to_thread(self._processors) >= 1
                idle_s = 0.0 if has_any else idle_s + min(LOOK_S, PATIENCE_S)
                if idle_s >= PATIENCE_S:
                    raise PrerequisiteError(
                        f"cluster.ray: no node of the cluster at {self._address!r} has had a processor for "
                        f"{PATIENCE_S:.0f} s; start one with `ray start --address HEAD:PORT --num-cpus 4`, "
                        "and run the same command again"
                    )
            return answer.result()
        finally:
            answer.cancel()

    def _processors(self) -> float:
        return float(self._ray.cluster_resources().get("CPU", 0))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Shards that are still under way are given up."""
        log.info("shards by node of the cluster: %s", dict(self.by_node))
        if self._ours:
            await asyncio.to_thread(self._ray.shutdown)


def _look(address: str) -> None:
    """Raises OSError where nobody listens; Ray itself would try for minutes."""
    named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, _, port = named.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


@cache
def software() -> dict[str, str]:
    """What rows depend on beside their configuration: the code, by a hash, and package versions."""
    code = hashlib.sha256()
    root = Path(__file__).parent.parent
    for room in ("annotators", "pipeline"):
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                code.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    found = {"steplabel": code.hexdigest()[:16]}
    for package in DECIDING:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _shard(
    basis: tuple[Lent, dict[str, str]], alone: Alone, items: Sequence[tuple[str, Any]]
) -> tuple[str, list[Rows | Fault]]:
    """A Ray task: (the node's id, what came of each item)."""
    import ray

    lent, wanted = basis
    node = str(ray.get_runtime_context().get_node_id())
    where = f"node {ray.util.get_node_ip_address()} ({node[:8]})"
    if others := {name: its for name, its in software().items() if wanted[name] != its}:
        told = ", ".join(f"{name} {its} instead of {wanted[name]}" for name, its in others.items())
        raise PrerequisiteError(f"cluster: {where} has {told}; give every node the same software")
    try:
        tools = _tools(lent)
    except PrerequisiteError as error:
        raise PrerequisiteError(f"cluster: {where}: {error}") from error

    async def all_of_them() -> list[Rows | Fault]:
        return await asyncio.gather(*(attempt(id_, alone(item, tools)) for id_, item in items))

    return node, asyncio.run(all_of_them())


_kept: dict[str, Tools] = {}


def _tools(lent: Lent) -> Tools:
    """Made once in each of Ray's processes, and kept: its workers are costly to start."""
    key = content_hash(lent.grading.fingerprint, lent.packages, lent.unsafe_local)
    if key not in _kept:
        sandbox = None
        if lent.packages is not None:
            # Ray counts one processor for a task
            sandbox = Sandbox(1, packages=lent.packages, unsafe_local=lent.unsafe_local)
            asyncio.run(sandbox.__aenter__())
        _kept[key] = Tools(None, Grader(lent.grading, sandbox), lent.prompt, sandbox=sandbox)
    return _kept[key]
