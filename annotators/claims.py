"""What a step claims that calculation can check, each claim with its place.

Equations and chains of them, GSM8K's `<<48/2=24>>` notes, inequalities, roundings (≈), congruences,
ratios; with units, roots, algebra, derivatives and integrals of polynomials; and the roots that are
claimed of a stated equation (`annotators.solving`).

Silent are: conditions on variables, labels ("Day 3 = 5"), run-on chains (5 + 3 = 8 + 2 = 10),
whole-number and other rounding, sides that the text goes on from, and wrong claims that the text
supposes, takes back, or makes of something else than plain sums: clocks, number bases, averages,
digits. So are wrong claims of a sum that the step comes to do right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

from annotators import wording
from annotators.equality import Judgement, judge
from annotators.forms import Unclear
from annotators.hedges import lets_be
from annotators.links import MODULUS, Link, Uncountable, find_links
from annotators.sides import Side, numbers
from annotators.solving import claimed_roots
from annotators.tokens import Kind
from annotators.written import shown
from pipeline.records import Status

MAX_CHARS = 20_000
"""Of a step; what follows is not read."""
MAX_CLAIMS = 200

_HEAD = re.compile(r"\A\s{0,9}(?:\*\*|#{1,6} )?Step \d{1,4}\s?[:.)]\*{0,2}", re.I)
"""A step's own number, which is no part of what it claims: "Step 2: 3 + 3 = 6"."""
_ANY = re.compile(r"[=<>≈≠≤≥≡]|\\(?:approx|leq?|geq?|neq?|equiv|lt|gt)")
_REWRITES = re.compile(r"\b(?:expand\w*|multiply\w* out|distribut\w+|foil)\b", re.I)
_CONDITION = re.compile(
    r"\b(?:equations?|solv\w+|set\w*|roots?|zeros?|when|where|cases?|need|must|sides?|left|right|both)\b",
    re.I,
)
_WISHED = re.compile(
    r"\b(?:needs?|want\w*|must|requir\w+|until|check\w*|test\w*|compar\w+|find|smallest|largest|"
    r"least|when|for which|such that|unless|only)\b",
    re.I,
)

