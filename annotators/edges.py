"""Do an equation's outer sides begin and end where their expressions do, or is the text's one longer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from annotators import wording
from annotators.sides import Side
from annotators.tokens import Kind, Token, singular


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring tokens of mathematics, the two before them, and the eight after."""

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
        return (minus and not side[1].spaced if len(side) > 1 else False) or is_bullet(side, text)
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
    if len(before) < 2 or before[-1].text not in (",", ".", "&"):
        return False
    if before[-1].text == "&":  # a cell of a table: "4 & 1/2 + 1/2 = 5"
        return before[0].kind is Kind.NUMBER
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
    if _is_range(run, left.tokens):
        return True
    if len(run.before) < 2 or run.before[0].kind is not Kind.NUMBER:
        return False
    last = run.before[1]
    return _is_measure(last) if named else last.text == ":" and last.spaced


def _is_range(run: Run, side: Sequence[Token]) -> bool:
    """Does 1-3 stand first, unspaced? After a word ("games 3-1") and in hours ("9-5 = 8 hours") it needs not
    ascend. "From 5 - 9" and "the sum of 1 - 9" are spaced."""
    if len(side) < 3 or side[1].text != "-":
        return False
    first, dash, second = side[:3]
    if first.kind is not Kind.NUMBER or second.kind is not Kind.NUMBER:
        return False
    word = run.before[-1] if run.before else None
    ascends = float(first.text) < float(second.text)
    if dash.spaced or second.spaced:
        opens = word.text.lower() if word else ""
        return len(side) == 3 and (opens in ("from", "between") or (opens == "of" and ascends))
    hours = bool(run.after) and singular(run.after[0].text) in ("hour", "hr", "h")
    named = word is not None and word.kind is Kind.WORD
    whole = len(side) == 3 or side[3].spaced or side[3].text in "*/"
    return whole and (named or ascends or hours)


def _is_measure(token: Token) -> bool:
    return singular(token.text) in wording.MEASURES


def ends_in_doubt(run: Run) -> bool:
    """ "= 9?", "= 2 : 4", "= 8 more than 6", "= 1 hour 15 minutes"."""
    after = run.after
    if not after or after[0].text == "?":
        return bool(after)
    if len(after) < 2:
        return False
    ratio = after[0].text == ":" and after[1].kind is Kind.NUMBER
    return ratio or after[1].text.lower() == "than" or _goes_on_in_another_unit(run)


def _goes_on_in_another_unit(run: Run) -> bool:
    """ "= 1 hour and 15 minutes", "= 1h15", "= 5 boxes 3 pens", "= $1 and 75 cents"."""
    after = [token for token in run.after if token.text not in ("$", "\\(", "\\)")]
    between = list(takewhile(lambda token: token.kind is not Kind.NUMBER, after))
    units = [token for token in between if token.text.lower() not in ("and", ",", ".")]
    if len(between) == len(after) or len(units) > 1:
        return False
    second = next(
        (t for t in after[len(between) + 1 :][:1] if t.kind in (Kind.WORD, Kind.UNIT)), None
    )
    second_measured = second is not None and _is_measure(second)
    if not units:
        joined = any(token.text.lower() == "and" for token in between)
        return joined and run.tokens[-1].money and second_measured
    measured = _is_measure(units[0]) or units[0].text in "'’"
    if len(between) > 1:
        return measured and second_measured
    return measured or (units[0].kind is Kind.WORD and second is not None)


def is_bullet(side: Sequence[Token], text: str) -> bool:
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
