"""What the terminal shows of a run: its plan, and at its end what came of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.figures import COST_COLUMNS, cascade_lines, cost_rows, exact, headline, percent
from flows.shown import line, print_line
from pipeline.config import RunConfig
from pipeline.keep.disk import FACTOR, disk_need, free_bytes, human, still_needed
from pipeline.plan import Plan
from pipeline.run_folder import RunFolder
from pipeline.summary import Summary


def plan_table(config: RunConfig, plan: Plan, run: RunFolder) -> Table:
    table = Table(title=escape(f"plan of {run.folder}"), header_style="bold")
    table.add_column("stage")
    table.add_column("tokens to sample", justify="right")
    for stage, tokens in plan.by_stage.items():
        table.add_row(stage, f"{tokens:,}")
    table.add_row("total", f"{plan.total:,}", style="bold")
    if plan.panel is not None:
        table.add_row("every witness asked", f"{plan.panel:,}")
    if config.cascade is not None and (budget := config.cascade.budget_tokens):
        table.add_row("witnesses' budget", f"{budget:,}")
    if config.budget_tokens:
        table.add_row("budget", f"{config.budget_tokens:,}")
    return table


def size_line(plan: Plan) -> str:
    """What the plan rests on."""
    each = f"{plan.solution_tokens:.0f} tokens each ({plan.assumed})"
    return f"{plan.solutions:,} solutions, {each}"


def disk_line(config: RunConfig, plan: Plan) -> str:
    """The disk that it will take, and what is free."""
    need, free = disk_need(config, plan), free_bytes(config.folder)
    said = (
        f"disk: about {human(need.in_the_end)} in the end (calls {human(need.calls)}, rows "
        f"{human(need.rows)}, dataset {human(need.dataset)}, report {human(need.report)}), "
        f"{human(need.at_most)} while it runs; right within a factor of {FACTOR:g} where the plan's tokens "
        f"are. {human(free)} are free"
    )
    return said + (": too little" if free < still_needed(config.folder, need) else "")


def print_summary(console: Console, config: RunConfig, summary: Summary) -> None:
    """The end of `steplabel run`."""
    title = f"{config.name}: {line(config.about, 500)}" if config.about else config.name
    table = Table(title=escape(title), show_header=False)
    for name, value in headline(summary):
        table.add_row(name, value)
    console.print(table)
    if summary.quality:
        quality = Table(
            title="first errors against the oracle, 95% intervals; F1 as ProcessBench's",
            header_style="bold",
        )
        for column in ("who", "over", "decided", "exact of decided", "F1"):
            quality.add_column(column)
        for who, over, score in summary.quality:
            decided = f"{score.decided} of {score.n}"
            f1 = "–" if score.f1 is None or over != "all" else f"{score.f1:.3f}"
            quality.add_row(who, over, decided, exact(score), f1)
        console.print(quality)
    stages = Table(title="tokens and time by stage", header_style="bold")
    for column in COST_COLUMNS:
        stages.add_column(column, justify="left" if column == "stage" else "right")
    for row in cost_rows(summary):
        stages.add_row(*row, style="bold" if row[0] == "total" else None)
    console.print(stages)
    if config.budget is not None and summary.dollars is not None:
        share = summary.dollars / config.budget.dollars
        console.print(f"budget: ${config.budget.dollars:,g}, {percent(share)} spent")
    if config.budget_tokens:
        share = summary.cost.completion_tokens / config.budget_tokens
        console.print(f"budget: {config.budget_tokens:,} sampled tokens, {percent(share)} used")
    if summary.learned:
        console.print("learned of the witnesses:")
        for one in summary.learned:
            print_line(console, f"  {one}")
    if summary.cascade is not None:
        console.print("cascade:")
        for one in cascade_lines(summary.cascade):
            print_line(console, f"  {one}")
    if summary.reasons:
        console.print("set aside:")
        for reason, count in summary.reasons.items():
            print_line(console, f"  {count:>6}  {reason}")
    if summary.not_selected:
        console.print("labelled, and left out by dataset.select:")
        for reason, count in summary.not_selected.items():
            print_line(console, f"  {count:>6}  {reason}")
    for warning in summary.warnings:
        print_line(console, f"warning: {warning}", "yellow")
    dataset = f"\ndataset: {summary.dataset}"
    print_line(console, dataset)
    print_line(console, f"look at it: {summary.report}")
    console.print("next:")
    for command in next_commands(config, kept=bool(summary.kept)):
        print_line(console, f"  {command}")


def next_commands(config: RunConfig, *, kept: bool) -> list[str]:
    """What to type after a run, as a shell takes it."""
    run, place = config.folder, _place_of_commands()
    command, folder = quote(f"{place}steplabel"), quote(str(run))
    commands = [
        f"{command} inspect {folder}{' --kept' if kept else ''}",
        f"{command} status {folder}",
    ]
    if view := next((view for view in config.dataset.views if _is_written(run, view)), None):
        words = ", ".join(json.dumps(word, ensure_ascii=False) for word in (f"{run}/dataset", view))
        shown = f"from datasets import load_dataset; print(load_dataset({words}))"
        commands.append(f"{quote(f'{place}python')} -c {quote(shown)}")
    return commands


def _is_written(run: Path, view: str) -> bool:
    """Whether a view has rows: one of labels has none where none was kept."""
    return any((run / "dataset" / view).glob("*.parquet"))


def _place_of_commands() -> str:
    """The folder of this environment's commands, with a slash; nothing where the shell finds them."""
    here = Path(sys.executable).parent
    found = shutil.which("steplabel")
    if found is not None and Path(found).resolve().parent == here.resolve():
        return ""
    relative = here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here
    return f"{relative}/"
