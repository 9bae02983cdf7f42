"""The part of a report that only a run with known first errors has: how good verdicts and labels are."""

from __future__ import annotations

from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.markup import Node, el
from pipeline.evaluate.page import (
    agreement_section,
    calibration_sections,
    confusion_section,
    exactness_section,
    spent_section,
)
from pipeline.evaluate.report import BASELINE, GENERATION, LABEL, TOGETHER, Report
from pipeline.report.pictures import Point, card, scatter


def against_known(evaluated: Evaluation) -> list[Node | None]:
    report = evaluated.report
    lead = el(
        "p",
        f"{report.n:,} solutions whose first error is known, by {evaluated.gold}; {report.with_error:,} "
        f"have one. In brackets: 95% intervals, by {report.draws:,} bootstrap draws over problems.",
    )
    return [
        el("h2", "Against the known first errors", class_="part"),
        lead,
        el("div", _accuracy(report), class_="cards"),
        exactness_section(report),
        *calibration_sections(report),
        confusion_section(report),
        agreement_section(report),
        spent_section(report),
    ]


def _accuracy(report: Report) -> Node | None:
    """Exactness and the share kept against what was sampled for it: each witness alone, and the label for
    the tokens of all. A witness that samples nothing stands at the left."""
    tokens = {one.who: one.per_solution.value for one in report.spent}
    alone = [paid for who, paid in tokens.items() if who != GENERATION]
    label_paid = tokens.get(TOGETHER, alone[0] if alone else None)
    points = []
    for one in report.scored:
        paid = label_paid if one.role == LABEL else tokens.get(one.who)
        exact, kept = one.exactness.exact, one.exactness.kept.value
        if one.role == BASELINE or paid is None or exact.value is None:
            continue
        told = f"{one.who}: {100 * exact.value:.1f}% exact of what it decides"
        if kept is not None:
            told += f", {100 * kept:.1f}% decided"
        told += f", {paid:,.0f} sampled tokens a solution"
        kind = "k-right" if one.role == LABEL else "k-cost"
        point = Point(one.who, paid, exact.value, exact.low, exact.high, kept, kind, told)
        points.append(point)
    if not points:
        return None
    picture = scatter(points, "sampled tokens a solution", "accuracy against tokens")
    caption = (
        "Dots: exact first errors among what is decided, with 95% intervals. Rings: share decided. Green is "
        "the label, for the tokens of all its witnesses; writing the solutions is not counted."
    )
    return card("Accuracy against tokens", picture, caption)
