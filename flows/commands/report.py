"""`steplabel report`: a run as one page, made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.runs import find_run
from flows.shown import print_line
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.evaluate.cases import Columns
from pipeline.evaluate.conventions import CONVENTIONS, convention
from pipeline.evaluate.gold import read_gold
from pipeline.report import write_report
from pipeline.review.witness import REVIEW


def report(
    run: Annotated[str, typer.Argument(help="a run's folder or name")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="write it there; default: in the run's folder"),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(help="rows with known first errors; default: the oracle that the run names"),
    ] = None,
    convention_: Annotated[
        str, typer.Option("--convention", help=f"how the gold counts: {', '.join(CONVENTIONS)}")
    ] = "processbench",
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """A run as one page: its figures, its pictures, and every label with its reasons.

    The page needs nothing else and loads nothing: send it, open it from a disk. A run writes it at its
    end; this makes it again, also of a run that is not finished.

    \b
    steplabel report tinymath
    steplabel report runs/my-run --out page.html
    steplabel report my-run --gold labelled.jsonl
    """
    found = find_run(run, runs_dir)
    config = RunConfig.load(found.folder / "config.yaml")
    known = None
    if gold is not None:
        counted = convention(convention_)
        known = read_gold(gold, counted, Columns.of([], counted, "--gold"))
    path = out if out is not None else found.report
    there = found.annotators()
    names = [name for name in (*config.annotators, REVIEW) if name in there]
    try:
        write_report(config, found, path, names, known)
    except OSError as error:
        raise ConfigError(f"--out {path}: can't be written: {error.strerror or error}") from error
    size = path.stat().st_size
    print_line(Console(), f"page: {path} ({size / 1e6:.1f} MB)")
