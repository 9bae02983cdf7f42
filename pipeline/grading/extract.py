r"""The final answer of a text: nested \boxed{}, ####, "Answer:", "the answer is", the last number.

Each rule has a name that is kept beside the answer. Rules are tried in that order and, within a
rule, the last occurrence wins. What follows </think> is read first; thoughts are read only for a
stated answer. The last number counts only where the last sentence concludes with it: a number in
passing is no answer. Every rule takes linear time on any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

MAX_ANSWER = 1000
"""Longest answer kept, in characters: what is longer is no final answer."""

_BRACES = re.compile(r"\\(?:boxed|fbox)(?=\s?\{)|\\.|[{}]", re.S)
_BETWEEN_BOXES = re.compile(r"(?:[\s$,;.]|\\[()\[\]]|\\q?quad|\\text\{ ?and ?\}|and|or){1,40}")
_FINAL = re.compile(r"\bfinal answer\b", re.I)
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_ANSWER_COLON = re.compile(
    r"\banswer[*_]{0,2}[ \t]{0,3}[:=：]|^answer[ \t]{0,3}(?=\$|\\[(\[])|^[ \t]{0,3}A[ \t]?:",
    re.I | re.M,
)
_ANSWER_IS = re.compile(r"\banswer\b[^\n.:]{0,40}?\bis\b[ \t]{0,3}:?", re.I)
_STATEMENT = re.compile(r"(?:The|It|There)\b[^\n.:,'’]{0,200}?\b(?:is|are)\b")
_DISPLAY = re.compile(r"\$\$([^$]+)\$\$|\\\[((?:[^\\]|\\[^\]])+)\\\]")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_NUMBER = re.compile(
    r"(?<![\w.,])-?\$?-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:/\d+)?%?(?!\w|[.,]\d)"
)
_DIGIT = re.compile(r"\d")
_UNIT = re.compile(r" (?!(?:of|in|times|more|less|to|if|and|or|by)\b)[A-Za-z]{1,20}(?=[\s,;]|$)")
_SENTENCE_WINDOW = 2000
_MARKUP = re.compile(r"<<[^<>\n]*>>|\*\*|\\[()\[\]]|\\(?=[$%])")
"""Calculator notes of GSM8K (<<2*3=6>>), emphasis, and the borders of formulas."""
_CONCLUSION = re.compile(r"(?<![!<>])=|\b(?:so|thus|therefore|hence)\b", re.I)
_NOT_PLAIN = re.compile(r"[\d\\^_+*/<>!≠≈≤≥±√?]|-\s|\b(?:is|are) not\b|n['’]t\b|cannot", re.I)
"""Beside the number: algebra, more numbers, a denial."""


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    text: str
    rule: str


class _Box(NamedTuple):
    answer: str
    end: int


def find_answer(text: str) -> FoundAnswer | None:
    """The final answer of a model's text, or None."""
    thoughts, think, said = text.rpartition("</think>")
    if found := stated_answer(said):
        return found
    found = _last_number(said) if _last_box(text) is None else None
    return found or (stated_answer(thoughts) if think else None)


def gold_answer(text: str) -> str:
    """A gold answer as it is, or the final answer of a worked one (GSM8K: "… #### 18")."""
    found = stated_answer(text)
    return found.text if found else text.strip()


def stated_answer(text: str) -> FoundAnswer | None:
    """The answer that a text states as such."""
    box = _last_box(text)
    if box and (final := _FINAL.search(text, box.end)):
        later = stated_answer(text[final.start() :])
        if later:  # the box was on the way to the final answer
            return later
    for rule, answer in (
        ("boxed", box and box.answer),
        ("hashes", _hashes(text)),
        ("answer_colon", _answer_colon(text)),
        ("answer_is", _answer_is(text)),
    ):
        if answer and len(answer) <= MAX_ANSWER:
            return FoundAnswer(answer, rule)
    return None


def _last_box(text: str) -> _Box | None:
    """The content of the last closed box, or of several with only "and" between them."""
    open_braces: list[
        int | None
    ] = []  # for each open brace, where its box starts, if it is a box's
    boxes: list[tuple[int, int, str]] = []
    pending: int | None = None
    for match in _BRACES.finditer(text):
        token = match[0]
        if token == "{":
            open_braces.append(pending)
            pending = None
        elif token == "}":
            start = open_braces.pop() if open_braces else None
            if start is not None:
                while boxes and boxes[-1][0] > start:  # a box inside this one
                    boxes.pop()
                boxes.append((start, match.end(), text[text.index("{", start) + 1 : match.start()]))
        else:
            pending = match.start() if token in ("\\boxed", "\\fbox") else None
    if not boxes:
        return None
    answers = [boxes[-1][2].strip()]
    for before, after in zip(boxes[-2::-1], boxes[:0:-1], strict=False):
        gap = text[before[1] : min(after[0], before[1] + 41)]
        if not _BETWEEN_BOXES.fullmatch(gap) or len(answers) == 20:
            break
        answers.append(before[2].strip())
    return _Box(", ".join(dict.fromkeys(reversed(answers))), boxes[-1][1])


def _hashes(text: str) -> str | None:
    at = text.rfind("####")
    return _clean(_HASHES.match(text, at)[1]) if at >= 0 else None  # type: ignore[index]


def _answer_colon(text: str) -> str | None:
    ends = [match.end() for match in _ANSWER_COLON.finditer(text)]
    if not ends:
        return None
    rest = text[ends[-1] : ends[-1] + 2 * MAX_ANSWER].lstrip(" \t*_\r\n")
    if display := _DISPLAY.match(rest):
        return (display[1] or display[2]).strip()
    line = rest.split("\n", 1)[0]
    if statement := _STATEMENT.match(line):  # "Answer: The largest n is 34. I hope it is correct."
        line = _sentence(line[statement.end() :])
    return _clean(line)


def _answer_is(text: str) -> str | None:
    ends = [match.end() for match in _ANSWER_IS.finditer(text)]
    if not ends:
        return None
    return _clean(_sentence(text[ends[-1] : ends[-1] + 2 * MAX_ANSWER].lstrip()))


def _sentence(text: str) -> str:
    """The text up to the end of its first sentence."""
    return _SENTENCE_END.split(text, maxsplit=1)[0]


def _last_number(text: str) -> FoundAnswer | None:
    """What the last sentence concludes with: "So she has 5 left", "2 + 3 = 5 cents", "5".

    Only where it is the one number there, and plain.
    """
    line = _MARKUP.sub("", text[-_SENTENCE_WINDOW:]).rstrip().rpartition("\n")[2].strip()
    if _NUMBER.fullmatch(line):
        return FoundAnswer(line, "last_number") if _DIGIT.search(line) else None
    sentence = _SENTENCE_END.split(line.rstrip(".!"))[-1]
    ends = [match.end() for match in _CONCLUSION.finditer(sentence)]
    if not ends:
        return None
    end = sentence[ends[-1] :]
    numbers = [match for match in _NUMBER.finditer(end) if _DIGIT.search(match[0])]
    if len(numbers) != 1 or _NOT_PLAIN.search(_NUMBER.sub("", end)):
        return None
    start, stop = numbers[0].span()
    unit = _UNIT.match(end, stop)
    return FoundAnswer(end[start : unit.end() if unit else stop], "last_number")


def _clean(answer: str) -> str:
    """Without Markdown emphasis and the sentence's own full stop."""
    answer = answer.strip().strip("*_").strip()
    return answer[:-1].rstrip() if answer.endswith(".") else answer
