"""The arithmetic that a step claims: `a + b = c`, chains of them, GSM8K's `<<48/2=24>>` notes.

Only what is certainly a claim about plain numbers is checked. Silent are: variables, unlike units,
labels ("Day 3 = 5"), run-on chains (5 + 3 = 8 + 2 = 10), whole-number and other rounding, sides that
the text goes on from, and wrong claims that the text supposes, takes back, or makes of something
else than plain sums: clocks, number bases, roots, averages, digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from annotators.equality import Side, close, judge, read_side, same_in_cycle
from annotators.expressions import MAX_TOKENS, Kind, Token, tokenize
from pipeline.records import Status

MAX_CHARS = 20_000
"""Of a step; what follows is not read."""
MAX_CLAIMS = 200

_MATHS = frozenset((Kind.NUMBER, Kind.OPERATOR, Kind.EQUALS, Kind.OPEN, Kind.CLOSE, Kind.FRAC))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OF = _words("sum sums total totals product products")
"""What can be said `of` a whole expression without being its function; "the average of" is one."""
_NUMBERS = _words("one two three four five six seven eight nine ten eleven twelve dozen")
_LEADING = _NUMBERS | _words(
    "times plus minus less negative twice thrice half double doubling triple tripling quadruple "
    "over step day week month year hour case part problem number question level round section no "
    "grade age page chapter room exercise row floor seat digit square cube root sqrt log ln sin "
    "cos tan lcm gcd gcf mod"
)
_TRAILING = _words(
    "hundred hundreds thousand thousands million millions billion billions trillion dozen "
    "dozens percent percentage percents times plus minus of over divided multiplied squared "
    "cubed half halves third thirds quarter quarters fourths fifths point remainder mod r or"
)
_GLUED_UNITS = _words(
    "kg kgs g mg lb lbs oz cm mm km m ft in ml l L mph kmh kph hr hrs min mins sec secs s h am pm"
)
_UNITS = _words("foot feet ft yard yards pound pounds minute minutes dollar dollars mile miles")
_TAKEN_BACK = re.compile(
    r"\b(?:incorrect|wrong|mistaken?|mistakenly|error|false|untrue|not|n['’]t|cannot|instead|"
    r"actually|wait|oops|correction|corrected|impossible|contradict\w*)\b|n['’]t\b|should (?:be|have)",
    re.I,
)
_SUPPOSED = re.compile(
    r"\b(?:if|suppose|assum\w+|guess\w*|try|trying|would|claim\w*|says?|said)\b", re.I
)
_ROUGHLY = re.compile(
    r"\b(?:about|approx\w*|around|roughly|round\w*|nearest|almost|nearly|≈)\b", re.I
)
_OTHER_ARITHMETIC = re.compile(
    r"\b(?:mod|modulo|modular|modulus|bases?|binary|ternary|octal|hex|hexadecimal|bitwise|xor|"
    r"boolean|logical|concatenat\w*|strings?|digits?|with an? (?:borrow|carry)|"
    r"(?:borrow|carr[yi])\w* (?:over|the \d|1|one))\b|"
    r"\d\s?[ap]\.?m\b|(?-i:\b[AP]M\b)|\bo['’]?\s?clock\b",
    re.I,
)
_FUNCTION = re.compile(
    r"\b(?:sqrt|roots?|squared|cubed|averag(?:e|es|ing)|mean|median|lcm|gcd|gcf|hcf|"
    r"(?:least|lowest|greatest|highest) common|reciprocals?|inverse|opposite|negative|absolute|"
    r"log|logarithm|ln|sin|cos|tan|sine|cosine|tangent|floor|ceil\w*|factorial|choose|"
    r"(?:twice|thrice|double|triple|half|of) the (?:sum|total|product))\b",
    re.I,
)
"""What a clause may make of the sum that it ends in: "the average of the lengths 4 + 6 = 5"."""
_APPLIED = re.compile(
    r"\bthan\s*$|\b(?:add|subtract|deduct|tak(?:e|ing)|combin|multipl|divid|increas|decreas)\w*\b.*"
    r"\b(?:to|from|with|into)\s*$",
    re.I | re.S,
)
"""Of a clause that the claim's sum only ends: "add 5 to 3 * 2 = 11"."""
_SENTENCE_ENDS = re.compile(r"[;!?\n]|\.(?!\d)|\b(?:because|since)\b", re.I)
_CLAUSE_ENDS = re.compile(
    r"[;!?\n:=]|\.(?!\d)|\b(?:is|are|was|were|so|thus|therefore|because|since)\b", re.I
)
_STARTS_AGAIN = re.compile(
    r"\b(?:clock|time|noon|midnight|morning|afternoon|evening|night|hours?|\w*days?|weeks?|months?|"
    r"january|february|march|april|june|july|august|september|october|november|december|"
    r"degrees?|angles?|circle|bearing)\b|°",
    re.I,
)
_WINDOW = 160


