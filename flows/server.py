"""The Prefect server a run talks to: the one PREFECT_API_URL names, that of `steplabel up` or one that
already answers on this machine, or one started here for the time of the run.
"""

from __future__ import annotations

import ctypes
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

from flows.processes import facts_of_up
from pipeline.errors import PrerequisiteError

DEFAULT_PORT = 4200
START_SECONDS = 300.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def prefect_server(log: Path) -> Iterator[str]:
    """The API's URL; it is also set as PREFECT_API_URL for this process.

    A server started here is stopped at the end, and dies with this process however that ends. Its
    database is Prefect's own (PREFECT_HOME), so finished runs can be looked at later with
    `prefect server start`. Raises PrerequisiteError when no server can be had.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        if not answers(given):
            raise PrerequisiteError(
                f"PREFECT_API_URL is {given}, but no Prefect server answers there; start it, unset "
                "the variable, or run with --no-prefect"
            )
        yield given
        return
    if answers(here := _here()):
        with api_url(here):
            yield here
        return
    port = _free_port(DEFAULT_PORT)
    url = f"http://127.0.0.1:{port}/api"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "prefect",
                "server",
                "start",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"},
            process_group=0,  # a Ctrl-C in the terminal ends the run, which then tells the server so
            preexec_fn=_die_with_parent,
        )
        try:
            _wait(server, url, log)
            with api_url(url):
                yield url
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def find_server() -> str:
    """API URL of a server that answers: the one PREFECT_API_URL names, else that of `steplabel up` on this
    machine, else one at Prefect's own port. Raises PrerequisiteError."""
    url = os.environ.get("PREFECT_API_URL") or _here()
    if not answers(url):
        raise PrerequisiteError(
            f"no Prefect server answers at {url}; `steplabel up` starts one, and PREFECT_API_URL names "
            "one elsewhere"
        )
    return url


def _here() -> str:
    known = (facts_of_up() or {}).get("url")
    default = f"http://127.0.0.1:{DEFAULT_PORT}/api"
    return str(known) if known is not None and answers(known) else default


def ready() -> bool:
    """Whether the server of this process takes writes: it answers, and so does its database."""
    url = os.environ.get("PREFECT_API_URL")
    if url is None:
        return True
    with suppress(httpx.HTTPError, httpx.InvalidURL):
        return httpx.get(f"{url.rstrip('/')}/ready", timeout=5.0).status_code == 200
    return False


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if answers(url):
            return
        time.sleep(0.3)
    raise PrerequisiteError(
        f"the Prefect server did not start; its log is {log}. `--no-prefect` runs without one"
    )


def answers(url: str, timeout_s: float = 2.0) -> bool:
    with suppress(httpx.HTTPError, httpx.InvalidURL):
        reply = httpx.get(f"{url.rstrip('/')}/health", timeout=timeout_s)
        return reply.status_code == 200 and reply.text.strip() == "true"
    return False


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise PrerequisiteError("no free port on 127.0.0.1 for the Prefect server")


@contextmanager
def api_url(url: str) -> Iterator[None]:
    os.environ["PREFECT_API_URL"] = url
    try:
        yield
    finally:
        del os.environ["PREFECT_API_URL"]
