"""The pictures of an evaluation, as SVG elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipeline.evaluate.markup import Node, el
from pipeline.evaluate.relations import Confusion, Relation
from pipeline.evaluate.reliability import Bin, Threshold
from pipeline.evaluate.resample import Figure
from pipeline.evaluate.wording import share

_LEFT, _TOP, _SIDE, _BELOW, _RIGHT = 52, 12, 300, 44, 16
_NAME, _BAR, _BEHIND, _ROW = 190, 560, 70, 24
_CHAR = 7
"""Pixels that a letter of a name takes, about."""


class Axis(NamedTuple):
    """From `low` to `high`, over `_SIDE` pixels."""

    low: float
    high: float
    name: str

    def at(self, value: float) -> float:
        return _SIDE * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Tenths, or every second of them."""
        step = 1 if self.high - self.low <= 0.5 else 2
        first, last = round(10 * self.low), round(10 * self.high)
        return [tick / 10 for tick in range(last, first - 1, -step)]


def reliability_curve(bins: Sequence[Bin]) -> ET.Element:
    """Stated confidence against the share that is right, with 95% intervals; on the diagonal every
    confidence is true."""
    values = [b.stated for b in bins] + [v for b in bins for v in b.right[:3] if v is not None]
    low = _floor(min(values))
    across, up = Axis(low, 1.0, "stated confidence"), Axis(low, 1.0, "share that is right")
    marks: list[ET.Element] = [
        el(
            "line",
            x1=_x(across, low),
            y1=_y(up, low),
            x2=_x(across, 1.0),
            y2=_y(up, 1.0),
            class_="true",
        )
    ]
    points = [(_x(across, b.stated), _y(up, b.right.value or 0.0)) for b in bins]
    marks.append(_path(points, "curve"))
    for one, (x, y) in zip(bins, points, strict=True):
        marks += _whisker(x, one.right, up)
        told = f"stated {one.stated:.3f}, right {share(one.right)}, {one.right.n} solutions"
        marks.append(el("circle", el("title", told), cx=x, cy=y, r=4, class_="dot"))
    return _plot(across, up, marks, "reliability curve")


def kept_curve(thresholds: Sequence[Threshold]) -> ET.Element:
    """Share kept against how exact the kept ones are, as the least confidence rises; the band is the
    95% interval."""
    drawn = [t for t in thresholds if t.exact.value is not None and t.kept.value is not None]
    values = [v for t in drawn for v in t.exact[:3] if v is not None]
    across, up = Axis(0.0, 1.0, "share kept"), Axis(_floor(min(values)), 1.0, "exact of kept")
    points = [(_x(across, t.kept.value or 0.0), _y(up, t.exact.value or 0.0)) for t in drawn]
    marks: list[ET.Element] = []
    if all(t.exact.low is not None for t in drawn):
        above = [(x, _y(up, t.exact.high or 0.0)) for (x, _), t in zip(points, drawn, strict=True)]
        under = [(x, _y(up, t.exact.low or 0.0)) for (x, _), t in zip(points, drawn, strict=True)]
        marks.append(_path([*above, *reversed(under)], "band", close=True))
    marks.append(_path(points, "curve"))
    for (x, y), one in zip(points, drawn, strict=True):
        told = f"confidence from {one.confidence:.3f}: kept {share(one.kept)}, exact {share(one.exact)}"
        marks.append(el("circle", el("title", told), cx=x, cy=y, r=2.5, class_="dot"))
    return _plot(across, up, marks, "share kept against exactness")


class Piece(NamedTuple):
    """Part of a bar: its length, how it is drawn, what is told of it, and where it leads."""

    length: float
    kind: str
    told: str
    link: str | None = None


class Bar(NamedTuple):
    """One row: its name, its parts from left to right, and what stands behind it."""

    name: str
    pieces: Sequence[Piece]
    behind: str


def confusion_bars(rows: Sequence[tuple[str, Confusion]]) -> ET.Element:
    """A bar for each row, parted by relation."""
    bars = [
        Bar(
            name,
            [
                Piece(
                    count / row.n if row.n else 0.0,
                    relation_class(relation),
                    f"{name}: {relation}, {count} of {row.n} ({100 * count / (row.n or 1):.1f}%)",
                )
                for relation, count in row.counts.items()
            ],
            f"{row.n:,}",
        )
        for name, row in rows
    ]
    return stacked_bars(bars, 1.0, "confusion")


