"""The tables of a run: for the terminal, and as rows and Markdown for the Prefect UI."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.live import clock
from flows.shown import line, print_line
from pipeline.cascade.rounds import CascadeReport
from pipeline.config import RunConfig
from pipeline.evaluate import Score
from pipeline.keep.disk import FACTOR, disk_need, free_bytes, human, still_needed
from pipeline.plan import Plan
from pipeline.progress import StageProgress
from pipeline.records import Cost, Outcome
from pipeline.run_folder import RunFolder
from pipeline.summary import Summary


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}%"


def cached(cost: Cost) -> str:
    """Share of the prompt tokens that the prefix cache served."""
    return percent(cost.cached_tokens / cost.prompt_tokens if cost.prompt_tokens else None)


def headline(summary: Summary) -> list[tuple[str, str]]:
    """What a user wants to know first."""
    right = summary.outcomes.get(Outcome.CORRECT, 0)
    wrong = summary.outcomes.get(Outcome.INCORRECT, 0)
    undecided = summary.outcomes.get(Outcome.UNDECIDED, 0)
    cost = summary.cost
    sampling = sum(s.seconds for s in summary.stages.values() if s.cost.completion_tokens)
    return [
        ("problems", f"{summary.problems} ({summary.left_out} left out by the filter)"),
        ("solutions", f"{summary.solutions}: {right} right, {wrong} wrong, {undecided} undecided"),
        ("solve rate", percent(summary.solve_rate)),
        *((f"pass@{k}", percent(share)) for k, share in summary.pass_at.items()),
        ("labels kept", f"{summary.kept} ({percent(summary.kept_share)})"),
        (
            "kept of wrong outcomes",
            f"{summary.kept_wrong_outcome} ({percent(summary.kept_share_wrong_outcome)})",
        ),
        ("cut by length", str(summary.cut)),
        ("rejected input rows", str(summary.rejected)),
        ("sampled tokens", f"{cost.completion_tokens:,} in {cost.calls:,} calls"),
        *((("dollars", f"{summary.dollars:,.4f}"),) if summary.dollars is not None else ()),
        (
            "prompt tokens",
            f"{cost.prompt_tokens:,}, {cached(cost)} from cache",
        ),
        (
            "pace",
            f"{cost.completion_tokens / sampling if sampling else 0:,.0f} sampled tokens/s "
            f"over {clock(sampling)}",
        ),
    ]


def live_rows(
    stages: Mapping[str, StageProgress], planned: Mapping[str, int]
) -> list[dict[str, Any]]:
    """A row a stage while the run goes on, those that are still to come included."""
    rows = []
    for name in [*stages, *(name for name in planned if name not in stages)]:
        stage = stages.get(name, StageProgress())
        left = stage.eta_seconds()
        rows.append(
            {
                "stage": name,
                "state": stage.state,
                "rows": f"{stage.rows_done:,} of {stage.rows_total:,}" if name in stages else "",
                "faults": stage.faults,
                "calls": f"{stage.calls:,}",
                "sampled tokens": f"{stage.completion_tokens:,}",
                "planned tokens": f"{planned[name]:,}" if name in planned else "",
                "tokens/s": f"{stage.tokens_per_second:,.0f}",
                "time": clock(stage.seconds),
                "left": "" if left is None else clock(left),
            }
        )
    return rows


def stage_line(name: str, stage: StageProgress) -> str:
    """A finished stage in one line."""
    said = f"{name}: {stage.rows_done:,} of {stage.rows_total:,} rows in {clock(stage.seconds)}"
    if stage.calls:
        said += f", {stage.calls:,} calls, {stage.completion_tokens:,} sampled tokens"
    return f"{said}, {stage.faults} faults" if stage.faults else said


def exact(score: Score) -> str:
    """Exact first-error accuracy over what was decided, with its 95% interval."""
    if score.exact is None:
        return "–"
    low, high = score.exact_interval
    return f"{score.exact:.3f} [{low:.3f}, {high:.3f}]"


def result_rows(summary: Summary) -> list[dict[str, Any]]:
    """Plain rows for a Prefect table artifact."""
    rows: list[dict[str, Any]] = [
        {"figure": name, "value": value, "detail": ""} for name, value in headline(summary)
    ]
    rows += [
        {
            "figure": f"exact first error: {who}",
            "value": exact(score),
            "detail": f"{over}, {score.decided} of {score.n} decided",
        }
        for who, over, score in summary.quality
    ]
    rows.append({"figure": "report", "value": summary.report, "detail": "every label and why"})
    rows += [
        {"figure": "undecided", "value": count, "detail": reason}
        for reason, count in summary.reasons.items()
    ]
    return rows


def cost_rows(summary: Summary) -> list[tuple[str, ...]]:
    """(stage, rows, planned, sampled, prompt, cached, tokens/s, time)."""
    rows = []
    for name, stage in summary.stages.items():
        cost = stage.cost
        pace = cost.completion_tokens / stage.seconds if stage.seconds else 0.0
        rows.append(
            (
                name,
                f"{stage.rows:,}",
                "–" if stage.planned_tokens is None else f"{stage.planned_tokens:,}",
                f"{cost.completion_tokens:,}",
                f"{cost.prompt_tokens:,}",
                cached(cost),
                f"{pace:,.0f}",
                clock(stage.seconds),
            )
        )
    planned = sum(stage.planned_tokens or 0 for stage in summary.stages.values())
    rows.append(
        (
            "total",
            "",
            f"{planned:,}",
            f"{summary.cost.completion_tokens:,}",
            "",
            "",
            "",
            clock(summary.seconds),
        )
    )
    return rows


COST_COLUMNS = ("stage", "rows", "planned", "sampled", "prompt", "cached", "tokens/s", "time")


def markdown_summary(summary: Summary) -> str:
    """Cost by stage and the reasons for what was set aside. Nothing a model wrote is in it."""
    lines = ["## Cost by stage", "", "| " + " | ".join(COST_COLUMNS) + " |"]
    lines.append("|" + "---|" * len(COST_COLUMNS))
    lines += ["| " + " | ".join(row) + " |" for row in cost_rows(summary)]
    if summary.learned:
        lines += ["", "## Learned of the witnesses", "", *(f"- {line}" for line in summary.learned)]
    if summary.cascade is not None:
        lines += ["", "## Cascade", "", *(f"- {one}" for one in cascade_lines(summary.cascade))]
    lines += ["", "## Set aside", "", "| reason | solutions |", "|---|---|"]
    lines += [f"| {_cell(reason)} | {count} |" for reason, count in summary.reasons.items()]
    lines += ["", *(f"**{warning}**" for warning in summary.warnings)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Foreign text in a Markdown table, where it is no markup."""
    return line(text).replace("|", "/").replace("<", "&lt;").replace("[", "(").replace("]", ")")


def cascade_lines(cascade: CascadeReport) -> list[str]:
    """What a cascade asked of the witnesses, and where solutions ended."""
    lines = [
        f"{cascade.tokens:,} tokens of witnesses in {cascade.rounds} rounds, of about {cascade.panel:,} "
        f"({percent(cascade.share)}) had every witness been asked of every solution; about "
        f"{cascade.expected:,} were expected"
    ]
    if cascade.budget is not None:
        lines.append(f"budget: {cascade.budget:,} tokens of witnesses")
    lines += [f"{count:>6}  heard last: {name}" for name, count in cascade.last_heard.items()]
    return lines + [f"{count:>6}  ended: {why}" for why, count in cascade.stopped.items()]


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
