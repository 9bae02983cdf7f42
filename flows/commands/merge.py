"""`steplabel merge`: one run of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.runs import find_run
from flows.shown import print_line
from flows.tables import print_summary
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.keep.merge import merge as merge_runs


def merge(
    runs: Annotated[list[str], typer.Argument(help="finished runs: folders or names, two or more")],
    name: Annotated[
        str | None, typer.Option(help="of the merged run, in the folder of runs")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="or its folder")] = None,
    refuse: Annotated[
        bool, typer.Option("--refuse", help="stop where runs contradict each other")
    ] = False,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Make one run of several: solutions, verdicts, labels, dataset with card, and report.

    A solution that several runs have (the same problem and steps) is there once, from the first run that
    labels it; of how many another run had no label is told. Where runs name different first errors, or grade
    its answer differently, it is undecided, and the reason says what each said; --refuse stops there
    instead. The column `run` of the view `evidence` says which run a row is from; the card says in what
    their configurations differ, which are kept in merged/. Recorded calls stay with their runs, so a merged
    run is inspected, reported, evaluated and published like any other, but not run further or relabelled: do
    that with its parts, and merge again.

    Views and split are those of the first run's configuration.

    \b
    steplabel merge june july --name summer
    steplabel merge runs/june other/runs/july --out runs/summer --refuse
    steplabel publish summer me/my-labels
    """
    if (name is None) == (out is None):
        raise ConfigError("merge: name the merged run with --name, or its folder with --out")
    folder = out if out is not None else runs_dir / str(name)
    done = merge_runs([find_run(one, runs_dir) for one in runs], folder, refuse)
    console = Console()
    print_summary(console, RunConfig.load(folder / "config.yaml"), done.summary)
    print_line(
        console,
        f"{done.shared:,} different texts are in several runs; {done.conflicts:,} of them are undecided "
        f"because runs disagree, and {done.filled:,} that one run labels another has without a label",
    )
