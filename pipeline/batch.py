"""One annotation batch, from problems to dataset, as a plain Python call.

    summary = asyncio.run(run_batch(config, make_annotators(config)))

This is the library's API. The Prefect flow in `flows/` calls the same function and passes its own
`run_shard`, so that each shard of each stage is a task; nothing here knows of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from pipeline.annotation import Annotation
from pipeline.annotator import Annotator
from pipeline.cluster import Cluster, Lent
from pipeline.collecting import seldom_collecting
from pipeline.config import RunConfig
from pipeline.dataset import view_names
from pipeline.engine.room import EngineRoom
from pipeline.engine.servers import server_faults
from pipeline.errors import ConfigError, InterruptedRun, PrerequisiteError, RunError
from pipeline.files import disk_told, write_json
from pipeline.finish import Finish
from pipeline.grading import Grader
from pipeline.history import record
from pipeline.inputs import write_rejected
from pipeline.keep.disk import check_disk, disk_need
from pipeline.lock import waiting
from pipeline.parts import check_parts, packages_of, plan_of, roles_of
from pipeline.pass_rates import PassRates
from pipeline.plan import Plan
from pipeline.progress import Progress, StageProgress
from pipeline.records import Problem, Solution, content_hash
from pipeline.remote import remote_run
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from pipeline.sandbox import Sandbox
from pipeline.stages import GenerateStage, ImportStage, Stage
from pipeline.stages.work import RunShard, StageWork, run_directly
from pipeline.stopping import DRAIN_S, Stop
from pipeline.summary import Summary, paid

log = logging.getLogger(__name__)

TOLD_ROWS = 10
"""Bad input rows that are told one by one."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How a caller follows a run; each is optional. All are called in the run's event loop."""

    on_plan: Callable[[Plan, RunFolder], None] | None = None
    on_progress: Callable[[Mapping[str, StageProgress]], None] | None = None


Approve = Callable[[Summary], Awaitable[None]]
"""Returns when somebody has approved what is to be published; raises when nobody did."""


async def run_batch(
    config: RunConfig,
    annotators: Sequence[Annotator],
    run_one: RunShard = run_directly,
    watch: Watch | None = None,
    *,
    wait: bool = False,
    stop: Stop | None = None,
    approve: Approve | None = None,
) -> Summary:
    """Run the batch, or continue it where an earlier start left it.

    `wait` for another process that works in the folder. `stop` lets the calls under way end (for
    DRAIN_S at most) and then raises InterruptedRun. `approve` is asked where the configuration says so.
    Raises ConfigError, InputError, PrerequisiteError or RunError before any model is loaded where
    that can be known, and EngineFaultError when nothing at all could be made.
    """
    if config.deploy.approve_hours is not None and approve is None:
        raise ConfigError(
            "deploy.approve_hours: approval is given in the Prefect UI, and this run has none; run it "
            "as a flow, or leave the key out (--set deploy.approve_hours=null)"
        )
    run = RunFolder(config.folder)
    url = f"{config.remote}/{config.name}" if config.remote else None
    with disk_told(run.folder), seldom_collecting():
        async with waiting(run.folder, wait), remote_run(url, run.folder, wait) as remote:
            batch = _Batch(
                config, annotators, run, run_one, watch or Watch(), stop or Stop(), approve
            )
            try:
                summary = await batch.run_until_stopped()
                if remote is not None:
                    views = view_names(config.dataset)
                    await asyncio.to_thread(remote.publish, run.dataset, views)
                run.end("finished")
                record(run, config, summary)
            except BaseException as error:
                if batch.begun:  # what is refused before has changed nothing
                    with suppress(OSError, RunError):  # which would hide why it ended
                        run.end("stopped" if isinstance(error, InterruptedRun) else "failed")
                raise
            return summary


