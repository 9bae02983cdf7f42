"""The figures of a run as text, for the terminal and for the Prefect UI alike."""

from __future__ import annotations

from flows.live import clock
from pipeline.cascade.rounds import CascadeReport
from pipeline.evaluate import Score
from pipeline.records import Cost, Outcome
from pipeline.summary import Summary

COST_COLUMNS = ("stage", "rows", "planned", "sampled", "prompt", "cached", "tokens/s", "time")


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


def exact(score: Score) -> str:
    """Exact first-error accuracy over what was decided, with its 95% interval."""
    if score.exact is None:
        return "–"
    low, high = score.exact_interval
    return f"{score.exact:.3f} [{low:.3f}, {high:.3f}]"


def cost_rows(summary: Summary) -> list[tuple[str, ...]]:
    """COST_COLUMNS of each stage, and of the whole run."""
    rows: list[tuple[str, ...]] = []
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
