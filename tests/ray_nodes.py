"""A Ray cluster on this machine: each node is what one `ray start` starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.nightly import ROOT, free_port, until

STORE_BYTES = 80_000_000


@dataclass
class _Node:
    process: subprocess.Popen[bytes]
    log: Path
    head: bool
    cpus: int
    code: Path
    ready: bool = False


class RayNodes:
    """The first node is the head. `environment` is for whoever works with the cluster."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: it holds sockets
        self.address = f"127.0.0.1:{free_port()}"
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "RAY_ADDRESS": self.address,
            "RAY_AUTH_MODE": "disabled",  # else a token is written to the home folder
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._nodes: list[_Node] = []
        self._begun = 0

    def start(self, nodes: int = 1, cpus: int = 1, code: Path = ROOT) -> None:
        """So many nodes more, ready when this returns. `code`: where they have their steplabel."""
        for _ in range(nodes):
            self._begin(not self._nodes, cpus, code)
        until("Ray's nodes are ready", self._ready)

    def _ready(self) -> bool:
        """`ray start` gives up after 30 s, which is short on a busy machine: then it is begun again."""
        for node in list(self._nodes):
            if not node.ready and node.process.poll() is not None:
                print(node.log.read_text(errors="replace"))
                self._nodes.remove(node)
                self._begin(node.head, node.cpus, node.code)
            node.ready = node.ready or "Ray runtime started" in node.log.read_text(errors="replace")
        return all(node.ready for node in self._nodes)

    def _begin(self, head: bool, cpus: int, code: Path) -> None:
        where = ["--address", self.address]  # waits for the head, if need be
        if head:
            where = ["--head", "--port", self.address.split(":")[1], "--temp-dir", str(self.folder)]
            where += ["--include-dashboard", "false"]
        self._begun += 1
        log = self.folder / f"node-{self._begun}.log"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where]
        command += ["--node-ip-address", "127.0.0.1", "--num-cpus", str(cpus)]
        command += ["--object-store-memory", str(STORE_BYTES), "--disable-usage-stats"]
        with log.open("wb") as out:
            its = self.environment | {"PYTHONPATH": str(code)}
            process = subprocess.Popen(
                command, cwd=code, env=its, stdout=out, stderr=subprocess.STDOUT
            )
        self._nodes.append(_Node(process, log, head, cpus, code))

    def alive(self) -> list[subprocess.Popen[bytes]]:
        """The processes of those that run; the head's comes first."""
        nodes = sorted(self._nodes, key=lambda node: not node.head)
        return [node.process for node in nodes if node.process.poll() is None]

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """All its processes at once, as when a machine loses its power."""
        family = [psutil.Process(node.pid)]
        family += family[0].children(recursive=True)
        for process in family:
            process.suspend()  # none may see another die
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        node.wait()

    def stop(self) -> None:
        for node in reversed(self.alive()):
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)
