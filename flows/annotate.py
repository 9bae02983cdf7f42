"""The batch as a Prefect flow: one flow run a batch, one task run a shard and stage.

Prefect sees shards, never single rollouts. What passes between tasks is a count: rows are on disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import uuid4

from prefect import flow, get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from prefect.states import AwaitingRetry, Cancelled
from prefect.utilities.engine import propose_state
from pydantic import BeforeValidator

from annotators.registry import make_annotators
from flows.board import Board
from flows.figures import headline
from flows.server import ready
from pipeline.batch import Watch, run_batch
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, InterruptedRun, RunError
from pipeline.files import make_folder
from pipeline.recipes import on_recipe
from pipeline.stages import ShardResult
from pipeline.stages.work import ShardWork
from pipeline.stopping import Stop, on_sigterm
from pipeline.summary import Summary

log = logging.getLogger(__name__)

SERVER_PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called the flow in this process: the terminal that follows it, whether it waits for another
    process at work in the folder, and who is told the summary even if the server is gone by then.
    Not a parameter, since it is no data."""

    watch: Watch
    wait: bool = False
    on_summary: Callable[[Summary], None] | None = None


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


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


def _on_recipe(raw: Any) -> Any:
    """In the UI's form a recipe may be named, as in a file."""
    return on_recipe(raw, Path.cwd())


FormConfig = Annotated[RunConfig, BeforeValidator(_on_recipe)]


def _run_name() -> str:
    """What is labelled, and how: "label math: new.jsonl, 8 solutions each by Qwen2.5-7B-Instruct"."""
    config: Any = flow_run.parameters.get("config")
    if not isinstance(config, RunConfig):
        return "label"
    if config.solutions is not None:
        return f"label {config.name}: {Path(config.solutions.path or config.problems.path).name}"
    with suppress(ConfigError):
        model = Path(config.engine_for("generator").model).name
        of = Path(config.problems.path).name
        return f"label {config.name}: {of}, {config.generate.samples} solutions each by {model}"
    return f"label {config.name}"


@flow(name="steplabel", flow_run_name=_run_name, persist_result=False, log_prints=False)
async def annotate(config: FormConfig) -> Summary | State[Any]:
    """From problems to a step-labelled dataset.

    Rerunning with the same configuration continues: only what is not labelled yet is. A run that is
    stopped by SIGTERM goes back to its work pool; one that is cancelled stays so, and loses nothing.
    """
    caller = CALLER.get() or Caller(Watch())
    deployed = deployment.id is not None
    if deployed:
        _own_output(config.folder)
    board = Board(config, caller.watch)
    stop = Stop()
    with on_sigterm(partial(stop.ask, "stopped by SIGTERM")):
        try:
            async with board:
                summary = await run_batch(
                    config,
                    make_annotators(config),
                    run_one=run_as_task,
                    watch=board.watch,
                    wait=deployed or caller.wait,
                    stop=stop,
                    approve=partial(_approved, config),
                )
        except InterruptedRun as error:
            if deployed:
                return await _stopped(error)
            raise
        if caller.on_summary:
            caller.on_summary(summary)
        if deployed:
            await _server_is_back(stop)
        await board.finish(summary)
    return summary


def _own_output(folder: Path) -> None:
    """What this process prints goes to the run's `output.log`, for good. It would go through the worker,
    and rich, which writes Prefect's lines, ends the process when a killed worker has left a broken pipe."""
    make_folder(folder)
    with (folder / "output.log").open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


async def _stopped(error: InterruptedRun) -> State[Any]:
    """The end of a deployment's run that was asked to stop: Cancelled, if that was the wish of a person
    or an automation; else (a worker or machine that shuts down) back to the work pool."""
    async with get_client() as client:
        run = await client.read_flow_run(flow_run.id)
        if run.state is not None and run.state.is_cancelling():
            return Cancelled(message="cancelled; a new run goes on where it was")
        later: State[Any] = AwaitingRetry(message=str(error))
        if run.state is not None and run.state.is_paused():
            # it waited for approval: the next process asks again, so nobody has to resume this one
            await client.set_flow_run_state(flow_run.id, later, force=True)
        else:
            later = await propose_state(client, later, flow_run_id=flow_run.id)
    raise Pause(state=later)


class Approval(RunInput):
    publish: bool = True


async def _approved(config: RunConfig, summary: Summary) -> None:
    """Wait in state Paused until somebody resumes the run in the UI; models are unloaded by now."""
    hours = config.deploy.approve_hours
    assert hours is not None
    figures = "\n".join(f"- {name}: {value}" for name, value in headline(summary))
    form = Approval.with_initial_data(
        description=f"Write the dataset of **{config.name}**?\n\n{figures}", publish=True
    )
    log.warning("waiting for approval: resume the run in the UI (Paused, %g h at most)", hours)
    answer: Any = pause_flow_run(
        wait_for_input=form,
        timeout=int(hours * 3600),
        poll_interval=5,
        key=uuid4().hex,  # of this process: one that ended while it waited has been answered by nobody
    )
    if not (await answer).publish:
        _refused(config)


def _refused(config: RunConfig) -> NoReturn:
    raise RunError(
        f"{config.folder}: publication was refused in the Prefect UI; the labels stay, the dataset is as "
        "it was, and the next run asks again"
    )


async def _server_is_back(stop: Stop) -> None:
    """All is on disk by now. A server that was killed meanwhile is given the time to be started again,
    so that it learns how the run ended."""
    waited = 0.0
    while not stop.asked and waited < SERVER_PATIENCE_S and not await asyncio.to_thread(ready):
        if waited == 0.0:
            log.warning("labelled; waiting for the Prefect server, to tell it so")
        await asyncio.sleep(1.0)
        waited += 1.0
