"""`steplabel up` in a folder of its own, as a stranger starts it, and what its server says."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from flows.processes import Process, marked
from pipeline.config import RunConfig
from pipeline.files import read_json
from tests.killing import rows_of, run_in_child

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def until(what: str, ask: Callable[[], T | None], seconds: float = 90.0) -> T:
    """Ask until there is an answer; a test that waits in vain says for what."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := ask()) is not None and answer is not False:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"in vain after {seconds:.0f} s: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One `steplabel up`. `folder` holds Prefect's home and is the working directory of all commands."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(folder / "prefect"),
            "PYTHONPATH": str(ROOT),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            **environment,
        }
        self.environment.pop("PREFECT_API_URL", None)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "up", "--port", str(self.port), *words],
            cwd=self.folder,
            env=self.environment,
            stdout=(self.folder / "up.log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        until("`steplabel up` is up", lambda: self.facts.get("ready"), 180)

    def steplabel(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *words],
            cwd=self.folder,
            env=self.environment | {"PREFECT_API_URL": self.api},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr + done.stdout
        return done

    def end(self) -> None:
        self.steplabel("down")
        if self.process is not None:
            self.process.wait(60)

    @property
    def facts(self) -> dict[str, Any]:
        return dict(read_json(self.folder / "prefect" / "steplabel" / "up.json") or {})

    def processes(self, service: str | None = None) -> list[Process]:
        return marked(self.facts["mark"], service)

    def kill(self, service: str, command: str, number: int = signal.SIGKILL) -> int:
        """Signal the service's one process whose command has `command`; its pid."""
        found = [p for p in self.processes(service) if command in p.command]
        (process,) = found
        os.kill(process.pid, number)
        return process.pid

    def ask(self, kind: str, **filters: Any) -> list[dict[str, Any]]:
        """What the server has of a kind; nothing while it doesn't answer."""
        try:
            reply = httpx.post(
                f"{self.api}/{kind}/filter", json={"limit": 200, **filters}, timeout=10
            )
        except httpx.HTTPError:
            return []
        return list(reply.json()) if reply.status_code == 200 else []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        reply = httpx.post(f"{self.api}/{path}", json=body, timeout=30)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def history(self, flow_run: str) -> list[str]:
        """The names of the states that a flow run had."""
        reply = httpx.get(
            f"{self.api}/flow_run_states/", params={"flow_run_id": flow_run}, timeout=10
        )
        return [state["name"] for state in sorted(reply.json(), key=lambda s: s["timestamp"])]

    def logs(self) -> str:
        """What the worker wrote, runs included, and what the server keeps of them."""
        folder = self.folder / "prefect" / "steplabel" / "logs"
        files = [f.read_text(errors="replace") for f in sorted(folder.glob("*.log"))]
        kept = [line["message"] for line in self.ask("logs")]
        return "\n".join([*files, *kept])

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """The newest artifact of each key."""
        found = sorted(self.ask("artifacts"), key=lambda a: a["created"])
        return {artifact["key"]: artifact for artifact in found}


def undisturbed(config: RunConfig) -> dict[str, dict[str, object]]:
    """The rows of the same batch, left alone."""
    alone = config.model_copy(update={"name": f"{config.name}-undisturbed"})
    run_in_child(alone, None)
    return rows_of(alone)


def solutions_made(config: RunConfig) -> bool | None:
    """Whether the run is in its middle: solutions are there, and annotating has begun."""
    progress = read_json(config.folder / "progress.json") or {}
    return True if progress.get("rollouts", {}).get("rows_done", 0) > 4 else None


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """(URL, kill, start) of a PostgreSQL server of the test's own, by Debian's package."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and shutil.which("initdb") is None:
        pytest.skip("no PostgreSQL here: `make system-packages` installs it")
    place = found[-1].parent if found else Path(shutil.which("initdb") or "").parent
    as_user: list[str] = []
    data, port = folder / "postgres", free_port()
    data.mkdir()
    if os.getuid() == 0:  # it refuses to run as root
        user = pwd.getpwnam("nobody")
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        os.chown(data, user.pw_uid, user.pw_gid)
        for above in data.parents[:-1]:
            if not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o001)
    make = [str(place / "initdb"), "-D", str(data / "db"), "-U", "prefect", "--auth=trust"]
    subprocess.run([*as_user, *make, "--no-sync"], check=True, capture_output=True, cwd=data)
    how = ["-D", str(data / "db"), "-p", str(port), "-k", str(data), "-h", "127.0.0.1"]
    server: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with (data / "log").open("ab") as log:
            server.append(
                subprocess.Popen(
                    [*as_user, str(place / "postgres"), *how], stdout=log, stderr=log, cwd=data
                )
            )

        def answers() -> bool | None:
            with socket.socket() as probe:
                return True if probe.connect_ex(("127.0.0.1", port)) == 0 else None

        until("PostgreSQL answers", answers)

    def kill() -> None:
        server[-1].send_signal(signal.SIGKILL)
        server[-1].wait()

    start()
    try:
        yield f"postgresql://prefect@127.0.0.1:{port}/postgres", kill, start
    finally:
        server[-1].send_signal(signal.SIGINT)
        server[-1].wait(30)
