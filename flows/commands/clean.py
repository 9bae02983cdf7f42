"""`steplabel clean`: what nothing in a run's folder refers to, and its removal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from annotators.registry import make_annotators
from flows.runs import find_run
from flows.shown import line, print_line
from pipeline.config import RunConfig
from pipeline.keep.clean import ALL_CALLS, CALLS, DAMAGED, KINDS, ROWS, STRAY, TEMPORARY
from pipeline.keep.clean import clean as clean_run

_ABOUT = {
    TEMPORARY: "files of writers that are gone",
    DAMAGED: "parts that were set aside as damaged",
    STRAY: "parts that no manifest names",
    ROWS: "rows of other configurations",
    CALLS: "calls that the present configuration can't ask for",
    ALL_CALLS: "every recorded call, also what resuming needs",
}


def clean(
    run: Annotated[str, typer.Argument(help="a run's folder or name")],
    yes: Annotated[
        bool, typer.Option("--yes", help="remove it; without it, nothing is changed")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"only this: {', '.join(KINDS)}; may be repeated"),
    ] = None,
    calls: Annotated[
        bool,
        typer.Option(
            "--calls", help="all recorded calls too; what they would answer is paid for again"
        ),
    ] = False,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Say what nothing in a run's folder refers to, and with --yes remove it.

    temporary: files of writers that are gone. damaged: parts set aside because their contents changed.
    stray: parts that no manifest names. rows: those of earlier configurations, and of annotators that
    config.yaml doesn't have. calls: model calls of another stage, model or seed than the configuration's;
    to go back to an earlier configuration they would be made again. Calls of an earlier prompt or
    temperature of the same model can't be told apart, and stay.

    Labels, dataset and report stay as they are. A run that is not finished keeps its rows and calls; one
    that another process works on is refused. Killed in the middle, the run is whole and the same command
    goes on.

    \b
    steplabel clean tinymath                       # what there is, and how many bytes
    steplabel clean tinymath --yes
    steplabel clean tinymath --only temporary --only stray --yes
    steplabel clean tinymath --calls --yes         # never to be resumed, replayed or annotated further
    """
    found_run = find_run(run, runs_dir)
    config = RunConfig.load(found_run.folder / "config.yaml")
    survey = clean_run(
        found_run,
        config,
        make_annotators(config),
        remove=yes,
        kinds=only or KINDS,
        all_calls=calls,
    )
    console = Console()
    if survey.found:
        table = Table("what", "where", header_style="bold")
        table.add_column("how many", justify="right")
        table.add_column("bytes", justify="right")
        for one in survey.found:
            where = one.path.relative_to(found_run.folder)
            row = (Text(_ABOUT[one.kind]), Text(line(str(where))), f"{one.count:,}")
            table.add_row(*row, f"{one.bytes:,}")
        console.print(table)
    for reason in survey.left:
        print_line(console, f"left alone: {reason}")
    if not survey.found:
        console.print("nothing to remove")
        return
    done = "removed" if yes else "to remove"
    again = "" if yes else "; --yes removes it"
    print_line(console, f"{done}: about {survey.bytes:,} bytes{again}")
