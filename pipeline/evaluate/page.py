"""An evaluation as one page that needs nothing else: figures, pictures and rows to look at."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.markup import Node, document, el
from pipeline.evaluate.match import Example, Unmatched
from pipeline.evaluate.page_style import STYLE
from pipeline.evaluate.pictures import (
    confusion_bars,
    kept_curve,
    relation_class,
    reliability_curve,
)
from pipeline.evaluate.relations import ORDER, Confusion
from pipeline.evaluate.report import BASELINE, Report, Scored
from pipeline.evaluate.resample import Figure
from pipeline.evaluate.wording import share, signed, step, tokens

_NAMES_SHOWN = 50
_BARS = 60


def page(evaluated: Evaluation) -> str:
    """The HTML text. Whatever a model or a user wrote in it is text."""
    report = evaluated.report
    title = f"{evaluated.said} against {evaluated.gold}"
    sections = [
        el("header", el("h1", "First errors, said and true"), el("p", *_lead(evaluated))),
        exactness_section(report),
        *calibration_sections(report),
        confusion_section(report),
        agreement_section(report),
        spent_section(report),
        _alone(evaluated),
        _examples(evaluated.examples),
    ]
    body = [one for one in sections if one is not None]
    return document(title, STYLE, el("main", *body))


def _lead(evaluated: Evaluation) -> list[Node]:
    report = evaluated.report
    return [
        el("b", evaluated.said),
        " against ",
        el("b", evaluated.gold),
        f": {report.n:,} solutions of {report.problems:,} problems, {report.with_error:,} with an "
        "error. Steps are counted from 0. In brackets: 95% intervals, by "
        f"{report.draws:,} bootstrap draws over problems.",
    ]


def exactness_section(report: Report) -> ET.Element:
    head = ("", "kept", "exact", "within one", "on errors", "on clean", "F1", "F1 of kept")
    rows = [[one.who, *map(share, one.exactness)] for one in report.scored]
    note = (
        "Kept: solutions for which a first error, or that there is none, was named. Exact and within "
        "one step are of the kept. F1 is ProcessBench's: the harmonic mean of the exact shares on "
        "solutions with an error and on clean ones, where what is undecided counts as a miss."
    )
    return section("How often is it right?", el("p", note), table(head, rows))


def calibration_sections(report: Report) -> list[ET.Element | None]:
    found: list[ET.Element | None] = []
    for one in report.scored:
        if one.calibration is None:
            continue
        c = one.calibration
        note = (
            f"Over {c.ece.n:,} solutions: mean stated confidence {share(c.stated)}; less the share "
            f"that is right, {signed(c.gap)} (above 0 is too sure{_found(c.gap)}). "
            f"Expected calibration error {share(c.ece)}; if every confidence were true, a sample of "
            f"this size would show about {c.ece_by_chance:.3f}."
        )
        pictures = el(
            "div",
            figure(reliability_curve(c.bins), "On the dashed line, stated confidence is true."),
            figure(kept_curve(c.thresholds), "Each dot keeps what is at least so sure."),
            class_="pictures",
        )
        found.append(section(f"Is the confidence true? {one.who}", el("p", note), pictures))
    return found


def _found(gap: Figure) -> str:
    """Which of the two, where the interval leaves no doubt."""
    if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return ""
    return "; this is" if gap.low > 0 else "; this is not sure enough"


def confusion_section(report: Report) -> ET.Element:
    legend: list[Node] = []
    for relation in ORDER:
        mark = el("rect", width=12, height=12, class_=relation_class(relation))
        legend += [el("svg", mark, width=12, height=12, class_="key"), f" {relation}\u2003"]
    parts: list[Node] = [el("p", *legend, class_="legend")]
    scored = [one for one in report.scored if one.role != BASELINE]
    for by, heading in (("all", "All"), ("outcome", "By final answer"), ("level", "By level")):
        rows = [(_row_name(one, c), c) for one in scored for c in one.confusion if c.by == by]
        if rows:
            parts += [el("h3", heading), el("div", confusion_bars(rows[:_BARS]), class_="wide")]
            if len(rows) > _BARS:
                parts.append(el("p", f"The first {_BARS} of {len(rows):,}; the JSON file has all."))
            parts.append(el("details", el("summary", "counts"), _counts(rows[:_BARS])))
    note = (
        "Early and late: another step is named, two or more away. Missed: “no error” is said of a "
        "flawed solution. False alarm: an error is named in a clean one."
    )
    return section("How does it err?", el("p", note), *parts)


def _row_name(one: Scored, row: Confusion) -> str:
    names = {"all": one.who, "outcome": f"{one.who}: answer {row.of}"}
    return names.get(row.by, f"{one.who}: level {row.of}")


def _counts(rows: Sequence[tuple[str, Confusion]]) -> ET.Element:
    head = ("", "solutions", *ORDER)
    return table(
        head, [[name, f"{c.n:,}", *(f"{k:,}" for k in c.counts.values())] for name, c in rows]
    )


def agreement_section(report: Report) -> ET.Element | None:
    if report.agreement.fleiss is None:
        return None
    head = ("witnesses", "kappa", "solutions", "kappa where all decide", "solutions")
    rows = [
        [
            f"{p.first}, {p.second}",
            share(p.kappa),
            f"{p.kappa.n:,}",
            share(p.on_common),
            f"{p.on_common.n:,}",
        ]
        for p in report.agreement.pairs
    ]
    fleiss = report.agreement.fleiss
    rows.append(["all (Fleiss)", "", "", share(fleiss), f"{fleiss.n:,}"])
    note = (
        "Agreement beyond chance: 1 is always, 0 as often as chance would have it. Cohen's kappa for two, "
        "over the solutions that both decide; Fleiss' for all, over those that everyone decides."
    )
    return section("Do the witnesses agree?", el("p", note), table(head, rows))


def spent_section(report: Report) -> ET.Element | None:
    if not report.spent:
        return None
    rows = [[s.who, tokens(s.per_solution), tokens(s.per_kept_label)] for s in report.spent]
    head = ("sampled tokens", "a solution", "a kept label")
    return section("What did it cost?", table(head, rows))


def _alone(evaluated: Evaluation) -> ET.Element | None:
    lists: list[Node] = []
    for heading, alone in (
        ("said, without gold", evaluated.said_alone),
        ("gold, of which nothing is said or that is unclear", evaluated.gold_alone),
        ("could not be read", [Unmatched(str(r), "") for r in evaluated.rejected]),
    ):
        if alone:
            names = [el("li", f"{one.name}: {one.why}" if one.why else one.name) for one in alone]
            more = len(alone) - _NAMES_SHOWN
            rest = [el("li", f"and {more:,} more")] if more > 0 else []
            summary = el("summary", f"{len(alone):,} {heading}")
            lists.append(el("details", summary, el("ul", *names[:_NAMES_SHOWN], *rest)))
    if evaluated.filled:
        lists.append(
            el("p", f"{evaluated.filled:,} gold rows of which nothing is said: undecided.")
        )
    return section("Rows in no figure", *lists) if lists else None


def _examples(examples: Sequence[Example]) -> ET.Element | None:
    if not examples:
        return None
    shown = [
        el(
            "details",
            el("summary", f"{one.name}: named {step(one.named)}, true is {step(one.gold)}"),
            el("h4", "Problem"),
            el("pre", one.problem),
            *(
                [el("h4", f"Named, step {one.named}"), el("pre", one.named_step)]
                if one.named_step
                else []
            ),
            *(
                [el("h4", f"True, step {one.gold}"), el("pre", one.gold_step)]
                if one.gold_step
                else []
            ),
        )
        for one in examples
    ]
    return section("Labels to look at", el("p", "The first labels that are not the truth."), *shown)


def section(heading: str, *children: Node) -> ET.Element:
    return el("section", el("h2", heading), *children)


def figure(picture: ET.Element, caption: str) -> ET.Element:
    return el("figure", picture, el("figcaption", caption))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> ET.Element:
    """Figures with their interval under them."""
    top = el("tr", *(el("th", name, scope="col") if name else el("td") for name in head))
    body = [
        el("tr", el("th", row[0], scope="row"), *(el("td", *_lines(cell)) for cell in row[1:]))
        for row in rows
    ]
    return el("div", el("table", el("thead", top), el("tbody", *body)), class_="wide")


def _lines(cell: str) -> list[Node]:
    value, bracket, interval = cell.partition(" [")
    return [value, el("br"), el("small", f"[{interval}")] if bracket else [value]
