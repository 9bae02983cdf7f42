"""What Prefect's server does by itself for a deployment: nobody has to watch.

- A run whose process was killed sends no heartbeat: it is marked as crashed.
- A crashed run is started again, and goes on where it was: MOST_STARTS times, and only if it had begun.
- A run that takes longer than `deploy.max_hours` is stopped, in order, and the next one goes on.
- A URL of yours is told of a run that failed, is late or took too long (`deploy.notify_env`).
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, CallWebhook, CancelFlowRun, ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.board import slug
from pipeline.config import RunConfig
from pipeline.errors import PrerequisiteError

HEARTBEAT_S = 30
SILENT_S = 120
MOST_STARTS = 12
BEAT = "prefect.flow-run.heartbeat"
NOT_LOADED = "Flow run process exited with non-zero status code 1."
AT_REST = {
    f"prefect.flow-run.{state}"
    for state in (
        "Completed",
        "Failed",
        "Crashed",
        "Cancelled",
        "Cancelling",
        "AwaitingRetry",
        "Scheduled",
        "Paused",
        "Suspended",
    )
}
"""Events after which no heartbeat is due."""


async def set_automations(client: PrefectClient, deployment: UUID, config: RunConfig) -> list[str]:
    """Make or renew this deployment's automations, and take away those it no longer has. Returns their
    names. Raises PrerequisiteError where the variable for messages is not set."""
    message = await _chat(config)
    wanted = {a.name: a for a in _automations(deployment, config, message)}
    for name in _names(config):
        there = await client.read_automations_by_name(name)
        for old in there:
            await client.delete_automation(old.id)
        if name in wanted:
            await client.create_automation(wanted[name])
    return list(wanted)


def _names(config: RunConfig) -> list[str]:
    what = ("killed", "crashed, so started again", "takes too long", "failed or late")
    return [f"steplabel/{config.name}: {each}" for each in what]


def _automations(deployment: UUID, config: RunConfig, chat: UUID | None) -> list[AutomationCore]:
    killed, again, too_long, failed = _names(config)
    hours = config.deploy.max_hours
    # AwaitingRetry and no new run, so that the UI shows one run with its starts
    restart = ChangeFlowRunState(
        state=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="it crashed; started again, it goes on where it was",
    )
    crash = ChangeFlowRunState(
        state=StateType.CRASHED, message="no sign of life: its process was killed"
    )
    made = [
        AutomationCore(
            name=killed,
            trigger=_trigger(
                deployment, {BEAT, *AT_REST}, after={BEAT}, within=timedelta(seconds=SILENT_S)
            ),
            actions=[crash],
        ),
        AutomationCore(
            name=again,
            trigger=_trigger(deployment, {"prefect.flow-run.Crashed"}, begun=True),
            actions=[restart],
        ),
    ]
    if hours is not None:
        cancelled = [_says(chat, f"longer than {hours:g} h, so cancelled")] if chat else []
        made.append(
            AutomationCore(
                name=too_long,
                trigger=_trigger(
                    deployment,
                    AT_REST,
                    after={"prefect.flow-run.Running"},
                    within=timedelta(hours=hours),
                ),
                actions=[CancelFlowRun(), *cancelled],
            )
        )
    if chat:
        events = {"prefect.flow-run.Failed", "prefect.flow-run.Late"}
        actions: list[ActionTypes] = [_says(chat, "{{ flow_run.state.name }}")]
        made.append(
            AutomationCore(name=failed, trigger=_trigger(deployment, events), actions=actions)
        )
    return made


def _trigger(
    deployment: UUID,
    expect: set[str],
    after: set[str] | None = None,
    within: timedelta = timedelta(0),
    begun: bool = False,
) -> EventTrigger:
    """Of each run of the deployment: when one of `expect` happens, or, with `after`, when none of them
    has happened `within` so long after it. `begun`: only of runs whose code could be loaded."""
    match: dict[str, Any] = {"prefect.resource.id": "prefect.flow-run.*"}
    if begun:
        match["prefect.run-count"] = [str(starts) for starts in range(1, MOST_STARTS)]
        match["prefect.state-message"] = f"!{NOT_LOADED}"
    return EventTrigger(
        match=match,  # type: ignore[arg-type]
        match_related={  # type: ignore[arg-type]
            "prefect.resource.id": f"prefect.deployment.{deployment}",
            "prefect.resource.role": "deployment",
        },
        after=after or set(),
        expect=expect,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive if after else Posture.Reactive,
        threshold=1,
        within=within,
    )


async def _chat(config: RunConfig) -> UUID | None:
    """The URL is kept as a secret block on the server."""
    variable = config.deploy.notify_env
    if variable is None:
        return None
    url = os.environ.get(variable, "").strip()
    if not url:
        raise PrerequisiteError(
            f"deploy.notify_env: {variable} is not set; it holds the URL that is told of failed runs"
        )
    block = await Webhook(url=url).save(f"steplabel-{slug(config.name)}", overwrite=True)  # type: ignore[arg-type]
    return block


def _says(chat: UUID, what: str) -> CallWebhook:
    """What is sent holds names and states alone."""
    text = "{{ flow_run.name }}: " + what + ". {{ flow_run|ui_url }}"
    return CallWebhook(block_document_id=chat, payload=json.dumps({"text": text}))
