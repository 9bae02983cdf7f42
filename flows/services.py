"""What `steplabel up` keeps running on this machine: a Prefect server and a worker, or a worker alone.

Each is started again when it ends, and the server when it hangs. `up` killed by SIGKILL leaves them at
work, and `steplabel down`, or the next `up`, finds them by their mark.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from flows.processes import (
    MARK,
    SERVICE,
    end,
    end_all,
    facts_of_up,
    home,
    marked,
)
from flows.server import START_SECONDS, answers
from pipeline.errors import PrerequisiteError
from pipeline.files import make_folder, write_json
from pipeline.lock import start_of
from pipeline.records import content_hash

LONGEST_PAUSE_S = 60.0
ASKED_EVERY_S = 15.0
SILENT_S = 120.0
"""A server that answers nobody for so long is killed and started again."""
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    # so often a run that is queued behind another one looks whether it may begin
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
}
"""Settings of Prefect; those of the environment go before."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`server`: the URL of one elsewhere, None to start one here on `host` and `port`. `database`: of the
    server, None for Prefect's SQLite file. `limit`: runs at once, one for each GPU or set of GPUs."""

    pool: str
    limit: int = 1
    server: str | None = None
    host: str = "127.0.0.1"
    port: int = 4200
    database: str | None = None

    @property
    def url(self) -> str:
        return self.server or f"http://{self.host}:{self.port}/api"


@dataclass
class _Service:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 1.0
    due: float = 0.0
    answered: float = 0.0
    asked: float = 0.0


class Services:
    """The processes of one `up`. `log` is the folder of their logs."""

    def __init__(self, wanted: Wanted, say: Say) -> None:
        self._wanted = wanted
        self._say = say
        self.mark = secrets.token_hex(8)
        self.log = home() / "logs"
        self._services: dict[str, _Service] = {}
        make_folder(self.log)

    def start_server(self, stopped: Callable[[], bool]) -> None:
        """Returns when it answers, or is `stopped`. Raises PrerequisiteError."""
        wanted = self._wanted
        if wanted.server is not None:
            if not answers(wanted.server):
                raise PrerequisiteError(f"no Prefect server answers at {wanted.server}")
            return
        if answers(wanted.url):
            raise PrerequisiteError(
                f"{wanted.url}: a server answers there that this command did not start; use it with "
                f"--server {wanted.url}, or take another --port"
            )
        server = self._server()
        self._start(server)
        deadline = time.monotonic() + START_SECONDS
        while not stopped() and not answers(wanted.url):
            if server.process is None or server.process.poll() is not None:
                raise PrerequisiteError(
                    f"the Prefect server did not start; its log is {self.log / 'server.log'}"
                )
            if time.monotonic() > deadline:
                raise PrerequisiteError(f"no answer from {wanted.url} in {START_SECONDS:.0f} s")
            time.sleep(0.2)

    def keep(self, stopped: Callable[[], bool]) -> None:
        """Start the worker, and start again what ends, until `stopped`."""
        self._start(self._worker())
        while not stopped():
            for service in self._services.values():
                self._look_after(service)
            time.sleep(0.3)

    def _look_after(self, service: _Service) -> None:
        now = time.monotonic()
        if service.process is not None and service.process.poll() is not None:
            code = service.process.returncode
            service.process = None
            service.pause = 1.0 if now - service.started > 60 else service.pause * 2
            service.pause = min(service.pause, LONGEST_PAUSE_S)
            service.due = now + service.pause
            self._say(
                f"the {service.name} ended ({code}); started again in {service.pause:.0f} s; "
                f"its log: {self.log / service.name}.log"
            )
        elif service.process is not None and service.name == "server" and self._hangs(service):
            self._say(f"the server has not answered for {SILENT_S:.0f} s; it is killed")
            service.process.kill()
        if service.process is None and now >= service.due:
            self._start(service)

    def _start(self, service: _Service) -> None:
        self._services[service.name] = service
        if service.name == "server":
            end(marked(self.mark, "server"), signal.SIGKILL, 0.0)  # what holds its port
        with (self.log / f"{service.name}.log").open("ab") as log:
            service.process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment(service.name),
            )
        service.started = service.answered = service.asked = time.monotonic()

    def _hangs(self, server: _Service) -> bool:
        """Prefect's server on SQLite can lock itself up for good when its database is busy."""
        now = time.monotonic()
        if now - server.asked < ASKED_EVERY_S:
            return False
        server.asked = now
        if answers(self._wanted.url, timeout_s=10.0):
            server.answered = time.monotonic()
        return time.monotonic() - server.answered > SILENT_S

    def _server(self) -> _Service:
        where = ["--host", self._wanted.host, "--port", str(self._wanted.port)]
        return _Service("server", [sys.executable, "-m", "prefect", "server", "start", *where])

    def _worker(self) -> _Service:
        wanted = self._wanted
        name = f"{os.uname().nodename}-{content_hash(str(home()))[:4]}"
        how = ["--pool", wanted.pool, "--name", name, "--limit", str(wanted.limit)]
        return _Service("worker", [sys.executable, "-m", "prefect", "worker", "start", *how])

    def _environment(self, service: str) -> dict[str, str]:
        """The database's URL, which may hold a password, is for the server alone."""
        given = {"PREFECT_API_URL": self._wanted.url, MARK: self.mark, SERVICE: service}
        theirs = DEFAULTS | os.environ
        theirs.pop(DATABASE, None)
        if service == "server" and self._wanted.database is not None:
            given[DATABASE] = driver(self._wanted.database)
        return theirs | given


