"""`steplabel review`: a page on this machine where people decide what is worth a person's minute."""

from __future__ import annotations

import asyncio
import getpass
import re
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.console import Console

from flows.runs import find_run
from flows.shown import print_line
from pipeline.config import RunConfig
from pipeline.errors import StepLabelError
from pipeline.remote import keep_now
from pipeline.review.decisions import decisions_of
from pipeline.review.pool import order_of, pool_of
from pipeline.review.server import serve
from pipeline.review.session import Session


def review(
    run: Annotated[str, typer.Argument(help="a finished run's folder or name")],
    reviewer: Annotated[
        str | None,
        typer.Option(help="who decides: letters, digits, - and _; default: your user name here"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free")] = 0,
    count: Annotated[int, typer.Option(min=1, help="how many solutions to decide")] = 100,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Decide by hand where the first error is, of the solutions that tell most.

    It prints the address of a page on this machine and waits; Ctrl-C ends it, and the same command goes on.
    The page shows one solution at a time, and one key decides: the key beside the first wrong step, 0 or c
    for "no error", u for unsure, z to take the last one back, ? for the rest. What the witnesses say is
    hidden until you ask (w), so that you see for yourself; it is noted where you looked.

    Each decision is on the disk, in RUN/reviews/REVIEWER.jsonl, before the next solution is shown; a run with
    `remote` keeps them there too, when the review ends. Several people may review at once, each with a name
    and a command of their own: a fifth of the solutions is shown to all of them, and the page says how far
    they agree.

    First come the solutions on which the models that the verdicts allow differ most; three in ten are drawn
    by chance alone, so that the decisions also say how true the stated confidences are. From 100 on,
    `posterior` is calibrated by them.

    \b
    steplabel review my-batch
    steplabel review my-batch --reviewer ann --port 8300
    steplabel relabel my-batch                                    labels by what people decided
    steplabel relabel my-batch --set consensus.rule=posterior     and the others by what that teaches
    steplabel relabel my-batch --set consensus.reviews=false      without them
    """
    found = find_run(run, runs_dir)
    config = RunConfig.load(found.folder / "config.yaml")
    name = reviewer if reviewer is not None else _user()
    decisions_of(found.reviews, name)
    console = Console()
    items = pool_of(config, found)
    with console.status(f"what is worth your minute, of {len(items):,} solutions"):
        order = order_of(config, found, items)
    session = Session(found, name, items, order, count)
    session.state()

    def told(address: str) -> None:
        print_line(
            console, f"reviewing {found.folder} as {name}; open this (Ctrl-C ends it):\n  {address}"
        )

    serve(session, config.name, port, told)
    state = session.state()
    if config.remote is not None:
        try:
            asyncio.run(keep_now(f"{config.remote}/{config.name}", found.folder))
        except StepLabelError as error:
            print_line(console, f"not sent for now ({error}); the next `steplabel run` does")
    print_line(
        console,
        f"{state['done']} of {state['count']} decided; `steplabel relabel {quote(run)}` takes them",
    )


def _user() -> str:
    try:
        return re.sub(r"[^A-Za-z0-9_-]", "-", getpass.getuser()).strip("-_")[:40] or "me"
    except (OSError, KeyError):
        return "me"
