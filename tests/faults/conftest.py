"""The table of faults: each test says what it saw, and `make test-faults` writes it to docs/faults.md."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.summary import Summary
from tests.faults.model_server import ModelServer, serving
from tests.nightly import Up, running

HEAD = """# What happens when something is killed or fails

Written by `make test-faults`, which does each of these to a real run (of the simulated policy and judge,
whose answers hang on the call alone; those of services under a real Prefect server) and compares every row
of solutions, verdicts and labels with those of the same batch left alone. Seconds are left out. A line is
written when its test has passed; the last column is the day of that.

| fault | what the user sees | rows, against those of an undisturbed run | seen |
|---|---|---|---|
"""

_seen: set[str] = set()
Rows = dict[str, dict[str, object]]
Saw = Callable[[str, str, Rows, Rows], None]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`-m faults` means every test of this folder, the short ones too: each has a line in the table."""
    if config.option.markexpr == "faults":
        for item in items:
            if item.path.parent == Path(__file__).parent:
                item.add_marker("faults")


@pytest.fixture
def saw() -> Saw:
    """`saw(fault, what the user sees, rows, rows of an undisturbed run)`: asserts that the rows are the
    same, and puts a line into the table."""

    def line(
        fault: str,
        shown: str,
        rows: Rows,
        alone: Rows,
    ) -> None:
        missing, more = len(alone.keys() - rows.keys()), len(rows.keys() - alone.keys())
        unlike = sum(rows[key] != alone[key] for key in rows.keys() & alone.keys())
        assert (missing, more, unlike) == (0, 0, 0), (fault, missing, more, unlike)
        assert rows
        put_line(fault, shown, f"{len(rows)} rows, the same")

    return line


def put_line(fault: str, shown: str, compared: str) -> None:
    """Into the table at once, so that what a cut-off run has seen is there; the other lines stay."""
    _seen.add(fault)
    if path := _table_file():
        cells = (fault, shown.replace("|", "\\|"), compared, date.today().isoformat())
        _write(path, _lines(path) | {fault: f"| {' | '.join(cells)} |"})


def _table_file() -> Path | None:
    name = os.environ.get("FAULTS_TABLE")
    return Path(name) if name else None


def _lines(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    rows = path.read_text(encoding="utf-8").rpartition("---|\n")[2].splitlines()
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def _write(path: Path, lines: dict[str, str]) -> None:
    path.write_text(HEAD + "".join(f"{lines[key]}\n" for key in sorted(lines)), encoding="utf-8")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A whole run in which nothing failed drops the lines of faults that no test does any more."""
    option, path = session.config.option, _table_file()
    whole = option.markexpr == "faults" and not option.keyword and not option.file_or_dir
    if path and whole and exitstatus == pytest.ExitCode.OK and _seen:
        _write(path, {fault: line for fault, line in _lines(path).items() if fault in _seen})


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A server and a worker of the test's own."""
    with running(Up(tmp_path)) as one:
        yield one


def run(config: RunConfig) -> Summary:
    return asyncio.run(run_batch(config, make_annotators(config)))


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with serving() as one:
        yield one
