"""`steplabel status`: how far a run is, from its files alone; watching never touches it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import pyarrow.compute as pc
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from flows.figures import cascade_lines
from flows.runs import find_run, runs_in
from flows.shown import cell, line, print_line, styled
from pipeline.cascade.rounds import CascadeReport, report
from pipeline.errors import RunError
from pipeline.lock import holder
from pipeline.progress import StageProgress, read_progress
from pipeline.run_folder import RunFolder

WIDE = 110
"""Columns of a terminal that the whole table fits."""


def status(
    run: Annotated[
        str | None, typer.Argument(help="a run's folder or name; none: list all")
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="folder that holds the runs")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for a program")] = False,
) -> None:
    """How far a run is: rows, tokens, pace and time left of each stage, and what was kept.

    Works while the run is going on, after it, and after a kill. Without RUN it lists the runs.

    \b
    steplabel status
    steplabel status tinymath
    steplabel status runs/tinymath --json
    """
    console = Console()
    if run is None:
        _list(console, runs_dir, as_json)
        return
    found = find_run(run, runs_dir)
    facts = facts_of(found)
    if as_json:
        print(json.dumps(facts))
        return
    _show(console, found, facts)


def facts_of(run: RunFolder) -> dict[str, Any]:
    """Everything `status` knows, as plain data."""
    info = run.info
    working = holder(run.folder)
    kept, reasons = _labels(run)
    labelled = kept + reasons.total()
    stages = read_progress(run.folder / "progress.json")
    cascade = report(run, stages)
    state = info["state"]
    if state == "running" and working is None:
        state = "stopped"
    return {
        "name": info["name"],
        "folder": str(run.folder),
        "state": state,
        "held_by": working,
        "attempt": info["attempt"],
        "first_started": info["first_started"],
        "started": info["started"],
        "finished": info["finished"],
        "stages": {
            name: asdict(stage)
            | {"tokens_per_second": stage.tokens_per_second, "eta_seconds": _eta(stage, state)}
            for name, stage in stages.items()
        },
        "cascade": None
        if cascade is None
        else asdict(cascade) | {"eta_seconds": _cascade_eta(cascade, stages, state)},
        "labelled": labelled,
        "dollars": sum(stage.dollars for stage in stages.values()),
        "kept": kept,
        "kept_share": kept / labelled if labelled else None,
        "undecided": dict(reasons.most_common()),
    }


def _eta(stage: StageProgress, state: str) -> float | None:
    return stage.eta_seconds() if state == "running" else None


def _cascade_eta(
    cascade: CascadeReport, stages: Mapping[str, StageProgress], state: str
) -> float | None:
    """Seconds for the tokens that are still expected, at the witnesses' pace so far."""
    if state != "running" or "consensus" in stages:
        return None
    asked = [stages[name] for name in cascade.witnesses if name in stages]
    tokens = sum(stage.completion_tokens for stage in asked)
    if not tokens:
        return None
    seconds = sum(stage.working_seconds for stage in asked)
    return max(0, cascade.expected - cascade.tokens) * seconds / tokens


def _labels(run: RunFolder) -> tuple[int, Counter[str]]:
    """(solutions with a label, the others by reason)."""
    kept, reasons = 0, Counter[str]()
    for batch in run.labels.batches(["first_error", "reason"]):
        silent = batch["first_error"].is_null()
        counted = pc.value_counts(batch["reason"].filter(silent)).to_pylist()
        reasons.update({str(one["values"]): one["counts"] for one in counted})
        kept += len(batch) - pc.sum(silent).as_py()
    return kept, reasons


