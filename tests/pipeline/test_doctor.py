"""`doctor` tells what is there and what is not, each lack with its cure."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pipeline.doctor import Finding, State, examine, machine, services, software
from pipeline.grading import pool


def only(findings: object) -> Finding:
    (finding,) = list(findings)  # type: ignore[call-overload]
    return finding


def test_every_lack_on_this_machine_has_a_cure() -> None:
    findings = examine()
    expected = [
        "python",
        "processor",
        "gpu",
        "memory",
        "disk",
        "sandbox",
        "grading",
        "prefect",
        "models",
    ]
    assert set(expected) <= {finding.what for finding in findings}
    assert all(finding.cure for finding in findings if finding.state is State.MISSING)


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [("pyarrow>=1", None), ("pyarrow<1", "should be <1"), ("no-such-thing", "not installed")],
)
def test_a_package_is_there_in_the_right_version_or_named(
    requirement: str, problem: str | None
) -> None:
    found = software.unmet(Requirement(requirement))
    assert found == [] if problem is None else problem in found[0]


def test_a_processor_without_avx2_is_noted(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name : old\nflags : fpu sse2\n")
    finding = only(machine.processor(tmp_path / "cpuinfo"))
    assert finding.state is State.NOTE
    assert "AVX2" in finding.detail


def test_whether_answers_are_compared_in_isolation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shut_in = only(machine.sandbox()).state is State.OK
    assert only(machine.grading()).state is (State.OK if shut_in else State.NOTE)
    monkeypatch.setattr(shutil, "which", lambda *_: None)  # as where no bubblewrap is installed
    without = only(machine.grading())
    assert without.state is State.NOTE
    assert without.cure
    monkeypatch.setattr(pool, "_UNGUARDED", [sys.executable, "-c", "raise SystemExit(1)"])
    assert only(machine.grading()).state is State.MISSING


def test_memory_is_what_is_available_and_no_more_than_the_limit(tmp_path: Path) -> None:
    meminfo, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    meminfo.write_text("MemTotal: 99 kB\nMemAvailable: 8388608 kB\n")
    assert machine.memory_gib(meminfo, limit) == 8.0
    limit.write_text("max\n")
    assert machine.memory_gib(meminfo, limit) == 8.0
    limit.write_text(str(2 << 30))
    assert machine.memory_gib(meminfo, limit) == 2.0


def test_a_server_that_was_named_and_does_not_answer_is_missing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        finding = only(services.prefect({"PREFECT_API_URL": url}))
    assert finding.state is State.MISSING
    assert "--no-prefect" in finding.cure


def test_a_taken_port_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not services.port_is_free(taken.getsockname()[1])


def test_absent_models_are_told_with_the_commands_that_make_them(tmp_path: Path) -> None:
    finding = only(services.shipped_models(tmp_path))
    assert finding.state is State.NOTE
    assert "steplabel testbed train --judge" in finding.cure
