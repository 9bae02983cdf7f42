"""The tables of `steplabel evaluate`, which fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from flows.shown import cell, line, print_line
from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.match import Unmatched
from pipeline.evaluate.relations import ORDER
from pipeline.evaluate.report import BASELINE, Report
from pipeline.evaluate.wording import share, signed, tokens

_NAMES_SHOWN = 3
_MANY = 20
"""So many solutions are seldom all wrong."""


def print_evaluation(console: Console, evaluated: Evaluation) -> None:
    report = evaluated.report
    _say(
        console,
        f"{evaluated.said} against {evaluated.gold}: {report.n:,} solutions of {report.problems:,} "
        f"problems, {report.with_error:,} with an error",
    )
    if evaluated.rejected:
        _say(
            console, f"{len(evaluated.rejected):,} rows could not be read; they are told at the end"
        )
    if report.with_error == report.n >= _MANY:
        _say(
            console,
            "warning: the gold names an error in every solution; is it counted as it is read "
            "(--convention)?",
        )
    tables = [exactness_table(report)]
    if any(one.calibration for one in report.scored):
        tables.append(calibration_table(report))
    tables.append(confusion_table(report))
    if report.agreement.fleiss is not None:
        tables.append(agreement_table(report))
    if report.spent:
        tables.append(cost_table(report))
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    for name, alone in (
        ("rows without gold", evaluated.said_alone),
        (
            "gold rows in no figure (--count-missing counts them as undecided)",
            evaluated.gold_alone,
        ),
        ("rows that could not be read", [Unmatched(str(row), "") for row in evaluated.rejected]),
    ):
        _print_alone(console, name, alone)
    if evaluated.filled:
        _say(console, f"gold rows of which nothing is said, as undecided: {evaluated.filled:,}")


def exactness_table(report: Report) -> Table:
    """The figures of each witness, the label, and the baseline that never finds an error; F1 of the
    kept alone is in the JSON and on the page."""
    table = _table(
        f"first errors, 95% intervals by {report.draws:,} draws of problems",
        ("", "kept", "exact", "within one", "on errors", "on clean", "F1"),
    )
    for one in report.scored:
        cells = [_two_lines(share(figure)) for figure in one.exactness[:6]]
        table.add_row(cell(one.who), *cells, style="dim" if one.role == BASELINE else None)
    return table


def calibration_table(report: Report) -> Table:
    table = _table(
        "stated confidence",
        ("", "solutions", "stated", "less right", "ECE", "ECE if all were true"),
    )
    for one in report.scored:
        if (c := one.calibration) is not None:
            stated, gap, ece = share(c.stated), signed(c.gap), share(c.ece)
            cells = (f"{c.ece.n:,}", stated, gap, ece, f"{c.ece_by_chance:.3f}")
            table.add_row(cell(one.who), *map(_two_lines, cells))
    return table


def confusion_table(report: Report) -> Table:
    """Over all, and by final answer under it; by level in the JSON and on the page."""
    names = [relation.replace(" ", "\n") for relation in ORDER]
    table = _table("how it errs, % of solutions; under each by final answer", ("", "n", *names))
    for one in report.scored:
        rows = [row for row in one.confusion if row.by != "level" and one.role != BASELINE]
        for row in rows:
            shares = (
                f"{100 * count / row.n:.1f}" if count else "" for count in row.counts.values()
            )
            name = cell(one.who if row.by == "all" else row.of)
            name.pad_left(0 if row.by == "all" else 2)
            last = row is rows[-1]
            table.add_row(name, f"{row.n:,}", *shares, end_section=last)
    return table


def agreement_table(report: Report) -> Table:
    table = _table(
        "agreement beyond chance (kappa)", ("", "kappa", "solutions", "where all decide")
    )
    for p in report.agreement.pairs:
        name = cell(f"{p.first}, {p.second}", 240)
        table.add_row(name, share(p.kappa), f"{p.kappa.n:,}", share(p.on_common))
    fleiss = report.agreement.fleiss
    if fleiss is not None:
        table.add_row("all (Fleiss)", "", f"{fleiss.n:,}", share(fleiss))
    return table


def cost_table(report: Report) -> Table:
    table = _table("sampled tokens", ("", "a solution", "a kept label"))
    for spent in report.spent:
        table.add_row(cell(spent.who), tokens(spent.per_solution), tokens(spent.per_kept_label))
    return table


def _print_alone(console: Console, name: str, alone: Iterable[Unmatched]) -> None:
    rows = list(alone)
    if not rows:
        return
    _say(console, f"{name}: {len(rows):,}", style="yellow")
    for one in rows[:_NAMES_SHOWN]:
        _say(console, f"{one.name}: {one.why}" if one.why else one.name, indent="  ")
    if len(rows) > _NAMES_SHOWN:
        _say(console, f"and {len(rows) - _NAMES_SHOWN:,} more, which --json names", indent="  ")


def _say(console: Console, text: str, indent: str = "", style: str | None = None) -> None:
    """One line, whatever the text holds."""
    shown = indent + line(text, 1000)
    print_line(console, shown, style)


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _two_lines(cell: str) -> str:
    """The interval of a share under it, without leading zeros."""
    value, bracket, interval = cell.partition(" [")
    if not bracket:
        return cell
    low, _, high = interval.rstrip("]").partition(", ")
    return f"{value}\n{_short(low)}–{_short(high)}"


def _short(number: str) -> str:
    return "1.00" if number == "1.000" else number.replace("0.", ".", 1)