class _Batch:
    def __init__(
        self,
        config: RunConfig,
        annotators: Sequence[Annotator],
        run: RunFolder,
        run_one: RunShard,
        watch: Watch,
        stop: Stop,
        approve: Approve | None,
    ) -> None:
        self.config = config
        self.annotators = annotators
        self.run_folder = run
        self.run_one = run_one
        self.watch = watch
        self.stop = stop
        self.approve = approve
        self.room: EngineRoom | None = None
        self.parts = check_parts(config, annotators)
        self._names = [annotator.name for annotator in annotators]
        self.grader = Grader(config.grading)
        self.progress = Progress(run.folder / "progress.json", watch.on_progress)
        self.begun = False

    async def run_until_stopped(self) -> Summary:
        """Raises InterruptedRun when a stop was asked for before the end."""
        work = asyncio.create_task(self.run())
        asked = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and self.room is not None:
                log.warning("%s: no new call begins, and those under way may end", self.stop.why)
                with suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_S):
                        await self.room.drained()
        finally:
            asked.cancel()
            cut_off = work.cancel()
            await asyncio.wait({work})
        if cut_off and self.stop.asked and (work.cancelled() or work.exception()):
            raise self.stop.error()
        return work.result()

    async def run(self) -> Summary:
        config, run = self.config, self.run_folder
        inputs = read_inputs(config)
        problems, imported, rejected = inputs.by_key, inputs.solutions, inputs.rejected
        write_rejected(run.folder / "rejected", rejected)
        for one in rejected[:TOLD_ROWS]:
            log.warning("set aside: %s", one)
        if (more := len(rejected) - TOLD_ROWS) > 0:
            log.warning("set aside: %d rows more; all are in %s", more, run.folder / "rejected")
        plan = plan_of(config, inputs, self.annotators)
        check_disk(run.folder, disk_need(config, plan))
        packages = packages_of(problems.values(), self.annotators)
        executes = packages is not None
        isolation = "none (--unsafe-local)" if config.sandbox.unsafe_local else "bubblewrap"
        attempt = run.begin(config, content_hash(sorted(problems)), isolation if executes else None)
        self.begun = True
        write_json(run.inputs, sorted(problems))
        if self.watch.on_plan:
            self.watch.on_plan(plan, run)

        self.room = room = EngineRoom(config, attempt, self.stop)
        self.work = StageWork(config, run, room, self.progress, self.run_one)
        roles = roles_of(config, self.annotators)
        for fault in await server_faults(config, roles):
            if fault.final and self._needed(fault.roles):
                raise PrerequisiteError(fault.told)
            log.warning("%s. What isn't on record needs it", fault.told)
        purse = room.purse(roles, run.folder / "calls")
        async with AsyncExitStack() as stack:
            if packages is not None:  # before a model is loaded: it may not be allowed here
                asked = config.sandbox
                sandbox = Sandbox(asked.workers, packages=packages, unsafe_local=asked.unsafe_local)
                self.grader.sandbox = await stack.enter_async_context(sandbox)
            if config.cluster is not None:
                lent = Lent(
                    config.grading, self.parts.prompt, packages, config.sandbox.unsafe_local
                )
                self.work.cluster = await stack.enter_async_context(Cluster(config.cluster, lent))
            stack.push_async_callback(self.grader.close)
            stack.push_async_callback(room.close)
            await self.work.run(self._solutions_stage(problems, imported, room))
            rates = PassRates.of(run.solutions)
            left_out = rates.left_out(config.filter, set(problems))
            rule = await Annotation(
                config,
                run,
                self.parts,
                room,
                self.work,
                self.grader,
                self.progress,
                rates,
                left_out,
            ).run()
        write_json(run.unpaid, sorted(self.work.unpaid))
        finish = Finish(config, run, self._names, self.progress)
        finish.label(rule, left_out)
        filtered = len(left_out & problems.keys())
        summary = finish.summary(
            plan.by_stage, len(rejected), len(problems), filtered, self.parts.oracle
        )
        priced = any(engine.price for engine in config.engines.values())
        summary = paid(summary, purse.spent if priced else None, len(self.work.unpaid))
        if self.approve is not None and config.deploy.approve_hours and not finish.published:
            await self.approve(summary)
        return finish.publish(summary)

    def _needed(self, roles: Collection[str]) -> bool:
        """Whether a stage of one of these roles has no call on record."""
        stages = [one.name for one in self.annotators if one.role in roles]
        if self.config.solutions is None and "generator" in roles:
            stages.append("generate")
        return any(not self.run_folder.calls(stage).is_dir() for stage in stages)

    def _solutions_stage(
        self, problems: dict[str, Problem], imported: Sequence[Solution] | None, room: EngineRoom
    ) -> Stage[Any]:
        store = self.run_folder.solutions
        if imported is not None:
            return ImportStage(self.config, imported, self.grader, store)
        fingerprint = room.fingerprint("generator")
        return GenerateStage(
            self.config,
            problems,
            self.parts.prompt,
            self.parts.splitter,
            self.grader,
            fingerprint,
            store,
        )
