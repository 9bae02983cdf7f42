"""What the Prefect UI shows of a batch: how far it is, and at the end what came of it, night by night.

No text of a problem, a solution or a judge is in any of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.client.schemas.actions import ArtifactUpdate

from flows.board_rows import live_rows, markdown_summary, result_rows, stage_line
from flows.figures import headline
from flows.shown import line
from flows.trend import trend_line, trend_rows
from pipeline.batch import Watch
from pipeline.config import RunConfig
from pipeline.history import history
from pipeline.plan import Plan
from pipeline.progress import StageProgress, progress_line, share_done
from pipeline.run_folder import RunFolder
from pipeline.summary import Summary

log = logging.getLogger(__name__)
EVERY_S = 2.0
PATIENCE_S = 10.0


class Board:
    """One run's artifacts, kept up to date while it is entered; `watch` is who else follows the run."""

    def __init__(self, config: RunConfig, watch: Watch) -> None:
        self._key = slug(config.name)
        self._folder = config.folder
        self._watch = watch
        self._planned: Mapping[str, int] = {}
        self._stages: dict[str, StageProgress] = {}
        self._bar: UUID | None = None
        self._table: UUID | None = None
        self._shown: Any = None
        self._log = get_run_logger()
        self._told: set[str] = set()

    @property
    def watch(self) -> Watch:
        return Watch(self._on_plan, self._on_progress)

    def _on_plan(self, plan: Plan, run: RunFolder) -> None:
        self._planned = plan.by_stage
        self._log.info(
            "%s: %d solutions, about %d tokens to sample", run.folder, plan.solutions, plan.total
        )
        if self._watch.on_plan:
            self._watch.on_plan(plan, run)

    def _on_progress(self, stages: Mapping[str, StageProgress]) -> None:
        self._stages = dict(stages)
        for name, stage in stages.items():
            if stage.state == "finished" and name not in self._told:
                self._told.add(name)
                self._log.info("%s", stage_line(name, stage))
        if self._watch.on_progress:
            self._watch.on_progress(stages)

    async def __aenter__(self) -> Self:
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._showing.cancel()
        with suppress(asyncio.CancelledError):
            await self._showing
        await self._update()

    async def _show(self) -> None:
        while True:
            await self._update()
            await asyncio.sleep(EVERY_S)

    async def _update(self) -> None:
        stages = self._stages
        if not stages or stages == self._shown:
            return
        percent = 100.0 * share_done(stages, self._planned)
        said, rows = progress_line(stages), live_rows(stages, self._planned)
        async with _unharmed():
            if self._bar is None:
                made: Any = await acreate_progress_artifact(
                    percent, key=f"{self._key}-progress", description=said
                )
                self._bar = made
            else:
                await aupdate_progress_artifact(self._bar, progress=percent, description=said)
            await self._update_table(rows)
            self._shown = stages

    async def _update_table(self, rows: list[dict[str, Any]]) -> None:
        if self._table is None:
            made: Any = await acreate_table_artifact(
                rows, key=f"{self._key}-stages", description="rows, pace and tokens of each stage"
            )
            self._table = made
            return
        async with get_client() as client:
            await client.update_artifact(self._table, ArtifactUpdate(data=json.dumps(rows)))

    async def finish(self, summary: Summary) -> None:
        for name, value in headline(summary):
            self._log.info("%s: %s", name, value)
        for reason, count in summary.reasons.items():
            self._log.info("undecided: %d because %s", count, line(reason))
        for warning in summary.warnings:
            self._log.warning("%s", warning)
        records = history(self._folder)
        for make in (
            acreate_table_artifact(
                result_rows(summary),
                key=f"{self._key}-results",
                description=f"{summary.kept} of {summary.solutions} solutions kept",
            ),
            acreate_table_artifact(
                trend_rows(records), key=f"{self._key}-trend", description=trend_line(records)
            ),
            acreate_markdown_artifact(
                markdown_summary(summary),
                key=f"{self._key}-summary",
                description="tokens and time by stage, and why solutions were set aside",
            ),
            acreate_link_artifact(
                self._link("dataset"),
                link_text="dataset folder",
                key=f"{self._key}-dataset",
                description=f"the Hugging Face dataset: {summary.dataset}",
            ),
        ):
            async with _unharmed():
                await make
        if (self._folder / "report.html").is_file():
            async with _unharmed():
                await acreate_link_artifact(
                    self._link("report.html"),
                    link_text="report",
                    key=f"{self._key}-report",
                    description=f"the run's report: {self._folder / 'report.html'}",
                )

    def _link(self, name: str) -> str:
        return (self._folder / name).resolve().as_uri()


@asynccontextmanager
async def _unharmed() -> AsyncIterator[None]:
    """A server that doesn't take what is to be shown is no reason to stop the work, or to wait long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except Exception as error:  # noqa: BLE001 - whatever the client may raise
        log.warning("not shown in the Prefect UI: %s", type(error).__name__)


def slug(name: str) -> str:
    """A name as an artifact's key may hold it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
