"""`steplabel plan`: what a run will take, before it is paid."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from annotators.registry import make_annotators
from flows.commands.run import run_with_progress
from flows.shown import line, print_line
from pipeline.config import RunConfig
from pipeline.parts import check_parts, plan_of
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from pipeline.sizing import Sizing, StageSize, assumed_sizing, measured_sizing, sample_config

_UNKNOWN = "–"


def plan(
    config: Annotated[Path, typer.Argument(help="YAML file of the run")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="change one value of it")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="label so many problems first, if the run has not begun"),
    ] = None,
    gpu_dollars: Annotated[
        float | None, typer.Option(min=0, help="price of one GPU for an hour")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for a program")] = False,
) -> None:
    """Tokens, hours and money of a run.

    Measured on what the run has done so far by these settings; where it has not begun, on a sample
    (`--sample 50`), which the run itself then goes on from, or by stated assumptions.

    \b
    steplabel plan my.yaml
    steplabel plan my.yaml --sample 50 --gpu-dollars 2.50
    """
    settings = RunConfig.load(config, set_ or [])
    annotators = make_annotators(settings)
    check_parts(settings, annotators)
    inputs = read_inputs(settings)
    run = RunFolder(settings.folder)
    console = Console(stderr=as_json)
    sizing = measured_sizing(settings, inputs, annotators, run)
    if sizing is None and sample is not None:
        run_with_progress(sample_config(settings, inputs, sample), console, prefect=False)
        sizing = measured_sizing(settings, inputs, annotators, run)
    if sizing is None:
        sizing = assumed_sizing(settings, plan_of(settings, inputs, annotators), annotators)
    if as_json:
        facts = {"gpu_hours": sizing.gpu_hours, "dollars": sizing.dollars}
        print(json.dumps(asdict(sizing) | facts))
        return
    console.print(sizing_table(settings, sizing))
    print_line(console, sizing.basis)
    for said in told(settings, sizing, gpu_dollars):
        console.print(said, highlight=False)


def sizing_table(config: RunConfig, sizing: Sizing) -> Table:
    """A row a stage; of what nothing is known there is no column."""
    table = Table(title=f"plan of {line(config.name)}", header_style="bold")
    table.add_column("stage")
    columns = {
        "rows": [_number(size.rows) for size in sizing.stages.values()],
        "calls": [_number(size.calls) for size in sizing.stages.values()],
        "prompt tokens": [_number(size.prompt_tokens) for size in sizing.stages.values()],
        "cached": [_cached(size) for size in sizing.stages.values()],
        "sampled tokens": [_number(size.sampled_tokens) for size in sizing.stages.values()],
        "hours": [_number(size.hours, 2) for size in sizing.stages.values()],
        "$": [_number(size.dollars, 2) for size in sizing.stages.values()],
    }
    known = {name: cells for name, cells in columns.items() if set(cells) != {_UNKNOWN}}
    for name in known:
        table.add_column(name, justify="right")
    for stage, *cells in zip(sizing.stages, *known.values(), strict=True):
        table.add_row(line(stage), *cells)
    return table


def told(config: RunConfig, sizing: Sizing, gpu_dollars: float | None) -> list[str]:
    """Totals in words."""
    about = "" if sizing.spread is None else f" ± {100 * sizing.spread:.0f}%"
    lines = [f"sampled tokens: {sizing.sampled_tokens:,.0f}{about}"]
    if sizing.gpu_hours:
        rent = "" if gpu_dollars is None else f", ${sizing.gpu_hours * gpu_dollars:,.2f}"
        lines.append(f"GPU hours, loading aside: {sizing.gpu_hours:,.2f}{rent}")
    if any(engine.price for engine in config.engines.values()):
        partly = any(
            s.dollars is not None and s.prompt_tokens is None for s in sizing.stages.values()
        )
        lines.append(f"calls: ${sizing.dollars:,.2f}" + (", prompts aside" if partly else ""))
    if config.budget is not None:
        lines.append(f"budget: ${config.budget.dollars:,g}")
    return lines


def _number(number: float | None, decimals: int = 0) -> str:
    return _UNKNOWN if number is None else f"{number:,.{decimals}f}"


def _cached(size: StageSize) -> str:
    if not size.prompt_tokens:
        return _UNKNOWN
    return f"{100 * (size.cached_tokens or 0) / size.prompt_tokens:.0f}%"