def stacked_bars(
    bars: Sequence[Bar],
    full: float,
    name: str,
    name_width: int = _NAME,
    width: int = _BAR,
    behind: int = _BEHIND,
) -> ET.Element:
    """`full`: the count that is as long as `width` pixels; `name_width` of them are before the bars, and
    `behind` after."""
    marks: list[ET.Element] = []
    for place, bar in enumerate(bars):
        top = place * _ROW + 4
        end = name_width - 8
        marks.append(el("text", *named(bar.name, end), x=end, y=top + 13, class_="end"))
        x = float(name_width)
        for piece in bar.pieces:
            long = width * piece.length / full if full else 0.0
            if piece.length:
                rect = el(
                    "rect",
                    el("title", piece.told),
                    x=x,
                    y=top,
                    width=max(long, 1.0),
                    height=_ROW - 6,
                    class_=piece.kind,
                )
                marks.append(linked(rect, piece))
            x += long
        marks.append(el("text", bar.behind, x=x + 8, y=top + 13))
    return svg(name_width + width + behind, _ROW * len(bars) + 6, marks, name)


def linked(mark: ET.Element, piece: Piece) -> ET.Element:
    """The mark, or the mark in its link."""
    if piece.link is None:
        return mark
    return el("a", mark, href=piece.link, aria_label=piece.told)


def named(name: str, pixels: int) -> list[Node]:
    """A name for so much room: the whole of one that is cut is told on pointing at it."""
    chars = pixels // _CHAR
    return [name] if len(name) <= chars else [name[: chars - 1] + "…", el("title", name)]


def relation_class(relation: Relation) -> str:
    return "r-" + relation.replace(" ", "-")


def _floor(value: float) -> float:
    """The tenth below, so that the axis begins at a round figure."""
    return min(8, int(max(value, 0.0) * 10)) / 10


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.at(value)


def _y(axis: Axis, value: float) -> float:
    return _TOP + _SIDE - axis.at(value)


def _path(points: Sequence[tuple[float, float]], kind: str, close: bool = False) -> ET.Element:
    line = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return el("path", d=f"M{line}{' Z' if close else ''}", class_=kind)


def _whisker(x: float, figure: Figure, up: Axis) -> list[ET.Element]:
    if figure.low is None or figure.high is None:
        return []
    return [el("line", x1=x, x2=x, y1=_y(up, figure.low), y2=_y(up, figure.high), class_="whisker")]


def _plot(across: Axis, up: Axis, marks: Sequence[ET.Element], name: str) -> ET.Element:
    """Axes with ticks around the marks."""
    bottom = _TOP + _SIDE
    around: list[ET.Element] = [
        el("rect", x=_LEFT, y=_TOP, width=_SIDE, height=_SIDE, class_="frame")
    ]
    for tick in across.ticks():
        x = _x(across, tick)
        around.append(el("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"))
        around.append(el("text", f"{tick:.1f}", x=x, y=bottom + 16, class_="middle"))
    for tick in up.ticks():
        y = _y(up, tick)
        around.append(el("line", x1=_LEFT, x2=_LEFT + _SIDE, y1=y, y2=y, class_="grid"))
        around.append(el("text", f"{tick:.1f}", x=_LEFT - 6, y=y + 4, class_="end"))
    middle = _TOP + _SIDE / 2
    names = [
        el("text", across.name, x=_LEFT + _SIDE / 2, y=bottom + 36, class_="middle name"),
        el(
            "text",
            up.name,
            x=12,
            y=middle,
            transform=f"rotate(-90 12 {middle})",
            class_="middle name",
        ),
    ]
    return svg(_LEFT + _SIDE + _RIGHT, bottom + _BELOW, [*around, *marks, *names], name)


def svg(width: int, height: int, marks: Sequence[ET.Element], name: str) -> ET.Element:
    """One with links is no single picture to a screen reader."""
    box, links = f"0 0 {width} {height}", any(mark.tag == "a" for mark in marks)
    role = "group" if links else "img"
    return el("svg", *marks, viewBox=box, width=width, height=height, role=role, aria_label=name)
