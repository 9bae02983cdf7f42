"""`steplabel diff`: labels that changed between two runs or datasets, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.runs import find_run
from flows.shown import as_yaml, cell, line, print_line
from pipeline.errors import ConfigError, RunError
from pipeline.evaluate.evaluation import Rejections, plain
from pipeline.files import write_json
from pipeline.keep.diff import Difference, named, to_json
from pipeline.keep.diff import diff as difference
from pipeline.keep.standing import Side, side_of_file, side_of_run

DIFFERENT = 10
"""With --exit-code, where labels differ; 1 to 9 are errors."""
_CAUSES = 20


def diff(
    before: Annotated[
        str, typer.Argument(help="a run's folder or name, a dataset's folder, or a file")
    ],
    after: Annotated[
        str | None,
        typer.Argument(help="another; without it, BEFORE's own labels before it was relabelled"),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="how many changed labels to list")] = 10,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="write every change and figure there"),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"exit with {DIFFERENT} where labels differ")
    ] = False,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
) -> None:
    """Which labels changed from one run to another, and what changed them.

    Solutions are matched by id, else by problem and steps. For each label that changed it says what its
    witnesses said before and after; where none of them changed, which evidence, rule, precision or learned
    reliability did. Both may also be published datasets (their view `evidence`, else `first_error`, which
    has labelled solutions only) or files in ProcessBench's form; of those no configuration is known.

    A run keeps the labels that it had before its last `steplabel relabel`: `steplabel diff RUN` compares
    with those.

    \b
    steplabel diff tinymath                            # what the last relabel changed
    steplabel diff runs/june runs/july --json changes.json
    steplabel diff runs/june/dataset runs/july
    steplabel diff june july --exit-code && echo the same

    Exit codes: 0 compared (with --exit-code: no label differs), 10 with --exit-code where a label differs
    or a solution is in one of them only, and those of `steplabel --help`.
    """
    rejections = Rejections(strict=False)
    if after is None:
        run = find_run(before, runs_dir)
        if not run.before.is_dir():
            raise RunError(
                f"{run.folder}: was never relabelled, so there is nothing to compare it with; name another "
                "run"
            )
        sides = side_of_run(run, before=True), side_of_run(run)
    else:
        sides = _side(before, runs_dir, rejections), _side(after, runs_dir, rejections)
    found = difference(*sides)
    if not (found.same or found.changes or found.only_before or found.only_after) and (
        rejections.rows
    ):
        raise RunError(f"nothing to compare; {rejections.rows[0]}")
    console = Console()
    _print(console, found, limit)
    if rejections.rows:
        print_line(console, f"rows that could not be read: {len(rejections.rows):,}, such as")
        print_line(console, f"  {line(str(rejections.rows[0]), 300)}")
    if json_file is not None:
        try:
            write_json(json_file, plain(to_json(found)))
        except OSError as error:
            raise ConfigError(
                f"--json {json_file}: can't be written: {error.strerror or error}"
            ) from error
    if exit_code and not found.alike:
        raise typer.Exit(DIFFERENT)


def _side(text: str, runs_dir: Path, rejections: Rejections) -> Side:
    path = Path(text)
    is_run = (path / "run.json").is_file() or (runs_dir / text / "run.json").is_file()
    if path.exists() and not is_run:
        return side_of_file(path, rejections)
    return side_of_run(find_run(text, runs_dir))


def _print(console: Console, found: Difference, limit: int) -> None:
    print_line(console, f"{line(found.before, 300)} → {line(found.after, 300)}")
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("same label", f"{found.same:,}")
    if found.other_reason:
        table.add_row("  of them undecided for another reason", f"{found.other_reason:,}")
    table.add_row("changed label", f"{len(found.changes):,}", style="bold")
    for kind, count in found.kinds.most_common():
        table.add_row(f"  {kind}", f"{count:,}")
    table.add_row("only before", f"{len(found.only_before):,}")
    table.add_row("only after", f"{len(found.only_after):,}")
    if found.by_content:
        table.add_row("matched by problem and steps, not by id", f"{found.by_content:,}")
    console.print(table)
    if found.causes:
        causes = Table("what changed them (a label may have several)", header_style="bold")
        causes.add_column("labels", justify="right")
        for cause, count in found.causes.most_common(_CAUSES):
            causes.add_row(cell(cause), f"{count:,}")
        console.print(causes)
    if found.config:
        print_line(console, "configuration, before → after:")
        for key, values in found.config.items():
            print_line(
                console, f"  {line(key)}: {' → '.join(line(as_yaml(value)) for value in values)}"
            )
    elif not found.config_known:
        print_line(console, "configuration: not known of a dataset or file, so not compared")
    for when, lines in zip(("before", "after"), found.learned, strict=True):
        for one in lines:
            print_line(console, f"learned {when}: {line(one, 300)}")
    if found.changes and limit:
        changes = Table("solution", "before", "after", "why", header_style="bold")
        for change in found.changes[:limit]:
            changes.add_row(
                cell(change.id),
                _told(change.before, change.reason_before),
                _told(change.after, change.reason_after),
                Text("\n".join(line(one) for one in change.why)),
            )
        console.print(changes)
        if len(found.changes) > limit:
            print_line(console, f"the first {limit}; --limit shows more, --json writes all")


def _told(first_error: int | None, reason: str | None) -> Text:
    said = named(first_error)
    return cell(f"{said}: {reason}" if first_error is None and reason else said)
