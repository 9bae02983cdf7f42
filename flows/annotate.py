"""The batch as a Prefect flow: one flow run a batch, one task run a shard and stage.

Prefect sees shards, never single rollouts. What passes between tasks is a count: rows are on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from annotators.registry import make_annotators
from flows.tables import markdown_summary, result_rows
from pipeline.batch import ShardWork, Watch, run_batch
from pipeline.config import RunConfig
from pipeline.plan import Plan
from pipeline.progress import StageProgress
from pipeline.run_folder import RunFolder
from pipeline.stages import ShardResult
from pipeline.summary import Summary

log = logging.getLogger(__name__)
PROGRESS_EVERY_S = 2.0

WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""Who else follows the run, such as the terminal; not a parameter, since it is no data."""


async def run_as_task(stage: str, number: int, items: int, work: ShardWork) -> ShardResult:
    """One shard as a task run; it is not cached, since the run folder knows what is done."""

    @task(
        name=stage,
        task_run_name=f"{stage} · shard {number + 1} · {items} items",
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    async def shard() -> ShardResult:
        return await work()

    return await shard()


def _run_name() -> str:
    config: Any = flow_run.parameters.get("config")
    name = config.name if isinstance(config, RunConfig) else dict(config or {}).get("name", "batch")
    return f"label {name}"


@flow(name="steplabel", flow_run_name=_run_name, persist_result=False, log_prints=False)
async def annotate(config: RunConfig) -> Summary:
    """From problems to a step-labelled dataset. Rerunning with the same configuration continues."""
    board = _Board(config, WATCH.get() or Watch())
    showing = asyncio.create_task(board.show())
    try:
        summary = await run_batch(
            config,
            make_annotators(config),
            run_one=run_as_task,
            watch=Watch(board.on_plan, board.on_progress),
        )
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
    await board.finish(summary)
    return summary


class _Board:
    """What the Prefect UI shows of a batch: a progress bar a stage, and at the end the results."""

    def __init__(self, config: RunConfig, watch: Watch) -> None:
        self._key = _slug(config.name)
        self._watch = watch
        self._stages: dict[str, StageProgress] = {}
        self._shown: dict[str, tuple[UUID, float]] = {}

    def on_plan(self, plan: Plan, run: RunFolder) -> None:
        if self._watch.on_plan:
            self._watch.on_plan(plan, run)

    def on_progress(self, stages: Mapping[str, StageProgress]) -> None:
        self._stages = dict(stages)
        if self._watch.on_progress:
            self._watch.on_progress(stages)

    async def show(self) -> None:
        while True:
            with _unharmed():
                await self._update()
            await asyncio.sleep(PROGRESS_EVERY_S)

    async def _update(self) -> None:
        for name, stage in self._stages.items():
            percent = 100.0 * stage.rows_done / stage.rows_total if stage.rows_total else 100.0
            text = (
                f"{name}: {stage.rows_done} of {stage.rows_total} rows, "
                f"{stage.completion_tokens} tokens, {stage.tokens_per_second:.0f} tokens/s"
            )
            if name not in self._shown:
                key = f"{self._key}-{_slug(name)}-progress"
                made: Any = await acreate_progress_artifact(percent, key=key, description=text)
                self._shown[name] = (made, percent)
            elif self._shown[name][1] != percent:
                artifact = self._shown[name][0]
                await aupdate_progress_artifact(artifact, progress=percent, description=text)
                self._shown[name] = (artifact, percent)

    async def finish(self, summary: Summary) -> None:
        with _unharmed():
            await self._update()
            await acreate_table_artifact(
                result_rows(summary),
                key=f"{self._key}-results",
                description=f"{summary.kept} of {summary.solutions} solutions kept",
            )
            await acreate_markdown_artifact(
                markdown_summary(summary),
                key=f"{self._key}-summary",
                description="tokens and time by stage, and why solutions were set aside",
            )
            await acreate_link_artifact(
                Path(summary.report).as_uri(),
                link_text="report",
                key=f"{self._key}-report",
                description=f"the run as one page, every label with its reasons: {summary.report}",
            )
            await acreate_link_artifact(
                f"file://{summary.dataset}",
                link_text="dataset folder",
                key=f"{self._key}-dataset",
                description=f"the Hugging Face dataset: {summary.dataset}",
            )


@contextmanager
def _unharmed() -> Iterator[None]:
    """A server that doesn't take what is to be shown is no reason to stop the work."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever the client may raise
        log.warning("not shown in the Prefect UI: %s", error)


def _slug(name: str) -> str:
    """A name as an artifact's key may hold it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