def driver(database: str) -> str:
    """A database's URL as Prefect's server wants it: with the driver that comes along."""
    head, colon, rest = database.partition("://")
    known = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    return known.get(head, head) + colon + rest


@contextmanager
def one_up() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Of all `up` on this machine (and PREFECT_HOME) the only one; gives how to say what is up. What one
    that was killed left behind is ended first. Raises PrerequisiteError where one is at work."""
    make_folder(home())
    with (home() / "up.lock").open("a") as file:
        if not _locked(file, fcntl.LOCK_EX, tries=5):  # `down` has it for an instant
            facts = facts_of_up() or {}
            raise PrerequisiteError(
                f"already up, at {facts.get('url')} (process {facts.get('pid')}, since "
                f"{facts.get('since')}); `steplabel down` stops it"
            )
        left = facts_of_up()
        if left is not None:
            end_all(left["mark"])
        try:
            yield lambda facts: write_json(home() / "up.json", facts)
        finally:
            (home() / "up.json").unlink(missing_ok=True)


def _locked(file: IO[str], how: int, tries: int = 1) -> bool:
    for attempt in range(tries):
        time.sleep(0.1 * bool(attempt))
        with suppress(BlockingIOError):
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return True
    return False


def _at_work() -> bool:
    """Whether some `up` is, even if it has not said so yet."""
    try:
        file = (home() / "up.lock").open()
    except FileNotFoundError:
        return False
    with file:
        return not _locked(file, fcntl.LOCK_SH)


def bring_down() -> int | None:
    """End what `up` started, and nothing else; how many processes that were, None where nothing is up."""
    facts = facts_of_up()
    while (facts is None or start_of(facts["pid"]) != facts["started"]) and _at_work():
        time.sleep(0.1)  # one has just begun, and what is written is of one before it
        facts = facts_of_up()
    if facts is None:
        return None
    there = len(marked(facts["mark"]))
    if start_of(facts["pid"]) == facts["started"]:
        with suppress(ProcessLookupError):
            os.kill(facts["pid"], signal.SIGTERM)
        while start_of(facts["pid"]) == facts["started"]:
            time.sleep(0.1)
    end_all(facts["mark"])
    (home() / "up.json").unlink(missing_ok=True)
    return there
