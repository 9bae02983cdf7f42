"""The first half of a report: what the run is, its figures and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.markup import Node, el
from pipeline.evaluate.page import section
from pipeline.evaluate.pictures import Bar, Piece, stacked_bars
from pipeline.evaluate.report import LABEL
from pipeline.records import NO_ERROR, Outcome
from pipeline.report.known import against_known
from pipeline.report.pictures import Cell, Column, card, histogram, matrix
from pipeline.report.tally import BINS, CLEAN, FLAWED, SILENT, Tally

_MOST_POSITIONS = 40
_MOST_REASONS = 12
_MOST_WITNESSES = 8
_OUTCOMES = {
    Outcome.CORRECT: "right",
    Outcome.INCORRECT: "wrong",
    Outcome.UNDECIDED: "undecided",
}
_KINDS = {CLEAN: "k-right", FLAWED: "k-wrong", SILENT: "k-silent"}
_LABEL_WORDS = {CLEAN: "no error", FLAWED: "an error", SILENT: "set aside"}
_WITNESS_WORDS = {CLEAN: "no error", FLAWED: "an error", SILENT: "undecided"}


def overview(
    tally: Tally, summary: Mapping[str, Any], evaluated: Evaluation | None
) -> list[Node | None]:
    """`summary`: summary.json, empty where the run has none yet."""
    known: list[Node | None] = [] if evaluated is None else against_known(evaluated)
    warnings = [el("p", str(one), class_="warning") for one in summary.get("warnings", ())]
    learned = [el("li", str(one)) for one in summary.get("learned", ())]
    return [
        _tiles(tally, summary, evaluated),
        *warnings,
        el("div", *_pictures(tally, summary), class_="cards"),
        section("What consensus learned of the witnesses", el("ul", *learned)) if learned else None,
        *known,
    ]


def browse(**filters: str | int) -> str:
    """A link to the solutions of the page that are so."""
    return f"#!browse?{urlencode(filters)}"


def _tiles(tally: Tally, summary: Mapping[str, Any], evaluated: Evaluation | None) -> ET.Element:
    wrong = f"{_share(tally.kept_wrong, tally.wrong)} of those with a wrong answer"
    found: list[tuple[str, str, str]] = [
        ("solutions", f"{tally.solutions:,}", f"of {len(tally.problems):,} problems"),
        ("labels kept", _share(tally.kept, tally.solutions), f"{tally.kept:,}; {wrong}"),
    ]
    if evaluated is not None:
        label = next((one for one in evaluated.report.scored if one.role == LABEL), None)
        exact = label.exactness.exact if label is not None else None
        if exact is not None and exact.value is not None:
            low, high = exact.low, exact.high
            interval = (
                "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
            )
            note = f"of kept labels, against {evaluated.gold}{interval}"
            found.append(("exact", f"{100 * exact.value:.1f}%", note))
    right = summary.get("solve_rate")
    if right is not None:
        found.append(("solve rate", f"{100 * right:.1f}%", "of solutions written from the problem"))
    cost = summary.get("cost")
    if cost:
        tokens = int(cost["completion_tokens"])
        each = f"{tokens / max(1, tally.kept):,.0f} a kept label"
        found.append(("sampled tokens", _short(tokens), f"{each}; {int(cost['calls']):,} calls"))
    tiles = [
        el("div", el("dt", name), el("dd", value), el("dd", note, class_="note"), class_="tile")
        for name, value, note in found
    ]
    return el("dl", *tiles, class_="tiles")


def _pictures(tally: Tally, summary: Mapping[str, Any]) -> list[Node | None]:
    return [
        _by_outcome(tally),
        _said(tally),
        _first_errors(tally),
        _set_aside(tally),
        _agreement(tally),
        _cost(summary),
        _confidence(tally),
    ]


def _by_outcome(tally: Tally) -> Node | None:
    bars = []
    for outcome, word in _OUTCOMES.items():
        counts = {kind: tally.by_outcome[outcome.value, kind] for kind in _KINDS}
        n = sum(counts.values())
        pieces = [
            Piece(
                count / n if n else 0,
                _KINDS[kind],
                f"answer {word}, label: {_LABEL_WORDS[kind]}: {count:,} of {n:,}",
                browse(outcome=outcome.value, label=_LABEL_VALUES[kind]),
            )
            for kind, count in counts.items()
        ]
        if n:
            bars.append(Bar(f"answer {word}", pieces, f"{n:,}"))
    picture = stacked_bars(bars, 1.0, "labels by final answer", 110, 270)
    return card("What became of the solutions", picture, *_legend(_LABEL_WORDS)) if bars else None


_LABEL_VALUES = {CLEAN: "clean", FLAWED: "flawed", SILENT: "aside"}


def _legend(words: Mapping[str, str]) -> list[Node]:
    found: list[Node] = []
    for kind, word in words.items():
        mark = el("rect", width=12, height=12, class_=_KINDS[kind])
        found += [el("svg", mark, width=12, height=12, class_="key"), f" {word}\u2003"]
    return found


def _first_errors(tally: Tally) -> Node | None:
    positions = {at: n for at, n in tally.first_errors.items() if at != NO_ERROR}
    if not positions:
        return None
    last = min(max(positions), _MOST_POSITIONS)
    beyond = sum(n for at, n in positions.items() if at > last)
    columns = [
        Column(
            str(at),
            [
                Piece(
                    positions.get(at, 0),
                    "k-wrong",
                    f"step {at}: {positions.get(at, 0):,} labels",
                    browse(label=f"step-{at}"),
                )
            ],
        )
        for at in range(last + 1)
    ]
    clean = tally.first_errors[NO_ERROR]
    later = f" {beyond:,} are later." if beyond else ""
    caption = (
        f"{sum(positions.values()):,} labels name a step, counted from 0.{later} {clean:,} say that "
        "there is no error."
    )
    return card("Where the first error is", histogram(columns, "step", "first errors"), caption)


def _set_aside(tally: Tally) -> Node | None:
    if not tally.reasons:
        return None
    common = tally.reasons.most_common(_MOST_REASONS)
    most = common[0][1]
    bars = [
        Bar(reason, [Piece(n, "k-silent", f"{reason}: {n:,}", browse(reason=reason))], f"{n:,}")
        for reason, n in common
    ]
    more = len(tally.reasons) - len(common)
    caption = f"{tally.reasons.total():,} of {tally.solutions:,} solutions have no label."
    if more > 0:
        caption += f" {more} rarer reasons are not drawn."
    picture = stacked_bars(bars, most, "why solutions were set aside", 230, 150)
    return card("Why solutions were set aside", picture, caption)


def _said(tally: Tally) -> Node | None:
    bars = []
    for name in tally.witnesses:
        counts = {kind: tally.said[name, kind] for kind in _KINDS}
        n = sum(counts.values())
        values = {CLEAN: "clean", FLAWED: "flawed", SILENT: "silent"}
        pieces = [
            Piece(
                count / n if n else 0,
                _KINDS[kind],
                f"{name} says {_WITNESS_WORDS[kind]}: {count:,} of {n:,}",
                browse(**{f"by.{name}": values[kind]}),
            )
            for kind, count in counts.items()
        ]
        bars.append(Bar(name, pieces, f"{n:,}"))
    if not bars:
        return None
    picture = stacked_bars(bars, 1.0, "what each witness says", 110, 270)
    return card("What each witness says", picture, *_legend(_WITNESS_WORDS))


def _agreement(tally: Tally) -> Node | None:
    names = list(tally.witnesses)[:_MOST_WITNESSES]
    if len(names) < 2 or not tally.pairs:
        return None
    cells = []
    for a in names:
        row = []
        for b in names:
            pair = tally.pairs.get((a, b)) or tally.pairs.get((b, a))
            if a == b or pair is None or not pair.both:
                row.append(Cell(None, "", "", ""))
            else:
                told = f"{a} and {b}: the same in {pair.same:,} of {pair.both:,} that both decide"
                share = pair.same / pair.both
                row.append(Cell(share, f"{100 * share:.0f}%", f"of {pair.both:,}", told))
        cells.append(row)
    caption = "Of the solutions that two witnesses decide, the share in which they name the same."
    return card("Do the witnesses agree?", matrix(names, cells, "agreement"), caption)


def _confidence(tally: Tally) -> Node | None:
    if not tally.confidence:
        return None
    first = min(tally.confidence)
    columns = []
    for place in range(first, BINS):
        low, high, n = place / BINS, (place + 1) / BINS, tally.confidence[place]
        told = f"{low:.2f} to {high:.2f}: {n:,} labels"
        link = browse(**{"from": f"{low:.2f}", "to": f"{high:.2f}"})
        columns.append(Column(f"{low:.2f}", [Piece(n, "k-right", told, link)]))
    caption = f"{tally.confidence.total():,} labels state how sure they are."
    picture = histogram(columns, "stated confidence", "confidence of the labels")
    return card("How sure the labels are", picture, caption)


def _cost(summary: Mapping[str, Any]) -> Node | None:
    stages = {
        name: (int(stage["cost"]["completion_tokens"]), float(stage["seconds"]))
        for name, stage in summary.get("stages", {}).items()
    }
    if not any(tokens or seconds for tokens, seconds in stages.values()):
        return None
    most = max(tokens for tokens, _ in stages.values()) or 1
    bars = [
        Bar(
            name,
            [Piece(tokens, "k-cost", f"{name}: {tokens:,} sampled tokens, {seconds:,.1f} s")],
            f"{_short(tokens)} · {_clock(seconds)}",
        )
        for name, (tokens, seconds) in stages.items()
    ]
    picture = stacked_bars(bars, most, "cost by stage", 120, 190, 120)
    return card("Cost by stage", picture, "Sampled tokens, and wall time.")


def facts(rows: Sequence[tuple[str, str]]) -> ET.Element:
    """What is known of how the run was made."""
    body = [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]
    return section("The run", el("table", el("tbody", *body), class_="run-facts"))


def _share(part: int, whole: int) -> str:
    return "–" if not whole else f"{100 * part / whole:.1f}%"


def _short(n: int) -> str:
    """ "1.2M"."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if n >= unit:
            return f"{n / unit:.3g}{name}"
    return str(n)


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
