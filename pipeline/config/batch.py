"""A batch as a whole: its budget, its schedule, its machines."""

from __future__ import annotations

from pydantic import Field

from pipeline.config.options import Options


class BudgetConfig(Options):
    """What a run may cost, over all its attempts; what the engines without a price do is free."""

    dollars: float = Field(
        gt=0,
        description="no call begins that might cost more than is left; what waits for one stays undecided, "
        "and a larger budget goes on",
    )


class DeployConfig(Options):
    """When a deployment of this configuration runs, and what is done about a run that goes wrong. No
    label depends on it."""

    cron: str | None = Field(None, description="when it runs, such as `0 2 * * *`; none: by hand")
    timezone: str = Field("UTC", description="of the cron expression, such as Europe/Berlin")
    max_hours: float | None = Field(
        None, gt=0, description="a run that takes longer is stopped; the next one goes on"
    )
    approve_hours: float | None = Field(
        None,
        gt=0,
        description="wait so long for approval in the Prefect UI before the dataset is written; "
        "without it the run fails, keeps its labels, and the next one asks again",
    )
    notify_env: str | None = Field(
        None,
        description="environment variable with a URL that is sent a message when a run fails, is "
        "late or takes too long (a chat's incoming webhook)",
    )


class ClusterConfig(Options):
    """Other machines that share the work (`pipeline.cluster`). No label depends on it."""

    ray: str = Field(
        "auto",
        description="a Ray cluster that grades and checks: its address (host:port), or auto for the one "
        "that this machine belongs to",
    )
