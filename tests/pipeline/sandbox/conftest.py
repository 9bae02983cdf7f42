"""A pool that lives for a whole file of tests, and what can be seen of it from the host."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PrerequisiteError
from pipeline.sandbox import Execution, Limits, Sandbox

TIGHT = Limits(wall_s=1.0, cpu_s=2, memory_mb=128, output_kb=32, disk_mb=8, file_mb=4, processes=8)
PATIENT = replace(TIGHT, wall_s=60.0, cpu_s=30)
"""For what should end by itself, on however busy a machine."""


class Pool:
    """One sandbox and its event loop, for tests that aren't coroutines."""

    def __init__(self, runner: asyncio.Runner, sandbox: Sandbox) -> None:
        self.runner = runner
        self.sandbox = sandbox

    def run(self, code: str, stdin: str = "", limits: Limits | None = None) -> Execution:
        return self.runner.run(self.sandbox.run(code, stdin=stdin, limits=limits or PATIENT))

    @staticmethod
    def processes(depth: int = 99) -> list[int]:
        """Every process that descends from this one, as the host sees them; `depth` generations."""
        found: list[int] = []
        parents = [os.getpid()]
        while parents and depth:
            parents = [child for parent in parents for child in _children(parent)]
            found += parents
            depth -= 1
        return sorted(found)

    def standing(self) -> list[int]:
        """What stays for as long as the pool does: bubblewrap, its process 1, the zygote.

        Waits until there is nothing beside them but the one process that waits for the next snippet.
        """
        give_up = time.monotonic() + 60
        while True:
            standing, everybody = self.processes(depth=3), self.processes()
            beside = len(set(everybody) - set(standing))
            if beside == 1:
                return standing
            assert time.monotonic() < give_up, f"{beside} processes beside the pool's own"
            time.sleep(0.01)


def _children(parent: int) -> list[int]:
    children = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it, or one of its threads, ended
        for task in Path(f"/proc/{parent}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                children += [int(n) for n in (task / "children").read_text().split()]
    return children


@pytest.fixture(scope="session")
def can_isolate() -> None:
    """Skips what needs it, with the reason, where this machine has no sandbox."""

    async def opens() -> None:
        async with Sandbox(workers=1, packages=()):
            pass

    try:
        asyncio.run(opens())
    except PrerequisiteError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file that anybody on the host may read; its name is in the environment too."""
    path = tmp_path_factory.mktemp("host") / f"secret-{secrets.token_hex(8)}"
    path.write_text("secret")
    os.environ["STEPLABEL_SECRET"] = str(path)
    yield path
    del os.environ["STEPLABEL_SECRET"]


@pytest.fixture(scope="module")
def pool(can_isolate: None, secret: Path) -> Iterator[Pool]:
    """One zygote: whatever a snippet breaks, the next one meets it."""
    with asyncio.Runner() as runner:
        sandbox = Sandbox(workers=1, limits=TIGHT)
        runner.run(sandbox.__aenter__())
        yield Pool(runner, sandbox)
        runner.run(sandbox.__aexit__(None, None, None))
