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
from tests.test_resume import small_batch

ROOT = Path(__file__).resolve().parents[1]
NIGHTLY = "nightly"
T = TypeVar("T")


def until(what: str, ask: Callable[[], T | None], seconds: float = 300.0) -> T:
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
            "TEST_JUDGE_KEY": "sk-this-is-a-secret",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            **environment,
        }
        self.environment.pop("PREFECT_API_URL", None)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str, wait: bool = True) -> None:
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "up", "--port", str(self.port), *words],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if wait:
            until("`steplabel up` is up", self._is_up)

    def _is_up(self) -> bool:
        """What a killed one left says that it is up, too."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "up.log").read_text()
        return bool(self.facts.get("ready")) and self.facts["pid"] == self.process.pid

    def steplabel(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *words],
            cwd=self.folder,
            env=self.environment,  # it finds the server by itself
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
        most = 50 if kind == "events" else 200  # as many as the server gives
        try:
            url = f"{self.api}/{kind}/filter"
            reply = httpx.post(url, json={"limit": most, **filters}, timeout=60)
        except httpx.HTTPError:
            return []
        return list(reply.json()) if reply.status_code == 200 else []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """As Prefect's own client does: again, where the server says that its database is busy."""

        def reply() -> httpx.Response | None:
            got = httpx.post(f"{self.api}/{path}", json=body, timeout=60)
            return None if got.status_code == 503 else got

        got = until(f"an answer to {path}", reply)
        got.raise_for_status()
        return got.json() if got.content else None

    def history(self, flow_run: str) -> list[str]:
        """The names of the states that a flow run had."""
        reply = httpx.get(
            f"{self.api}/flow_run_states/", params={"flow_run_id": flow_run}, timeout=60
        )
        return [state["name"] for state in sorted(reply.json(), key=lambda s: s["timestamp"])]

    def logs(self) -> str:
        """What the worker wrote, runs included, and what the server keeps of them."""
        folder = self.folder / "prefect" / "steplabel" / "logs"
        places = [*sorted(folder.glob("*.log")), *sorted(self.folder.glob("*/runs/*/output.log"))]
        files = [place.read_text(errors="replace") for place in places]
        kept = [line["message"] for line in self.ask("logs")]
        return "\n".join([*files, *kept])

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """The newest artifact of each key."""
        found = sorted(self.ask("artifacts"), key=lambda a: a["created"])
        return {artifact["key"]: artifact for artifact in found}

    def deployment(self, name: str = NIGHTLY) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            return next((d for d in self.ask("deployments") if d["name"] == name), None)

        return until(f"deployment {name}", there)

    def run(self, config: RunConfig) -> None:
        """One run of the deployment, as from the UI's form: with this configuration."""
        parameters = {"config": config.model_dump(mode="json", exclude_defaults=True)}
        self.post(
            f"deployments/{self.deployment()['id']}/create_flow_run", {"parameters": parameters}
        )

    def newest(self, config: RunConfig) -> dict[str, Any]:
        """The newest flow run of a configuration of this name; empty where there is none."""
        runs = [
            run
            for run in self.ask("flow_runs")
            if run["parameters"]["config"]["name"] == config.name and not run["auto_scheduled"]
        ]
        return max(runs, key=lambda run: run["created"]) if runs else {}

    def becomes(self, config: RunConfig, state: str, seconds: float = 300.0) -> list[str]:
        """Wait until the newest run has the state; all states that it had."""

        def there() -> bool | None:
            run = self.newest(config)
            failed = run.get("state_name") == "Failed" != state
            assert not failed, f"{run.get('state', {}).get('message')}\n{self.logs()}"
            return True if run.get("state_name") == state else None

        until(f"{config.name} is {state}", there, seconds)
        return self.history(self.newest(config)["id"])


@contextmanager
def running(one: Up) -> Iterator[Up]:
    """Up, with a deployment that nothing runs but tests, and down at the end."""
    try:
        one.start()
        config = small_batch(one.folder, NIGHTLY, problems=4)
        path = one.folder / "nightly.yaml"
        path.write_text(config.to_yaml())
        when = ("--cron", "0 2 1 1 *", "--timezone", "Europe/Berlin")
        said = one.steplabel("deploy", str(path), *when)
        assert (
            "temporary server" not in said.stdout + said.stderr
        )  # as Prefect starts without a URL
        yield one
    finally:
        one.end()


def slow_batch(folder: Path, name: str, pause_s: float = 0.1, problems: int = 24) -> RunConfig:
    """The small batch, with samples that take time."""
    (folder / name).mkdir(exist_ok=True)
    raw = small_batch(folder / name, name, problems).model_dump(mode="json")
    for engine in raw["engines"].values():
        engine["args"]["pause_s"] = pause_s
    return RunConfig.check(raw, "test")


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
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
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
