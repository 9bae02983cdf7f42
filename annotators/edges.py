"""Do an equation's outer sides begin and end where their expressions do, or is the text's one longer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotators import wording
from annotators.equality import Side
from annotators.tokens import Kind, Token


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring tokens of mathematics, and what stands on either side."""

    tokens: tuple[Token, ...]
    before: tuple[Token, ...]
    after: tuple[Token, ...]


def opens_cleanly(run: Run, side: Sequence[Token], text: str) -> bool:
    """Does the first side begin where its expression begins?"""
    if not side:
        return False
    first = side[0]
    previous = run.before[-1] if run.before else None
    if first.kind is Kind.OPERATOR:
        minus = first.text == "-" and (
            previous is None or (previous.kind is Kind.BREAK and not _marked(run.before))
        )
        return (minus and not side[1].spaced if len(side) > 1 else False) or is_bullet(
            side, run, text
        )
    if previous is None:
        return True
    if previous.kind is Kind.BREAK:
        return not _number_goes_on(run.before, first) and not _marked(run.before)
    if previous.kind is Kind.WORD:
        word = previous.text.lower()
        if not first.spaced or (len(word) == 1 and word not in "aio"):
            return False
        if word == "of":
            return run.before[0].text.lower() in wording.OF
        if word == "by":
            return not run.before[0].text.lower().startswith(("multipl", "divid"))
        if word == "and":  # "12 x 1 and 1/4 = 15"
            whole = run.before[0]
            return whole.kind is not Kind.NUMBER and whole.text.lower() not in wording.NUMBER_WORDS
        return word not in wording.LEADING and word.removesuffix("s") not in wording.LEADING
    return previous.kind is Kind.CLOSE and "\n" in text[previous.end : first.start]


def _number_goes_on(before: Sequence[Token], first: Token) -> bool:
    """In "14, 400 / 80" and ".8 + . 84" a space has crept into the number."""
    if len(before) < 2 or before[-1].text not in (",", "."):
        return False
    group = before[0].kind is Kind.NUMBER and not before[1].spaced and len(first.text) == 3
    return group or before[0].kind is Kind.OPERATOR


def _marked(before: Sequence[Token]) -> bool:
    """Does a mark that belongs to a number stand before: 5!, 5', 5", |5|?"""
    if len(before) < 2 or before[-1].text not in "!'’\"”|":
        return False
    return before[0].kind in (Kind.NUMBER, Kind.CLOSE) and not before[-1].spaced


def begins_in_doubt(run: Run, left: Side) -> bool:
    """May the first side be less than the text's expression, or none at all?

    "rows 1-3 = 15 seats", "2 feet 3 + 4 = 31 inches", "ratio 2 : 3 + 1 = 2 : 4".
    """
    named = bool(run.before) and run.before[-1].kind is Kind.WORD
    if _is_range(left.tokens, named):
        return True
    if len(run.before) < 2 or run.before[0].kind is not Kind.NUMBER:
        return False
    last = run.before[1]
    return last.text.lower() in wording.UNITS if named else last.text == ":" and last.spaced


def _is_range(side: Sequence[Token], named: bool) -> bool:
    """Does 1-3 stand first, unspaced? After a word ("games 3-1") it needs not ascend."""
    if len(side) < 3 or any(token.spaced for token in side[1:3]):
        return False
    first, dash, second = side[:3]
    if dash.text != "-" or first.kind is not Kind.NUMBER or second.kind is not Kind.NUMBER:
        return False
    whole = len(side) == 3 or side[3].spaced or side[3].text in "*/"
    return whole and (named or float(first.text) < float(second.text))


def ends_in_doubt(after: Sequence[Token]) -> bool:
    """ "= 9?", "= 2 : 4", "= 8 more than 6"."""
    if not after or after[0].text == "?":
        return bool(after)
    if len(after) < 2:
        return False
    ratio = after[0].text == ":" and after[1].kind is Kind.NUMBER
    return ratio or after[1].text.lower() == "than"


def is_bullet(side: Sequence[Token], run: Run, text: str) -> bool:
    """`- 5 + 3 = 8` at the start of a line is a list item."""
    if len(side) < 2 or side[0].kind is not Kind.OPERATOR or side[0].text not in "-*+":
        return False
    line = text.rfind("\n", 0, side[0].start) + 1
    return not text[line : side[0].start].strip() and side[1].spaced


def ends_cleanly(run: Run) -> bool:
    """Does the last side end where its expression ends?"""
    if not run.after:
        return True
    following = run.after[0]
    if following.kind is Kind.WORD:
        word = following.text.lower()
        if not following.spaced:
            return following.text in wording.GLUED_UNITS or following.text.startswith("\\")
        return word not in wording.TRAILING and (len(word) > 1 or word in "ais")
    if following.kind is Kind.OPEN:
        return (
            following.spaced
            and len(run.after) > 1
            and run.after[1].kind is Kind.WORD
            and (len(run.after[1].text) > 2)
        )
    if following.kind is Kind.BREAK and following.text in "'’!":
        return following.spaced or following.text != "!"
    return following.kind in (Kind.BREAK, Kind.CLOSE)