def _list(console: Console, runs_dir: Path, as_json: bool) -> None:
    facts = [_facts_or_damage(run) for run in runs_in(runs_dir)]
    if as_json:
        print(json.dumps(facts))
        return
    if not facts:
        console.print(f"no runs in {runs_dir}; `steplabel run CONFIG` makes one", markup=False)
        return
    table = Table(header_style="bold", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("run", "state", "started", "at", "kept"):
        table.add_column(column, no_wrap=column != "at")
    for one in facts:
        if (damage := one.get("damage")) is not None:
            table.add_row(cell(one["name"]), "damaged", "", styled(line(damage, 500)), "-")
            continue
        started = one["started"][:16].replace("T", " ")
        table.add_row(cell(one["name"]), one["state"], started, _at(one), _kept(one))
    console.print(table)


def _facts_or_damage(run: RunFolder) -> dict[str, Any]:
    """What is known of a run; of a damaged one that alone, so that the others are told."""
    try:
        return facts_of(run)
    except RunError as error:
        return {
            "name": run.folder.name,
            "folder": str(run.folder),
            "state": "damaged",
            "damage": str(error),
        }


def _at(facts: dict[str, Any]) -> str:
    """The stages that are not at their end; one that ended is told of no more."""
    return ", ".join(
        line(f"{name} {stage['rows_done']:,}/{stage['rows_total']:,}")
        for name, stage in facts["stages"].items()
        if facts["state"] != "finished" and stage["rows_done"] < stage["rows_total"]
    )


def _kept(facts: dict[str, Any]) -> str:
    if facts["kept_share"] is None:
        return "-"
    return f"{facts['kept']} of {facts['labelled']} ({100 * facts['kept_share']:.1f}%)"


def _show(console: Console, run: RunFolder, facts: dict[str, Any]) -> None:
    who = f", by {facts['held_by']}" if facts["held_by"] else ""
    print_line(
        console,
        f"{facts['folder']}: {facts['state']}{who}; attempt {facts['attempt']}, "
        f"started {facts['started']}"
        + (f", ended {facts['finished']}" if facts["finished"] else ""),
    )
    console.print(_stages(facts["stages"], wide=console.width >= WIDE))
    if facts["cascade"] is not None:
        told = {key: value for key, value in facts["cascade"].items() if key != "eta_seconds"}
        left = facts["cascade"]["eta_seconds"]
        console.print("cascade:" if left is None else f"cascade: about {_time(left)} left")
        for said in cascade_lines(CascadeReport(**told)):
            print_line(console, f"  {line(said)}")
    if facts["dollars"]:
        console.print(f"spent: ${facts['dollars']:,.4f}", highlight=False)
    if facts["labelled"]:
        is_done = facts["state"] == "finished" or "consensus" in facts["stages"]
        when = "" if is_done else " by the attempt before"
        console.print(f"labels kept{when}: {_kept(facts)}", highlight=False)
    for reason, count in facts["undecided"].items():
        print_line(console, f"  {count:>6}  {line(reason)}")
    if facts["state"] in ("stopped", "failed"):
        info = run.info
        again = "merge" if "merged" in info else "relabel" if "relabelled" in info else "run"
        console.print(f"the same `steplabel {again}` command continues it")
    elif facts["state"] == "finished":
        print_line(console, f"look at it: steplabel inspect {quote(str(run.folder))}")


def _stages(stages: Mapping[str, Mapping[str, Any]], wide: bool) -> Table:
    """A row a stage; what one looks for in a long run is told whole in a narrow terminal too."""
    table = Table(header_style="bold", box=box.SIMPLE, padding=(0, 1, 0, 0))
    told = [_told(name, stage) for name, stage in stages.items()]
    for column in told[0] if told else ():
        if wide or column not in ("calls", "prompt", "cached"):
            table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for row in told:
        table.add_row(*(row[str(column.header)] for column in table.columns))
    return table


def _told(name: str, stage: Mapping[str, Any]) -> dict[str, str]:
    share = stage["cached_tokens"] / stage["prompt_tokens"] if stage["prompt_tokens"] else 0.0
    return {
        "stage": line(name),
        "rows": f"{stage['rows_done']:,} of {stage['rows_total']:,}",
        "faults": str(stage["faults"]),
        "calls": f"{stage['calls']:,}",
        "prompt": f"{stage['prompt_tokens']:,}",
        "cached": f"{100 * share:.0f}%",
        "sampled": f"{stage['completion_tokens']:,}",
        "tokens/s": f"{stage['tokens_per_second']:,.0f}",
        "time": _time(stage["seconds"]),
        "left": "" if stage["eta_seconds"] is None else _time(stage["eta_seconds"]),
    }


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
