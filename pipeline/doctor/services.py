"""The Prefect server a run would talk to, and the models that ship."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from pipeline.doctor.finding import Finding, State
from pipeline.doctor.software import installed

PREFECT_PORT = 4200


def prefect(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The server a run would talk to, and the port for one of its own."""
    url = environment.get("PREFECT_API_URL")
    if url:
        if answers(url):
            yield Finding("prefect", State.OK, f"{installed('prefect')}, server at {url}")
        else:
            yield Finding(
                "prefect",
                State.MISSING,
                f"PREFECT_API_URL is {url}, and no server answers there",
                "prefect server start, unset PREFECT_API_URL, or steplabel run --no-prefect",
            )
        return
    if port_is_free(PREFECT_PORT):
        detail = f"{installed('prefect')}, port {PREFECT_PORT} is free for its server"
    elif answers(f"http://127.0.0.1:{PREFECT_PORT}/api"):
        detail = f"{installed('prefect')}, a server runs on port {PREFECT_PORT}"
    else:
        detail = f"port {PREFECT_PORT} is taken by another program; a run takes a free one"
        yield Finding("prefect", State.NOTE, detail)
        return
    yield Finding("prefect", State.OK, detail)


def answers(url: str) -> bool:
    """Whether a Prefect API answers there."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=3.0).status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def shipped_models(root: Path) -> Iterator[Finding]:
    folder = root / "data" / "tinymath"
    absent = [
        name
        for name in ("policy", "judge")
        if not (folder / name / "config.json").is_file()
        or not list((folder / name).glob("*.safetensors"))
    ]
    if not absent:
        yield Finding("models", State.OK, f"TinyMath's policy and judge in {folder}")
        return
    detail = (
        f"TinyMath's {' and '.join(absent)} not in {folder}; flows/recipes/tinymath.yaml needs it"
    )
    cure = "; ".join(
        f"steplabel testbed train --{name} --export data/tinymath/{name}" for name in absent
    )
    yield Finding("models", State.NOTE, detail, f"git checkout data, or {cure}")