@dataclass(frozen=True, slots=True)
class Claim:
    """Characters start..end of the step; `expected` is the left side's value where it is wrong."""

    start: int
    end: int
    status: Status
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring tokens of mathematics, and what stands on either side."""

    tokens: tuple[Token, ...]
    before: tuple[Token, ...]
    after: tuple[Token, ...]


def find_claims(step: str) -> list[Claim]:
    """Every claim that can be read with certainty, in order. Linear in the step's length."""
    text = step[:MAX_CHARS]
    if "=" not in text:
        return []
    claims: list[Claim] = []
    for tokens in _layers(tokenize(text)):
        for run in _runs(tokens):
            claims += _claims(run, text)
            if len(claims) >= MAX_CLAIMS:
                break
    return sorted(claims[:MAX_CLAIMS], key=lambda claim: (claim.start, claim.end))


def _layers(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The text without its <<…>> notes, then each note by itself."""
    outside: list[Token] = []
    notes: list[list[Token]] = []
    note: list[Token] | None = None
    for token in tokens:
        if token.kind is Kind.NOTE_OPEN:
            note = []
        elif token.kind is Kind.NOTE_CLOSE:
            if note:
                notes.append(note)
            note = None
        else:
            (outside if note is None else note).append(token)
    yield outside
    yield from notes


def _runs(tokens: Sequence[Token]) -> Iterator[_Run]:
    at = 0
    while at < len(tokens):
        if tokens[at].kind not in _MATHS:
            at += 1
            continue
        end, depth = at, 0
        while end < len(tokens) and tokens[end].kind in _MATHS:
            depth += (tokens[end].kind is Kind.OPEN) - (tokens[end].kind is Kind.CLOSE)
            if depth < 0:
                break
            end += 1
        last = end
        while last > at and tokens[last - 1].kind is Kind.OPEN and tokens[last - 1].spaced:
            last -= 1  # "= 8 (apples)"
        run = tuple(tokens[at:last])
        if len(run) <= MAX_TOKENS and any(token.kind is Kind.EQUALS for token in run):
            yield _Run(run, tuple(tokens[max(0, at - 2) : at]), tuple(tokens[last : last + 2]))
        at = end + 1 if end < len(tokens) and depth < 0 else max(end, at + 1)


def _claims(run: _Run, text: str) -> Iterator[Claim]:
    parts: list[list[Token]] = [[]]
    for token in run.tokens:
        if token.kind is Kind.EQUALS:
            parts.append([])
        else:
            parts[-1].append(token)
    if not _opens_cleanly(run, parts[0], text):
        parts[0] = []
    elif _is_bullet(parts[0], run, text):
        parts[0] = parts[0][1:]
    if not _ends_cleanly(run):
        parts[-1] = []
    if sum(map(len, parts)) == max(map(len, parts)):
        return  # nothing to compare
    sides = [read_side(part) for part in parts]
    for index, (left, right) in enumerate(pairwise(sides)):
        if left is None or right is None:
            continue
        if len(left.numbers) > 1 or (index > 0 and len(right.numbers) > 1):
            last = index == len(sides) - 2
            unit_named = last and any(t.kind is Kind.WORD for t in run.after[:1])
            doubtful = (index == 0 and _begins_in_doubt(run, left)) or (
                last and _ends_in_doubt(run.after)
            )
            yield _claim(left, right, unit_named, doubtful, text)


def _opens_cleanly(run: _Run, side: Sequence[Token], text: str) -> bool:
    """Does the first side begin where its expression begins?"""
    if not side:
        return False
    first = side[0]
    previous = run.before[-1] if run.before else None
    if first.kind is Kind.OPERATOR:
        minus = first.text == "-" and (
            previous is None or (previous.kind is Kind.BREAK and not _marked(run.before))
        )
        return (minus and not side[1].spaced if len(side) > 1 else False) or _is_bullet(
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
            return run.before[0].text.lower() in _OF
        if word == "by":
            return not run.before[0].text.lower().startswith(("multipl", "divid"))
        if word == "and":  # "12 x 1 and 1/4 = 15"
            whole = run.before[0]
            return whole.kind is not Kind.NUMBER and whole.text.lower() not in _NUMBERS
        return word not in _LEADING and word.removesuffix("s") not in _LEADING
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


def _begins_in_doubt(run: _Run, left: Side) -> bool:
    """May the first side be less than the text's expression, or none at all?

    "rows 1-3 = 15 seats", "2 feet 3 + 4 = 31 inches", "ratio 2 : 3 + 1 = 2 : 4".
    """
    named = bool(run.before) and run.before[-1].kind is Kind.WORD
    if _is_range(left.tokens, named):
        return True
    if len(run.before) < 2 or run.before[0].kind is not Kind.NUMBER:
        return False
    last = run.before[1]
    return last.text.lower() in _UNITS if named else last.text == ":" and last.spaced


def _is_range(side: Sequence[Token], named: bool) -> bool:
    """Does 1-3 stand first, unspaced? After a word ("games 3-1") it needs not ascend."""
    if len(side) < 3 or any(token.spaced for token in side[1:3]):
        return False
    first, dash, second = side[:3]
    if dash.text != "-" or first.kind is not Kind.NUMBER or second.kind is not Kind.NUMBER:
        return False
    whole = len(side) == 3 or side[3].spaced or side[3].text in "*/"
    return whole and (named or float(first.text) < float(second.text))


def _ends_in_doubt(after: Sequence[Token]) -> bool:
    """ "= 9?", "= 2 : 4", "= 8 more than 6"."""
    if not after or after[0].text == "?":
        return bool(after)
    if len(after) < 2:
        return False
    ratio = after[0].text == ":" and after[1].kind is Kind.NUMBER
    return ratio or after[1].text.lower() == "than"


def _is_bullet(side: Sequence[Token], run: _Run, text: str) -> bool:
    """`- 5 + 3 = 8` at the start of a line is a list item."""
    if len(side) < 2 or side[0].kind is not Kind.OPERATOR or side[0].text not in "-*+":
        return False
    line = text.rfind("\n", 0, side[0].start) + 1
    return not text[line : side[0].start].strip() and side[1].spaced


def _ends_cleanly(run: _Run) -> bool:
    """Does the last side end where its expression ends?"""
    if not run.after:
        return True
    following = run.after[0]
    if following.kind is Kind.WORD:
        word = following.text.lower()
        if not following.spaced:
            return following.text in _GLUED_UNITS or following.text.startswith("\\")
        return word not in _TRAILING and (len(word) > 1 or word in "ais")
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


def _claim(left: Side, right: Side, unit_named: bool, doubtful: bool, text: str) -> Claim:
    """`doubtful`: what stands beside the claim keeps it from being a contradiction."""
    start, end = left.tokens[0].start, right.tokens[-1].end
    judgement = judge(left, right, unit_named)
    if judgement.status is not Status.CONTRADICTED:
        return Claim(start, end, judgement.status)
    around = _around(text, start, end)
    divides = any(token.text == "/" or token.kind is Kind.FRAC for token in left.tokens)
    clause = _clause(text, start, _CLAUSE_ENDS if divides else _SENTENCE_ENDS)
    if (
        doubtful
        or _hedged(text, start, end)
        or _OTHER_ARITHMETIC.search(around)
        or _FUNCTION.search(clause)
        or _APPLIED.search(clause)
        or (divides and "remainder" in around.lower())
        or (_ROUGHLY.search(around) and any(close(a, b, 20) for a, b in judgement.pairs))
        or (_STARTS_AGAIN.search(around) and any(same_in_cycle(a, b) for a, b in judgement.pairs))
    ):
        return Claim(start, end, Status.UNCHECKED)
    return Claim(start, end, Status.CONTRADICTED, judgement.expected)


def _around(text: str, start: int, end: int) -> str:
    return text[max(0, start - _WINDOW) : end + _WINDOW]


def _hedged(text: str, start: int, end: int) -> bool:
    """Does the text suppose the claim, or take it back?"""
    line = max(text.rfind("\n", 0, start), start - _WINDOW, 0)
    before = text[line:start]
    return bool(_SUPPOSED.search(before) or _TAKEN_BACK.search(before + text[end : end + _WINDOW]))


def _clause(text: str, start: int, ends: re.Pattern[str]) -> str:
    """What the claim's clause says before it."""
    before = text[max(0, start - _WINDOW) : start]
    return before[max((end.end() for end in ends.finditer(before)), default=0) :]