_LOOSE = re.compile(r"\s*\\?\)?(?:[,.]|\s*\n)\s*[^\s(\\]")
"""A modulus after a comma, without a bracket, may begin the next clause."""
_ENDS = re.compile(r"\}?\s{0,3}(?:[.;!?$\n]|\\\)|\Z)")
_SPACING = re.compile(r"(?<!\\)\\(?:[,;:!() ]|q?quad\b|\[|\])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LEAVES_CHAIN = re.compile(r"[^\W\d_]{2,}|,(?!\d{3})|[;:!?\n⇒⟹→⇔⟺]|\.(?!\d)")
_FOLLOWS = re.compile(r"\\(?:implies|iff|to|[A-Za-z]*[Rr]ightarrow)\b")
_RELATION = re.compile(r"=|≡|\\(?:equiv|cong)\b")


@dataclass(frozen=True, slots=True)
class Claim:
    """Characters start..end of the step; `expected` is the left side's value where it is wrong."""

    start: int
    end: int
    status: Status
    expected: str | None = None


def find_claims(step: str) -> list[Claim]:
    """Every claim that can be read with certainty, in order. Linear in the step's length."""
    text = _HEAD.sub(lambda head: " " * len(head[0]), step[:MAX_CHARS])
    if not _ANY.search(text):
        return []
    found = list(islice(find_links(text), MAX_CLAIMS))
    links = [each for each in found if isinstance(each, Link)]
    claims = [Claim(c.start, c.end, Status.UNCHECKED) for c in found if isinstance(c, Uncountable)]
    conditions: set[Fraction] = set()
    made: list[tuple[Link, Claim]] = []
    right: dict[str, int] = {}  # where a sum comes out right for the last time
    for link in links:
        claim = _claim(link, text)
        if claim is None:
            conditions |= _required(link) if link.left.symbols and link.left.computes else set()
            continue
        if claim.status is Status.CONTRADICTED and _required(link) & conditions:
            claim = _let_be(claim)  # tried with numbers
        if claim.status is Status.EXACT:
            right[_sum(link)] = max(link.start, right.get(_sum(link), 0))
        made.append((link, claim))
    for link, claim in made:
        redone = claim.status is Status.CONTRADICTED and right.get(_sum(link), 0) > claim.end
        claims.append(_let_be(claim) if redone else claim)
    for root in claimed_roots(links, text):
        claims.append(Claim(root.link.start, root.link.end, root.status, root.expected))
    return sorted(claims[:MAX_CLAIMS], key=lambda claim: (claim.start, claim.end))


def _let_be(claim: Claim) -> Claim:
    return replace(claim, status=Status.UNCHECKED, expected=None)


def _sum(link: Link) -> str:
    """The left side as it was written, spaces left out."""
    return "".join(token.text for token in link.left.tokens)


def _required(link: Link) -> set[Fraction]:
    """What the left side has to be: the 50 of x + 3 = 50."""
    value = link.right.values[0].value
    alone = len(link.right.tokens) == 1 and link.relation == "="
    return {value} if alone and isinstance(value, Fraction) else set()


def _claim(link: Link, text: str) -> Claim | None:
    left, right = link.left, link.right
    if link.relation == "≡":
        return _congruence(link, text)
    if not (left.computes or (link.again and right.computes)):
        if link.relation not in "=≠" and not left.symbols | right.symbols:
            return _compared(link, text)
        return _ratio(link, text)
    if link.relation != "=":
        return _compared(link, text)
    if Kind.RATIO in (left.tokens[0].kind, right.tokens[0].kind):
        return None
    judgement = judge(left, right, link.unit, _rewrites(link, text))
    if judgement.status is Status.UNCHECKED and not judgement.pairs:
        return None  # a condition
    return _settled(link, judgement, text)


def _settled(link: Link, judgement: Judgement, text: str) -> Claim:
    if judgement.status is not Status.CONTRADICTED:
        return Claim(link.start, link.end, judgement.status)
    divides = any(token.text == "/" or token.kind is Kind.FRAC for token in link.left.tokens)
    if (
        link.doubtful
        or _noted(link, text)
        or lets_be(text, link.start, link.end, judgement, divides)
    ):
        return Claim(link.start, link.end, Status.UNCHECKED)
    return Claim(link.start, link.end, Status.CONTRADICTED, judgement.expected or None)


def _noted(link: Link, text: str) -> bool:
    """Has the right side a note of its own, 8*3 = <<80*3=240>>240? It is what was calculated."""
    between = text[link.left.tokens[-1].end : link.right.tokens[0].start]
    note = between.partition("<<")[2].partition(">>")[0]
    result = note.rpartition("=")[2].strip()
    return bool(result) and result == link.right.tokens[0].text


def _rewrites(link: Link, text: str) -> bool:
    """Does the sentence say that it expands or simplifies the left side, a product of sums?"""
    if not any(token.kind is Kind.OPEN and token.text == "(" for token in link.left.tokens):
        return False
    if any(token.kind is Kind.OPEN for token in link.right.tokens):
        return False
    before = text[max(0, link.start - wording.WINDOW) : link.start]
    return bool(_REWRITES.search(before)) and not _CONDITION.search(before)


def _compared(link: Link, text: str) -> Claim | None:
    """An inequality or a rounding, of numbers alone."""
    left, right = link.left, link.right
    if left.symbols | right.symbols or len(left.values) * len(right.values) > 1:
        return None
    try:
        a, b = numbers(left.values[0]), numbers(right.values[0])
    except Unclear:
        return Claim(link.start, link.end, Status.UNCHECKED)
    if link.relation == "≈":
        status = _approximates(a, b, right)
    elif link.relation == "≠":
        status = Status.EXACT if a != b else Status.UNCHECKED
    else:
        holds = {"<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b}[link.relation]
        status = Status.EXACT if holds else Status.CONTRADICTED
        before = text[max(0, link.start - wording.WINDOW) : link.start]
        if not holds and _WISHED.search(before):
            status = Status.UNCHECKED
    return _settled(
        link, Judgement(status, ((a, b),), shown(a) if len(shown(a)) < 20 else ""), text
    )


def _approximates(exact: Fraction, stated: Fraction, right: Side) -> Status:
    """A rounding is contradicted only where no carelessness explains it."""
    places = right.numbers[0].places if len(right.numbers) == 1 else 0
    off, whole = abs(exact - stated), max(abs(exact), abs(stated))
    if off * 2 <= Fraction(1, 10**places):
        return Status.EXACT
    coarse = off * (50 if places else 4) <= whole or off <= Fraction(2, 10**places)
    return Status.UNCHECKED if coarse else Status.CONTRADICTED


def _congruence(link: Link, text: str) -> Claim | None:
    found = _modulus(link, text)
    values = [side.values[0].value for side in (link.left, link.right)]
    if found is None or int(found[1]) == 0:
        return None
    if not all(isinstance(v, Fraction) and v.denominator == 1 for v in values):
        return None
    a, b = (Fraction(v) for v in values if isinstance(v, Fraction))
    holds = (a - b) % int(found[1]) == 0
    start, end = link.start, link.end
    around = text[max(0, start - wording.WINDOW) : end + wording.WINDOW]
    if holds:
        return Claim(start, end, Status.EXACT)
    hedged = wording.TAKEN_BACK.search(around) or wording.SUPPOSED.search(around)
    if link.doubtful or hedged:
        return Claim(start, end, Status.UNCHECKED)
    return Claim(start, end, Status.CONTRADICTED, f"{a % int(found[1])} (mod {found[1]})")


def _modulus(link: Link, text: str) -> re.Match[str] | None:
    """What a link is taken modulo: it stands after the link, or after the rest of its chain."""
    found = MODULUS.search(text, link.end, link.end + wording.WINDOW)
    if found is None or (_LOOSE.match(found[0]) and not _ENDS.match(text, found.end())):
        return None
    rest = _SPACING.sub(" ", text[link.end : found.start()])
    if _LEAVES_CHAIN.search(_COMMAND.sub(" ", rest)) or _FOLLOWS.search(rest):
        return None
    lines = [line.strip(" \t$&") for line in rest.split("\\\\")]
    return found if all(not line or _RELATION.match(line) for line in lines) else None


def _ratio(link: Link, text: str) -> Claim | None:
    """12:8 = 3:2, unless it is a time of day."""
    sides = [side.tokens for side in (link.left, link.right)]
    if link.relation != "=" or any(len(t) != 1 or t[0].kind is not Kind.RATIO for t in sides):
        return None
    a, b = (side.values[0].value for side in (link.left, link.right))
    if a == b:
        return Claim(link.start, link.end, Status.EXACT)
    before = text[max(0, link.start - wording.WINDOW) : link.start]
    named = re.search(r"\bratios?\b", before, re.I) is not None
    judgement = Judgement(Status.CONTRADICTED if named else Status.UNCHECKED)
    return _settled(link, judgement, text)
