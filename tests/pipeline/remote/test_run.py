"""A run that is kept at a URL: another machine goes on with it, and a review of it is kept too."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.errors import InUseError
from pipeline.remote import Remote, holder, keep_now, remote_run
from pipeline.review.decisions import Decision, Kind, decisions_of
from tests.killing import made_calls, rows_of, run_once
from tests.pipeline.remote.conftest import elsewhere, folder_of
from tests.test_resume import small_batch


def kept(tmp_path: Path, batch: RunConfig) -> RunConfig:
    raw = batch.model_dump(mode="json") | {"remote": f"file://{tmp_path}/store"}
    return RunConfig.check(raw, "test")


def test_a_machine_without_state_goes_on_and_makes_no_call_again(tmp_path: Path) -> None:
    config = kept(tmp_path, small_batch(tmp_path, problems=4))
    run_once(config)
    rows = rows_of(config)
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert made_calls(config) == []
    here, there = config.folder / "dataset", tmp_path / "store" / "run" / "dataset"
    files = [path.relative_to(here) for path in here.rglob("*") if path.is_file()]
    assert all((there / file).read_bytes() == (here / file).read_bytes() for file in files)
    grown = kept(tmp_path, small_batch(tmp_path, problems=6))
    shutil.rmtree(config.folder)
    run_once(grown)
    assert all(rows_of(grown)[key] == row for key, row in rows.items())


async def test_a_run_that_was_taken_over_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, "BEAT_S", 0.01)
    url, here = f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1")

    async def work() -> None:
        async with remote_run(url, here, wait=False):
            elsewhere(Remote(url, tmp_path / "two")).holder._say()
            await asyncio.sleep(60)

    with pytest.raises(InUseError, match="taken over by process 7"):
        await work()
    assert not (tmp_path / "store" / "index.json").exists()


async def test_a_review_keeps_what_was_decided_when_it_ends(tmp_path: Path) -> None:
    url, here = f"file://{tmp_path}/store", folder_of(tmp_path / "here", manifest="1")
    await keep_now(url, here)
    row = Decision("a", Kind.NAMED, 1, 1.0, False, 1.0, "2026-01-01T00:00:00.000+00:00")
    decisions_of(here / "reviews", "ann").append(row)
    await keep_now(url, here)
    Remote(url, tmp_path / "there").fetch()
    assert decisions_of(tmp_path / "there" / "reviews", "ann").rows() == [row]


def test_what_is_gone_from_the_store_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = kept(tmp_path, small_batch(tmp_path, problems=2))
    run_once(config)
    rows, made = rows_of(config), len(made_calls(config))
    store = tmp_path / "store" / "run"
    for lost in ("solutions/*-part-*", "verdicts/judge/*-manifest.jsonl", "calls/judge/*-part-*"):
        next(store.glob(lost)).unlink()
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert 0 < len(made_calls(config)) < made
    assert caplog.text.count("it is gone; what was in it is made again") == 3
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == rows
    assert made_calls(config) == []
