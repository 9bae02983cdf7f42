"""The table of faults: each test says what it saw, and `make test-faults` writes it to docs/faults.md."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.nightly import Up, running

HEAD = """# What happens when something is killed or fails

Written by `make test-faults`, which does each of these to a real run (of the simulated policy and judge,
whose answers hang on the call alone; those of services under a real Prefect server) and compares every row
of solutions, verdicts and labels with those of the same batch left alone. Seconds are left out.

| fault | what the user sees | rows, against those of an undisturbed run |
|---|---|---|
"""

_seen: dict[str, str] = {}
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
        _seen[fault] = f"| {fault} | {shown} | {len(rows)} rows, the same |"

    return line


@pytest.fixture(scope="session", autouse=True)
def _table(pytestconfig: pytest.Config) -> Iterator[None]:
    """A run of some tests alone (`-k`) renews their lines, a whole one begins anew."""
    yield
    name = os.environ.get("FAULTS_TABLE")
    if not name or not _seen:
        return
    path, lines = Path(name), dict(_seen)
    if pytestconfig.option.keyword and path.exists():
        text = path.read_text(encoding="utf-8").removeprefix(HEAD)
        before = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines()}
        lines = before | lines
    path.write_text(HEAD + "".join(f"{lines[key]}\n" for key in sorted(lines)), encoding="utf-8")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A server and a worker of the test's own."""
    with running(Up(tmp_path)) as one:
        yield one
