"""The formal statements in a text: formulas in `…` or $…$, or alone on a line (there, no single new name).

A line may begin with a label (`P1:`), with "therefore", "so", "hence", "thus" or with what it is of:
"assume", "suppose" or "case 1:" opens a supposition; "goal", "conclusion", "hypothesis", "question" or
"prove" states what is asked. It may end with its grounds in brackets: [P1, P2]. `int n, m` (or `n: int`)
declares whole numbers. Everything else is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from annotators.first_order import MAX_LENGTH, Node, NotAFormula, parse_formula

MAX_STATEMENTS = 64
MAX_TEXT = 50_000

_SPAN = re.compile(rf"`([^`\n]{{1,{MAX_LENGTH}}})`|\$([^$\n]{{1,{MAX_LENGTH}}})\$")
_ITEM = re.compile(r"\s{0,8}(?:[-*•]\s|\d{1,3}[.)]\s|#{1,6}\s)?\s{0,8}")
_WORD = re.compile(
    r"(therefore|so|hence|thus|then|assume|suppose|goal|conclusion|hypothesis|question|prove|show)\b"
    r"(?:\s{1,4}that\b)?\s{0,4}[:,]?\s{0,4}",
    re.I,
)
_CASE = re.compile(r"\*{0,2}\(?case\s{0,4}\(?\w{1,4}\)?(?:\*\*)?\s{0,4}[:.)](?:\*\*)?\s{0,4}", re.I)
_LABEL = re.compile(
    r"(?:[A-Za-z]{1,12}\s?\d{1,4}[a-z]?|premises?|facts?|axioms?|given|step)\s{0,4}[:.)]\s{1,4}",
    re.I,
)
_GROUNDS = re.compile(r"\s{0,4}[\[(](?:from|by|using)?[A-Za-z0-9 ,&]{1,80}[\])]\.?\Z", re.I)
_DECLARED = re.compile(
    r"(?:int|integer|integers)\s{1,4}([A-Za-z0-9_, ]{1,200})|([A-Za-z_]\w{0,39})\s?:\s?int", re.I
)
_ASKED = re.compile(
    r"\b(?:prove|show|whether|is it|does it|does|conclude|deduce|verify|determine|derive|find|what|which)\b",
    re.I,
)
_GIVEN = re.compile(r"\b(?:if|given|when|where|with|assuming|suppose|provided|such)\b", re.I)
_NAME = re.compile(r"[A-Za-z_]\w{0,39}")


@dataclass(frozen=True, slots=True)
class Statement:
    """Characters `start` to `end` of the text are `formula`. `kind`: claim, supposition, goal,
    conclusion (a claim of a step, a goal of a question), or unclear: asked for, or given."""

    start: int
    end: int
    formula: Node
    kind: str = "claim"


@dataclass(frozen=True, slots=True)
class Text:
    statements: tuple[Statement, ...]
    integers: frozenset[str]


def read_statements(text: str, known: frozenset[str] = frozenset()) -> Text:
    """A line that is one bare name is a statement only where that name is `known` as a formula's."""
    statements: list[Statement] = []
    integers: set[str] = set()
    at = 0
    for line in text[:MAX_TEXT].split("\n"):
        if declared := _DECLARED.fullmatch(line.strip()):
            integers.update(_NAME.findall(declared[1] or declared[2]))
        elif len(statements) < MAX_STATEMENTS:
            statements += _of_line(line, at, known)
        at += len(line) + 1
    return Text(tuple(statements[:MAX_STATEMENTS]), frozenset(integers))


def names_in(statements: tuple[Statement, ...]) -> frozenset[str]:
    """Every name that formulas use."""
    found: set[str] = set()
    nodes = [statement.formula for statement in statements]
    while nodes:
        node = nodes.pop()
        if node.operator == "call":
            found.add(node.name)
        nodes += node.arguments
    return frozenset(found)


def _of_line(line: str, at: int, known: frozenset[str]) -> list[Statement]:
    item = _ITEM.match(line)
    start = item.end() if item else 0
    kind = "claim"
    for _ in range(2):
        if case := _CASE.match(line, start):
            start, kind = case.end(), "supposition"
        elif word := _WORD.match(line, start):
            start, kind = word.end(), _KINDS.get(word[1].casefold(), kind)
        elif label := _LABEL.match(line, start):
            start = label.end()
    marked = [match.span(1 if match[1] else 2) for match in _SPAN.finditer(line, start)]
    spans = marked
    if not marked:
        end = len(line.rstrip())
        if (grounds := _GROUNDS.search(line, start, end)) and grounds.start() > start:
            whole = _statement(line, start, end, at, kind, known)
            if whole:
                return [whole]
            end = grounds.start()
        while end > start and line[end - 1] in ".;, ":
            end -= 1
        spans = [(start, end)]
    found = (
        _statement(
            line,
            *span,
            at,
            _asked(line[: span[0]]) or kind if marked else kind,
            None if marked else known,
        )
        for span in spans
    )
    return [one for one in found if one]


_KINDS = (
    {"assume": "supposition", "suppose": "supposition"}
    | dict.fromkeys(("goal", "hypothesis", "question", "prove", "show"), "goal")
    | {"conclusion": "conclusion"}
)


def _asked(before: str) -> str | None:
    """Is what follows asked for? Given all the same, perhaps, behind "what is x if"."""
    asked = _ASKED.search(before)
    if asked is None:
        return None
    return "unclear" if _GIVEN.search(before, asked.end()) else "goal"


def _statement(
    line: str, start: int, end: int, at: int, kind: str, known: frozenset[str] | None
) -> Statement | None:
    """`known`: the single names that are formulas; None where any is."""
    if end - start > MAX_LENGTH:
        return None
    try:
        formula = parse_formula(line[start:end])
    except NotAFormula:
        return None
    single = formula.operator == "call" and not formula.arguments
    if formula.operator == "number" or (single and known is not None and formula.name not in known):
        return None
    return Statement(at + start, at + end, formula, kind)
