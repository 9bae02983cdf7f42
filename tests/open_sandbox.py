"""A sandbox for the tests of a module: opened once, used from any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.errors import PrerequisiteError
from pipeline.sandbox import Sandbox


@contextmanager
def open_sandbox(*packages: str) -> Iterator[Sandbox]:
    """Skips, with what to do, where this machine has none."""
    sandbox = Sandbox(workers=1, packages=packages)
    try:
        asyncio.run(sandbox.__aenter__())
    except PrerequisiteError as error:
        pytest.skip(str(error))
    try:
        yield sandbox
    finally:
        asyncio.run(sandbox.__aexit__(None, None, None))
