"""The roots that a step claims of the equation it has stated: each is substituted.

A later `x = 4` is set into the last equation in x alone that stands before it. Where the text goes
over to something else in between (cases, other solutions, what x would be), nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators import wording
from annotators.expressions import UNIT, plain
from annotators.forms import Form, Unclear
from annotators.links import Link
from annotators.tokens import Kind
from annotators.written import shown
from pipeline.records import Status

MAX_BETWEEN = 300
"""Characters between the equation and its root."""
_ELSEWHERE = re.compile(
    r"\b(?:if|when|let\w*|suppos\w+|assum\w+|cases?|try\w*|plug\w*|substitut\w+|set|setting|other|another|"
    r"second|new|next|or|either|and|both|where|for|check\w*|test\w*|guess\w*|say|at|until|want|need|"
    r"minimum|maximum|largest|smallest|least|less|more|greater|than|not|instead|wait|but|however|choose|"
    r"similarly|also|side|mod|approximat\w*|about|round\w*)\b|\\(?:pm|neq?|pmod|equiv|lor|vee)|[<>≤≥≠±≈]",
    re.I,
)
_MORE = re.compile(r"[\s$\\)]{0,5}(?:\\text\{)?\s?(?:or\b|and\b|,\s{0,3}[-\d$\\])")
"""x = 3, 5 and x = 3 or x = 5 are several roots."""


@dataclass(frozen=True, slots=True)
class Root:
    """`x = 4`, tried in the equation before it; `expected` is the right root where there is one."""

    link: Link
    status: Status
    expected: str | None


def claimed_roots(links: Sequence[Link], text: str) -> Iterator[Root]:
    """Only those that are right or wrong for sure."""
    equations: dict[str, tuple[Link, Form]] = {}
    for link in links:
        if link.relation != "=" or link.doubtful:
            continue
        root = _root(link)
        if root is None:
            if (found := _equation(link)) is not None:
                equations[found[0]] = (link, found[1])
            continue
        name, value = root
        stated, equation = equations.pop(name, (link, None))
        end = stated.end
        if equation is None or not end <= link.start <= end + MAX_BETWEEN:
            continue
        status, expected = _substituted(equation, name, value)
        between = text[end : link.start]
        after = text[link.end : link.end + 40]
        before = text[max(0, end - wording.WINDOW) : end]
        if status is Status.CONTRADICTED and (
            _ELSEWHERE.search(between)
            or wording.TAKEN_BACK.search(before + between + after)
            or wording.OTHER_ARITHMETIC.search(
                text, max(0, stated.start - wording.WINDOW), link.end + wording.WINDOW
            )
            or _MORE.match(after)
        ):
            status = Status.UNCHECKED
        if status is not Status.UNCHECKED:
            yield Root(link, status, expected)


def _root(link: Link) -> tuple[str, Fraction] | None:
    """The name and number of `x = 4`, no chain."""
    left, right = link.left, link.right
    if link.again or len(left.tokens) != 1 or left.tokens[0].kind is not Kind.VARIABLE:
        return None
    value = right.values[0].value
    if len(right.values) != 1 or not isinstance(value, Fraction):
        return None
    if right.computes or any(n.places or n.percent for n in right.numbers):
        return None
    return left.tokens[0].text, value


def _equation(link: Link) -> tuple[str, Form] | None:
    """The only symbol of an equation and the difference of its sides."""
    symbols = link.left.symbols | link.right.symbols
    if len(symbols) != 1 or len(link.left.values) * len(link.right.values) != 1 or link.again:
        return None
    if not (link.left.symbols & link.right.symbols) and any(
        len(side.tokens) == 1 and side.tokens[0].kind is Kind.VARIABLE
        for side in (link.left, link.right)
    ):
        return None  # x = 24 * 3
    (name,) = symbols
    if name.startswith(UNIT) or any(n.places for n in link.left.numbers + link.right.numbers):
        return None
    try:
        difference = plain(link.left.values[0].value - link.right.values[0].value)
    except Unclear:
        return None
    return (name, difference) if isinstance(difference, Form) and difference.symbols else None


def _substituted(equation: Form, name: str, value: Fraction) -> tuple[Status, str | None]:
    try:
        rest = equation.at(name, value)
        zero, one = equation.at(name, Fraction(0)), equation.at(name, Fraction(1))
    except Unclear:
        return Status.UNCHECKED, None
    if rest is None or zero is None or one is None:
        return Status.UNCHECKED, None
    if rest == 0:
        return Status.EXACT, None
    linear = max(sum(n for _, n in powers) for _, powers in equation.top) == 1
    return Status.CONTRADICTED, shown(-zero / (one - zero)) if linear else None
