"""A headless Chromium, driven over its DevTools protocol; a test that needs one skips where there is none."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-ipc-flooding-protection",  # a test opens hundreds of solutions in seconds
    *("--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1400,900"),
)
_STARTS_WITHIN_S = 60


def chromium() -> str | None:
    """The program's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(
    chromium() is None, reason=f"no browser here: none of {', '.join(NAMES)} is on the PATH"
)


class Tab:
    """One page. `events` are those that the browser told since it was opened."""

    def __init__(self, socket: ClientConnection, process: int) -> None:
        self._socket = socket
        self.process = process
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log", "Performance"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=120))
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                found: dict[str, Any] = message["result"]
                return found
            self.events.append(message)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited. Raises RuntimeError where it throws."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a file and wait until its script has listed the solutions."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=page.absolute().as_uri() + fragment)
        self.wait("document.documentElement?.dataset.ready !== undefined")

    def wait(self, condition: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"never so: {condition}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """A key by its name: "j", "Escape"."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def told(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]


@contextmanager
def browser(*more_flags: str) -> Iterator[Tab]:
    """A new browser with an empty profile, ended with the block."""
    path = chromium()
    assert path is not None, "ask `chromium()` first"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [path, *_FLAGS, *more_flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = _port(Path(profile) / "DevToolsActivePort", process)
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=30, trust_env=False)
            url = next(tab for tab in tabs.json() if tab["type"] == "page")["webSocketDebuggerUrl"]
            with connect(url, max_size=None, proxy=None) as socket:
                yield Tab(socket, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(file: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        if file.exists() and (lines := file.read_text().split()):
            return lines[0]
        time.sleep(0.05)
    raise RuntimeError(f"the browser did not start within {_STARTS_WITHIN_S} s")
