"""`steplabel up` and `steplabel down`: a Prefect server and a worker that stay."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.processes import end_all, facts_of_up, home
from flows.services import DATABASE, Services, Wanted, bring_down, one_up
from pipeline.config import RunConfig
from pipeline.errors import PrerequisiteError
from pipeline.files import make_folder
from pipeline.lock import start_of
from pipeline.run_folder import now


def up(
    configs: Annotated[
        list[Path] | None, typer.Argument(help="configurations to deploy, as `steplabel deploy`")
    ] = None,
    port: Annotated[int, typer.Option(help="of the server's pages and API")] = 4200,
    host: Annotated[str, typer.Option(help="address that it listens on")] = "127.0.0.1",
    database: Annotated[
        str | None,
        typer.Option(
            envvar=DATABASE,
            help="such as postgresql://user:password@host/prefect; default: a SQLite file",
        ),
    ] = None,
    pool: Annotated[str, typer.Option(help="work pool that the worker serves")] = "steplabel",
    limit: Annotated[
        int, typer.Option(min=1, help="runs at once here: one for each GPU, or set of GPUs")
    ] = 1,
    server: Annotated[
        str | None,
        typer.Option(help="API URL of a server elsewhere: only a worker is started here"),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="stay in the background, until `steplabel down`")
    ] = False,
) -> None:
    """Keep a Prefect server and a worker running, so that deployments run by themselves.

    What ends is started again. Ctrl-C, SIGTERM or `steplabel down` stop both, in order: a run at work
    ends its calls, goes back to its pool, and is continued by the next `up`.

    \b
    steplabel up my.yaml
    steplabel up --detach --database postgresql://prefect@db/prefect
    steplabel up --server http://first-machine:4200/api --limit 2     another machine's worker
    """
    if detach:
        _detached(database)
        return
    for config in configs or []:
        RunConfig.load(config)  # a mistake is told before anything is started
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: asked.append(got))
    wanted = Wanted(pool, limit, server, host, port, database)
    say = Console(soft_wrap=True, highlight=False, markup=False).print
    with one_up() as tell:
        services = Services(wanted, say)
        facts = {
            "mark": services.mark,
            "pid": os.getpid(),
            "started": start_of(os.getpid()),
            "since": now(),
            "url": wanted.url,
        }
        tell(facts)
        try:
            services.start_server(lambda: bool(asked))
            if not asked:
                _deploy(configs or [], wanted, say)
                say(f"up: {wanted.url.removesuffix('/api')}, pool {pool}, {limit} runs at once")
                tell(facts | {"ready": True})
                services.keep(lambda: bool(asked))
        finally:
            say("stopping; a run at work ends its calls first")
            end_all(services.mark)


def _deploy(configs: list[Path], wanted: Wanted, say: Callable[[str], None]) -> None:
    # Imported here: Prefect takes seconds to import and reads its settings when it does.
    os.environ["PREFECT_API_URL"] = wanted.url
    from flows.deployment import deploy, make_pool

    asyncio.run(make_pool(wanted.pool))
    for config in configs:
        made = asyncio.run(deploy(RunConfig.load(config), wanted.pool))
        say(f"{made.name}: {made.page}")


def _detached(database: str | None) -> None:
    """The same command in a session of its own; returns when it is up. A database's URL may hold a password,
    and the arguments of a process are seen by all, so it goes by the environment."""
    log = home() / "logs" / "up.log"
    make_folder(log.parent)
    words = [
        word for word in _without(sys.argv[1:], "--database") if word not in ("--detach", "-d")
    ]
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | ({DATABASE: database} if database else {}),
        )
    while child.poll() is None:
        facts = facts_of_up() or {}
        if facts.get("pid") == child.pid and facts.get("ready"):
            print(f"up: {facts['url'].removesuffix('/api')}; `steplabel down` stops it")
            return
        time.sleep(0.2)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    raise PrerequisiteError(f"not up: {''.join(last)} (log: {log})")


def _without(words: list[str], option: str) -> list[str]:
    """Arguments but for an option and its value."""
    kept = []
    rest = iter(words)
    for word in rest:
        if word == option:
            next(rest, None)
        elif not word.startswith(f"{option}="):
            kept.append(word)
    return kept


def down() -> None:
    """Stop what `steplabel up` started here, and nothing else, also when `up` itself was killed.

    A run at work ends its calls (30 s at most), goes back to its pool and is continued by the next `up`.
    """
    ended = bring_down()
    print("nothing is up" if ended is None else f"down: {ended} processes ended")
