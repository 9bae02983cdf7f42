"""A run that is asked to stop lets its calls end, begins no other, and can go on."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.batch import Watch, run_batch
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InterruptedRun
from pipeline.run_folder import RunFolder
from pipeline.stopping import Stop, on_sigterm
from tests.killing import finished_calls, made_calls, rows_of, run_in_child
from tests.test_resume import small_batch


def slow(config: RunConfig, pause_s: float) -> RunConfig:
    raw = config.model_dump(mode="json")
    for engine in raw["engines"].values():
        engine["args"]["pause_s"] = pause_s
    return RunConfig.check(raw, "test")


@pytest.mark.slow
async def test_calls_under_way_are_recorded_and_the_run_goes_on_with_the_same_rows(
    tmp_path: Path,
) -> None:
    config = slow(small_batch(tmp_path, "stopped"), 0.2)
    stop = Stop()

    def rows(stages: object) -> None:
        asyncio.get_running_loop().call_later(0.1, stop.ask, "enough")

    with pytest.raises(InterruptedRun, match="enough; the same command goes on"):
        await run_batch(config, make_annotators(config), watch=Watch(None, rows), stop=stop)
    assert RunFolder(config.folder).info["state"] == "stopped"
    before = finished_calls(config)
    assert len(before) == 24, "the calls that were under way when the stop was asked for"
    run_in_child(config, None)
    assert not before & set(made_calls(config)), "a finished call is made again"
    alone = slow(small_batch(tmp_path, "alone"), 0.0)
    run_in_child(alone, None)
    assert rows_of(config) == rows_of(alone)


async def test_sigterm_asks_and_the_handler_before_it_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with on_sigterm(lambda: stop.ask("SIGTERM")):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 5)
    assert stop.why == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


async def test_a_dataset_is_not_written_without_approval(tmp_path: Path) -> None:
    raw = small_batch(tmp_path, "approved", problems=2).model_dump(mode="json")
    config = RunConfig.check(raw | {"deploy": {"approve_hours": 1}}, "test")
    with pytest.raises(ConfigError, match="run it as a flow"):
        await run_batch(config, make_annotators(config))
    asked = []

    async def refuse(summary: object) -> None:
        asked.append(summary)
        raise PermissionError

    with pytest.raises(PermissionError):
        await run_batch(config, make_annotators(config), approve=refuse)
    assert not RunFolder(config.folder).dataset.exists()
    assert len(rows_of(config)) > 0, "the labels are kept"

    async def approve(summary: object) -> None:
        asked.append(summary)

    await run_batch(config, make_annotators(config), approve=approve)
    await run_batch(config, make_annotators(config), approve=approve)
    assert len(asked) == 2, "nobody is asked about a dataset that would not change"
