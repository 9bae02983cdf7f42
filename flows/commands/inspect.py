"""`steplabel inspect`: the solutions of a run, or one of them with all its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import pyarrow.compute as pc
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.evidence import print_solution, say
from flows.runs import annotators_of, find_run
from flows.shown import cell, print_line
from pipeline.errors import ConfigError
from pipeline.join import Annotated as Item
from pipeline.join import some_annotated
from pipeline.records import Outcome
from pipeline.run_folder import RunFolder
from pipeline.shards import Store


def inspect(
    run: Annotated[str, typer.Argument(help="a run's folder or name")],
    solution: Annotated[
        str | None, typer.Option(help="show this one; the beginning of its id is enough")
    ] = None,
    outcome: Annotated[
        Outcome | None, typer.Option(help="only solutions whose final answer is this")
    ] = None,
    kept: Annotated[
        bool | None, typer.Option("--kept/--undecided", help="only with, or only without a label")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many to list")] = 20,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """What was labelled, and why: a table of solutions, or one with its steps and all evidence.

    Steps are numbered from 0. Under each: rollouts that reached the answer from there, votes that
    name it, with what the judge wrote, and executed checks, whose place in the step is underlined.

    \b
    steplabel inspect tinymath
    steplabel inspect tinymath --undecided --outcome incorrect --limit 50
    steplabel inspect tinymath --solution 3fa2
    """
    found = find_run(run, runs_dir)
    console = Console()
    if solution is not None:
        item = pick(found, solution)
        if as_json:
            print(json.dumps(plain_data(item)))
        else:
            print_solution(console, item)
        return
    names = annotators_of(found)
    chosen = some_annotated(found, names, wanted(found, outcome, kept))
    shown: list[Item] = []
    more = False
    for item in chosen:
        if len(shown) == limit:
            more = True
            break
        shown.append(item)
    if as_json:
        for item in shown:
            print(json.dumps(plain_data(item)))
        return
    if not shown:
        console.print("no solution here is like that")
        return
    console.print(listing(names, shown))
    if more:
        console.print(f"the first {limit}; --limit shows more", style="dim")
    print_line(
        console,
        f"one of them: steplabel inspect {quote(str(found.folder))} --solution {shown[0].solution.id}",
    )


def wanted(
    run: RunFolder, outcome: Outcome | None, kept: bool | None
) -> Callable[[str], bool] | None:
    """Which ids are asked for; None: all."""
    if outcome is None and kept is None:
        return None
    like = _Passed(run.solutions, "id", "outcome", lambda of: pc.equal(of, outcome or ""))
    labelled = _Passed(run.labels, "solution_id", "first_error", pc.is_valid)
    return lambda one: (outcome is None or like(one)) and (kept is None or labelled(one) is kept)


class _Passed:
    """Whether the column of an id's row passes a test. No more is read than it takes: of very many rows in
    the order in which they are asked for, a few."""

    def __init__(self, store: Store, name: str, column: str, test: Callable[[Any], Any]) -> None:
        self._batches = store.batches([name, column])
        self._name, self._column, self._test = name, column, test
        self._found: dict[str, bool] = {}

    def __call__(self, one: str) -> bool:
        while one not in self._found and (batch := next(self._batches, None)) is not None:
            passed = self._test(batch[self._column]).to_pylist()
            self._found.update(zip(batch[self._name].to_pylist(), passed, strict=True))
        return self._found.get(one, False)


def listing(names: Sequence[str], items: list[Item]) -> Table:
    """One row a solution, a column for each annotator."""
    table = Table(header_style="bold", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("solution", "outcome", "steps", *map(cell, names)):
        table.add_column(column, no_wrap=True)
    table.add_column("label", overflow="fold", min_width=10)
    for item in items:
        table.add_row(
            cell(item.solution.id),
            item.solution.outcome,
            str(len(item.solution.steps)),
            *(
                say(item.verdicts[name].first_error) if name in item.verdicts else ""
                for name in names
            ),
            _label_of(item),
        )
    return table


def _label_of(item: Item) -> Text:
    if item.label is None:
        return Text("not labelled yet, filtered, or replaced", "dim")
    if item.label.first_error is None:
        return cell(item.label.reason or "")
    return Text(say(item.label.first_error), "bold")


def pick(run: RunFolder, start: str) -> Item:
    """The one solution whose id begins so. Raises ConfigError when there is none, or several."""
    matches: list[str] = []
    for batch in run.solutions.batches(["id"]):
        matches += batch["id"].filter(pc.starts_with(batch["id"], start)).to_pylist()
    matches = [start] if start in matches else matches
    if not matches:
        raise ConfigError(f"--solution {start}: no id of {run.folder} begins so")
    if len(set(matches)) > 1:
        some = ", ".join(sorted(set(matches))[:5])
        raise ConfigError(
            f"--solution {start}: {len(matches)} ids begin so: {some}; write more of it"
        )
    return next(some_annotated(run, annotators_of(run), matches[0].__eq__))


def plain_data(item: Item) -> dict[str, Any]:
    return {
        "solution": item.solution.to_row(),
        "verdicts": {name: verdict.to_row() for name, verdict in item.verdicts.items()},
        "label": None if item.label is None else item.label.to_row(),
    }
