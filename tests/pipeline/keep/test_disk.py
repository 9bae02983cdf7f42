"""The disk that a run takes is about what was said, and a disk that can't hold it is told before any call."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.keep import disk
from pipeline.keep.disk import FACTOR, check_disk, disk_need, human, still_needed
from pipeline.parts import plan_of
from pipeline.plan import Plan
from pipeline.run_inputs import read_inputs
from tests.killing import made_calls, run_in_child
from tests.test_resume import small_batch


class Measured(NamedTuple):
    """A finished TinyMath run with vLLM: sampled tokens by stage, and bytes on disk."""

    annotators: int
    solutions: int
    sampled: dict[str, int]
    calls: int
    rows: int
    dataset: int
    report: int


MEASURED = [
    Measured(
        3,
        80,
        {"generate": 10604, "judge": 12445, "rollouts": 10861},
        calls=68_998,
        rows=64_148,
        dataset=97_983,
        report=114_928,
    ),
    Measured(
        4,
        2400,
        {"generate": 404528, "judge": 489280, "rollouts": 467914, "second": 486165},
        calls=2_833_564,
        rows=1_928_989,
        dataset=652_913,
        report=965_046,
    ),
]


@pytest.mark.parametrize("run", MEASURED)
def test_measured_runs_are_within_the_factor_that_is_stated(run: Measured) -> None:
    config = RunConfig.check(
        {"problems": {"path": "x"}, "annotators": {str(i): {} for i in range(run.annotators)}},
        "test",
    )
    tokens = run.sampled["generate"] / run.solutions
    need = disk_need(config, Plan(run.solutions, tokens, run.sampled))
    for expected, found in (
        (need.calls, run.calls),
        (need.rows, run.rows),
        (need.dataset, run.dataset),
        (need.report, run.report),
    ):
        assert 1 / FACTOR <= expected / found <= FACTOR


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    return small_batch(tmp_path_factory.mktemp("disk"), problems=12)


def plan(config: RunConfig) -> Plan:
    return plan_of(config, read_inputs(config), make_annotators(config))


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    usage = shutil.disk_usage("/")._replace(free=size)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)


def test_too_small_a_disk_stops_a_run_before_its_first_call(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 1000)
    with pytest.raises(RunError, match=r"about .* will be needed, and the disk has 1 kB free"):
        check_disk(config.folder, disk_need(config, plan(config)))
    with pytest.raises(AssertionError, match="the run failed"):
        run_in_child(config, None)
    assert made_calls(config) == []
    assert not (config.folder / "run.json").exists()


def test_a_disk_that_may_be_too_small_is_warned_of(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    need = disk_need(config, plan(config))
    free(monkeypatch, round(0.9 * still_needed(config.folder, need)))
    check_disk(config.folder, need)
    assert "will be needed" in caplog.text
    free(monkeypatch, need.at_most)
    caplog.clear()
    check_disk(config.folder, need)
    assert caplog.text == ""


def test_what_is_there_is_needed_no_more(tmp_path: Path, config: RunConfig) -> None:
    need = disk_need(config, plan(config))
    assert still_needed(tmp_path / "new", need) == need.at_most
    (tmp_path / "half").write_bytes(b"0" * (need.in_the_end // 2))
    assert 0.45 < still_needed(tmp_path, need) / need.at_most < 0.55
    (tmp_path / "more").write_bytes(b"0" * need.in_the_end)
    assert still_needed(tmp_path, need) == 0


def test_a_longer_run_needs_more(config: RunConfig) -> None:
    some = plan(config)
    more = Plan(
        3 * some.solutions, some.solution_tokens, {k: 3 * n for k, n in some.by_stage.items()}
    )
    one, other = disk_need(config, some), disk_need(config, more)
    assert all(getattr(other, part) > getattr(one, part) for part in ("calls", "rows", "journal"))


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes_are_said_for_people(size: float, said: str) -> None:
    assert human(size) == said
