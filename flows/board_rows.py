"""Rows and Markdown of a run, for the artifacts in the Prefect UI. Nothing that a model wrote is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.figures import COST_COLUMNS, cascade_lines, cost_rows, exact, headline
from flows.live import clock
from flows.shown import line
from pipeline.progress import StageProgress
from pipeline.summary import Summary


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
