"""`steplabel deploy`: a configuration that runs by itself, on a schedule and from the Prefect UI."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import yaml

from annotators.registry import make_annotators
from pipeline.config import RunConfig


def deploy(
    config: Annotated[Path, typer.Argument(help="YAML file of the run")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=VALUE", help="change one value of it; may be repeated"),
    ] = None,
    cron: Annotated[
        str | None, typer.Option(help='when it runs, such as "0 2 * * *" (deploy.cron)')
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="of --cron, such as Europe/Berlin (deploy.timezone)")
    ] = None,
    pool: Annotated[str, typer.Option(help="work pool whose workers run it")] = "steplabel",
    at_once: Annotated[bool, typer.Option("--now", help="run it at once, too")] = False,
) -> None:
    """Make a Prefect deployment of a configuration, or change the one of its name.

    Each run labels what is not labelled yet under the configuration, in the same folder. Paths are those
    of this directory. The server is that of `steplabel up`, or the one that PREFECT_API_URL names.

    \b
    steplabel deploy my.yaml --cron "0 2 * * *" --timezone Europe/Berlin
    steplabel deploy my.yaml --set deploy.max_hours=20 --set deploy.notify_env=CHAT_URL
    steplabel deploy my.yaml --now
    """
    overrides = list(set_ or [])
    overrides += [f"deploy.cron={yaml.safe_dump(cron)}"] if cron else []
    overrides += [f"deploy.timezone={timezone}"] if timezone else []
    settings = RunConfig.load(config, overrides)
    make_annotators(settings)
    # Imported here: Prefect takes seconds to import.
    from flows.deployment import deploy as make

    made = asyncio.run(make(settings, pool, at_once))
    when = settings.deploy
    print(f"{made.name}: {made.page}")
    print(f"  runs {f'at {when.cron} ({when.timezone})' if when.cron else 'when asked to'}")
    for name in made.automations:
        print(f"  automation: {name}")
    if made.run:
        print(f"  now: {made.run}")
