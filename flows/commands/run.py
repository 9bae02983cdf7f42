"""`steplabel run`: one batch, with its progress in the terminal and in the Prefect UI."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from annotators.registry import make_annotators
from flows.live import LiveProgress, there_already
from flows.shown import print_line
from flows.tables import disk_line, plan_table, print_summary, size_line
from pipeline.annotator import Annotator, hints_of
from pipeline.batch import Watch, run_batch
from pipeline.config import RunConfig
from pipeline.engine.servers import server_faults
from pipeline.errors import InterruptedRun, PrerequisiteError
from pipeline.files import make_folder
from pipeline.parts import check_parts, plan_of, roles_of
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from pipeline.stopping import Stop, on_sigterm
from pipeline.summary import Summary


def run(
    config: Annotated[Path, typer.Argument(help="YAML file of the run; see flows/recipes")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=VALUE", help="change one value of it; may be repeated"),
    ] = None,
    prefect: Annotated[
        bool,
        typer.Option("--prefect/--no-prefect", help="run as a Prefect flow, or as a plain call"),
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="stop at the first bad input row")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="where another process has the run's folder, wait for it")
    ] = False,
    unsafe_local: Annotated[
        bool,
        typer.Option(
            "--unsafe-local",
            help="run code that models wrote without a sandbox, as this user; the run records it",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="check everything but local models, show the plan, and sample nothing"
        ),
    ] = False,
) -> None:
    """Label a batch: problems in, step-labelled dataset out.

    The same command again continues a run that was stopped, or tries again what failed. A changed
    configuration makes anew only the stages it touches.

    \b
    steplabel run flows/recipes/tinymath.yaml
    steplabel run my.yaml --set problems.limit=50 --set name=trial
    steplabel run my.yaml --dry-run
    """
    unsafe = ["sandbox.unsafe_local=true"] if unsafe_local else []
    settings = RunConfig.load(config, [*(set_ or []), *unsafe])
    if strict:
        settings = settings.strict()
    console = Console(stderr=False)
    if dry_run:
        _dry_run(settings, console)
        return
    try:
        summary = run_with_progress(settings, console, prefect, wait)
    except KeyboardInterrupt:
        raise InterruptedRun("stopped; the same command goes on where it was") from None
    print_summary(console, settings, summary)


def run_with_progress(
    settings: RunConfig, console: Console, prefect: bool, wait: bool = False
) -> Summary:
    """Run the batch with a live display; also what benchmarks and tests call."""
    annotators = make_annotators(settings)
    with LiveProgress(console, settings.folder) as live:
        watch = Watch(live.on_plan, live.on_progress)
        if not prefect:
            return asyncio.run(_run_alone(settings, annotators, watch, wait))
        # Imported here: Prefect takes seconds to import and reads its settings when it does.
        make_folder(settings.folder)
        from flows.server import prefect_server

        with prefect_server(settings.folder / "prefect-server.log") as url:
            live.note(f"Prefect UI: {url.removesuffix('/api')}")
            from flows.annotate import CALLER, Caller, annotate
            from flows.prefect_client import quiet_console, tell_the_rest

            quiet_console()
            summaries: list[Summary] = []
            token = CALLER.set(Caller(watch, wait, summaries.append))
            try:
                return asyncio.run(annotate(settings))
            except Exception as error:
                if not summaries:
                    raise
                # All is on disk: it was the server that could not be told so any more.
                live.note(f"labelled; but the Prefect server could not be told: {error}")
                return summaries[0]
            finally:
                CALLER.reset(token)
                tell_the_rest()


async def _run_alone(
    settings: RunConfig, annotators: Sequence[Annotator], watch: Watch, wait: bool
) -> Summary:
    stop = Stop()
    with on_sigterm(partial(stop.ask, "stopped by SIGTERM")):
        return await run_batch(settings, annotators, watch=watch, wait=wait, stop=stop)


def _dry_run(settings: RunConfig, console: Console) -> None:
    annotators = make_annotators(settings)
    check_parts(settings, annotators)
    inputs = read_inputs(settings)
    for rejected in inputs.rejected[:10]:
        print_line(console, f"rejected: {rejected}")
    if len(inputs.rejected) > 10:
        console.print(f"… and {len(inputs.rejected) - 10} rows more")
    plan = plan_of(settings, inputs, annotators)
    if settings.left_out:
        names = ", ".join(settings.left_out)
        told = f"not in the recipe {settings.built_on}, left out: {names}"
        print_line(console, told)
    if silent := _unheard(settings, annotators):
        print_line(
            console, f"neither witness, veto nor hint, so in `evidence` alone: {', '.join(silent)}"
        )
    run = RunFolder(settings.folder)
    console.print(plan_table(settings, plan, run))
    print_line(console, size_line(plan))
    if there := there_already(run):
        print_line(console, f"about {plan.total:,} tokens{there}")
    print_line(console, disk_line(settings, plan))
    for fault in asyncio.run(server_faults(settings, roles_of(settings, annotators))):
        if fault.final:
            raise PrerequisiteError(fault.told)
        print_line(console, fault.told)


def _unheard(settings: RunConfig, annotators: Sequence[Annotator]) -> list[str]:
    """Annotators whose verdicts stand in `evidence` alone."""
    heard = {*settings.consensus.witnesses, *settings.consensus.vetoes}
    heard.update(*map(hints_of, annotators))
    return [annotator.name for annotator in annotators if annotator.name not in heard]
