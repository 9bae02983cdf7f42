"""A configuration as a Prefect deployment: run from the UI, by a schedule, on any worker of its pool."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, Schedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import ValidationError

from flows.annotate import annotate
from flows.automations import HEARTBEAT_S, set_automations
from flows.server import api_url, find_server
from pipeline.config import RunConfig
from pipeline.errors import ConfigError

POOL = "steplabel"
TAG = "steplabel"
WORKER_ENV = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S),
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pipeline,annotators,flows",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # the working directory may hold a package that is named like one of ours
    "PYTHONSAFEPATH": "1",
}


class Deployed(NamedTuple):
    """`page` and `run` (None: none was asked for) are addresses in the UI."""

    name: str
    page: str
    automations: list[str]
    run: str | None


async def deploy(config: RunConfig, pool: str = POOL, at_once: bool = False) -> Deployed:
    """Make the deployment `steplabel/<name>`, or change the one there is. Paths of the configuration are
    of this working directory, on each worker.

    One run at a time works in a run's folder, so a second one is queued behind it.
    Raises ConfigError for a schedule that is none, and PrerequisiteError without a server.
    """
    url = find_server()
    # Prefect read its settings when it was imported: with no URL it would start a server of its own
    with api_url(url), temporary_settings({PREFECT_API_URL: url}):
        made = RunnerDeployment.from_flow(
            annotate,
            name=config.name,
            description=config.about or None,
            parameters={"config": config.model_dump(mode="json", exclude_defaults=True)},
            schedules=_schedules(config),
            concurrency_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
            ),
            tags=[TAG],
            work_pool_name=pool,
            job_variables={"working_dir": str(Path.cwd()), "env": WORKER_ENV},
            entrypoint_type=EntrypointType.MODULE_PATH,
            enforce_parameter_schema=True,
        )
        await make_pool(pool)
        deployment: UUID = await made.aapply()
        async with get_client() as client:
            automations = await set_automations(client, deployment, config)
            run = await client.create_flow_run_from_deployment(deployment) if at_once else None
    pages = url.rstrip("/").removesuffix("/api")
    return Deployed(
        f"steplabel/{config.name}",
        f"{pages}/deployments/deployment/{deployment}",
        automations,
        f"{pages}/runs/flow-run/{run.id}" if run else None,
    )


def _schedules(config: RunConfig) -> list[Schedule]:
    deploy = config.deploy
    if deploy.cron is None:
        return []
    try:
        CronSchedule(cron=deploy.cron, timezone=deploy.timezone)
    except ValidationError as error:
        told = "; ".join(each["msg"] for each in error.errors())
        raise ConfigError(
            f"deploy.cron {deploy.cron!r}, deploy.timezone {deploy.timezone!r}: {told}; such as "
            '"0 2 * * *" and Europe/Berlin'
        ) from error
    return [Cron(deploy.cron, timezone=deploy.timezone)]


async def make_pool(pool: str) -> None:
    """A pool of processes, unless there is one of that name."""
    async with get_client() as client:
        try:
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        except ObjectAlreadyExists:
            pass
