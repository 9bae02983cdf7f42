"""The pictures that only a run's report has, as SVG elements; bars are those of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipeline.evaluate.markup import Node, el
from pipeline.evaluate.pictures import Piece, linked, named, svg

_LEFT, _TOP, _HEIGHT, _BELOW = 44, 10, 140, 40
_WIDEST = 48.0
_CELL, _SIDE_NAMES = 72, 130


def card(heading: str, picture: ET.Element, *caption: Node) -> ET.Element:
    """A picture in its frame, with what it says below."""
    below = el("figcaption", *caption)
    return el("section", el("h2", heading), el("figure", picture, below), class_="card")


class Column(NamedTuple):
    """One column of a histogram, its parts from below."""

    name: str
    pieces: Sequence[Piece]


def histogram(columns: Sequence[Column], axis: str, name: str, width: int = 440) -> ET.Element:
    """Counts upward. Every nth column is named, as many as there is room for."""
    most = max((sum(p.length for p in c.pieces) for c in columns), default=0) or 1
    top = _round_up(most)
    step = min(_WIDEST, (width - _LEFT - 8) / max(1, len(columns)))
    bottom = _TOP + _HEIGHT
    marks: list[ET.Element] = []
    for tick in (0, top / 2, top):
        y = bottom - _HEIGHT * tick / top
        marks.append(el("line", x1=_LEFT, x2=width - 8, y1=y, y2=y, class_="grid"))
        marks.append(el("text", f"{tick:,.4g}", x=_LEFT - 6, y=y + 4, class_="end"))
    every = -(-len(columns) * 30 // (width - _LEFT)) or 1
    for place, column in enumerate(columns):
        x, y = _LEFT + place * step, float(bottom)
        for piece in column.pieces:
            if piece.length:
                high = max(1.0, _HEIGHT * piece.length / top)
                y -= high
                mark = el(
                    "rect",
                    el("title", piece.told),
                    x=x + 1,
                    y=y,
                    width=max(1.0, step - 2),
                    height=high,
                    class_=piece.kind,
                )
                marks.append(linked(mark, piece))
        if place % every == 0:
            marks.append(el("text", column.name, x=x + step / 2, y=bottom + 16, class_="middle"))
    across = _LEFT + step * len(columns) / 2
    marks.append(el("text", axis, x=across, y=bottom + 34, class_="middle name"))
    return svg(width, bottom + _BELOW, marks, name)


class Point(NamedTuple):
    """At `x` a dot at the share `y` with its interval, and a ring at the share `ring`."""

    name: str
    x: float
    y: float
    low: float | None
    high: float | None
    ring: float | None
    kind: str
    told: str


def scatter(points: Sequence[Point], axis: str, name: str, width: int = 640) -> ET.Element:
    """Shares upward, from below the lowest that is there. Across a logarithmic axis; at its left what is
    below 1. Names keep clear of each other."""
    bottom = _TOP + 190
    lowest = min(v for p in points for v in (p.y, p.low, p.ring) if v is not None)
    floor = min(0.9, math.floor(10 * lowest) / 10)
    positive = [p.x for p in points if p.x >= 1] or [1.0]
    first = math.floor(math.log10(min(positive)))
    last = max(first + 1, math.ceil(math.log10(max(positive))))
    left = _LEFT + (60 if any(p.x < 1 for p in points) else 14)

    def across(x: float) -> float:
        share = (math.log10(x) - first) / (last - first) if x >= 1 else None
        return _LEFT + 14 if share is None else left + (width - left - 130) * share

    def up(share: float) -> float:
        return bottom - 190 * (share - floor) / (1 - floor)

    marks: list[ET.Element] = []
    for tick in (floor, (1 + floor) / 2, 1.0):
        y = up(tick)
        marks.append(el("line", x1=_LEFT, x2=width - 110, y1=y, y2=y, class_="grid"))
        marks.append(el("text", f"{100 * tick:.0f}%", x=_LEFT - 6, y=y + 4, class_="end"))
    ticks = [float(10**power) for power in range(first, last + 1)]
    for at in [0.0, *ticks] if left > _LEFT + 14 else ticks:
        x = across(at)
        marks.append(el("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"))
        marks.append(el("text", f"{at:,.0f}", x=x, y=bottom + 16, class_="middle"))
    beside = -math.inf
    for p in sorted(points, key=lambda one: -one.y):
        x, y = across(p.x), up(p.y)
        beside = max(y + 4, beside + 14)
        inside: list[ET.Element] = [el("title", p.told)]
        if p.low is not None and p.high is not None:
            inside.append(el("line", x1=x, x2=x, y1=up(p.low), y2=up(p.high), class_="whisker"))
        if p.ring is not None:
            inside.append(el("circle", cx=x, cy=up(p.ring), r=6, class_="ring"))
        inside.append(el("circle", cx=x, cy=y, r=4, class_=p.kind))
        inside.append(el("text", named(p.name, 112)[0], x=x + 10, y=beside))
        marks.append(el("g", *inside))
    middle = (_LEFT + width - 110) / 2
    marks.append(el("text", axis, x=middle, y=bottom + 34, class_="middle name"))
    return svg(width, bottom + _BELOW, marks, name)


class Cell(NamedTuple):
    """`share` shades it, None leaves it empty; `small` stands under its text."""

    share: float | None
    text: str
    small: str
    told: str


def matrix(names: Sequence[str], cells: Sequence[Sequence[Cell]], name: str) -> ET.Element:
    """A square of cells, named at the left and above."""
    marks: list[ET.Element] = []
    for place, one in enumerate(names):
        middle = _SIDE_NAMES + place * _CELL + _CELL / 2
        y = 26 + place * 34 + 21
        marks.append(el("text", *named(one, _CELL), x=middle, y=16, class_="middle"))
        end = _SIDE_NAMES - 8
        marks.append(el("text", *named(one, end), x=end, y=y, class_="end"))
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            if cell.share is None:
                continue
            x, y = _SIDE_NAMES + column * _CELL, 26 + row * 34
            shade = min(9, max(0, int(10 * cell.share)))
            box = el(
                "rect",
                el("title", cell.told),
                x=x + 1,
                y=y + 1,
                width=_CELL - 2,
                height=32,
                class_=f"shade-{shade}",
            )
            middle = x + _CELL / 2
            marks.append(box)
            marks.append(el("text", cell.text, x=middle, y=y + 15, class_="middle cell"))
            marks.append(el("text", cell.small, x=middle, y=y + 27, class_="middle cell small"))
    width = _SIDE_NAMES + _CELL * len(names) + 4
    return svg(width, 30 + 34 * len(cells), marks, name)


def _round_up(most: float) -> float:
    """The next of 2, 4, 10, 20, 40, 100, …, so that its half is round too."""
    unit = 1.0
    while True:
        for step in (2, 4, 10):
            if most <= step * unit:
                return step * unit
        unit *= 10
