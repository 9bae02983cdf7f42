r"""The final answer of a text: nested \boxed{}, ####, "Answer:", "the answer is", the last number.

Each rule has a name that is kept beside the answer. Rules are tried in that order and, within a
rule, the last occurrence wins. What follows </think> is read first; thoughts are read only for a
stated answer, never for their last number. Every rule takes linear time on any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ANSWER = 1000
"""Longest answer kept, in characters: what is longer is no final answer."""

_BRACES = re.compile(r"\\(?:boxed|fbox)(?=\s?\{)|\\.|[{}]", re.S)
_BETWEEN_BOXES = re.compile(r"(?:[\s$,;.]|\\[()\[\]]|\\q?quad|\\text\{ ?and ?\}|and|or){1,40}")
_FINAL = re.compile(r"\bfinal answer\b", re.I)
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_ANSWER_COLON = re.compile(r"\banswer[*_]{0,2}[ \t]{0,3}[:=：]|^[ \t]{0,3}A[ \t]?:", re.I | re.M)
_ANSWER_IS = re.compile(r"\banswer\b[^\n.:]{0,40}?\bis\b[ \t]{0,3}:?", re.I)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_NUMBER = re.compile(r"(?<![\w.,])-?\$?-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:/\d+)?%?(?!\w)")
_LAST_NUMBER_WINDOW = 2000


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    text: str
    rule: str


def find_answer(text: str) -> FoundAnswer | None:
    """The final answer of a model's text, or None."""
    thoughts, think, said = text.rpartition("</think>")
    return stated_answer(said) or _last_number(said) or (stated_answer(thoughts) if think else None)


def gold_answer(text: str) -> str:
    """A gold answer as it is, or the final answer of a worked one (GSM8K: "… #### 18")."""
    found = stated_answer(text)
    return found.text if found else text.strip()


def stated_answer(text: str) -> FoundAnswer | None:
    """The answer that a text states as such."""
    for rule, find in (
        ("boxed", _boxed),
        ("hashes", _hashes),
        ("answer_colon", _answer_colon),
        ("answer_is", _answer_is),
    ):
        answer = find(text)
        if answer and len(answer) <= MAX_ANSWER:
            return FoundAnswer(answer, rule)
    return None


def _boxed(text: str) -> str | None:
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
    if not boxes or _FINAL.search(text, boxes[-1][1]):  # boxed on the way to the final answer
        return None
    answers = [boxes[-1][2].strip()]
    for before, after in zip(boxes[-2::-1], boxes[:0:-1], strict=False):
        gap = text[before[1] : min(after[0], before[1] + 41)]
        if not _BETWEEN_BOXES.fullmatch(gap) or len(answers) == 20:
            break
        answers.append(before[2].strip())
    return ", ".join(dict.fromkeys(reversed(answers)))


def _hashes(text: str) -> str | None:
    at = text.rfind("####")
    return _clean(_HASHES.match(text, at)[1]) if at >= 0 else None  # type: ignore[index]


def _answer_colon(text: str) -> str | None:
    ends = [match.end() for match in _ANSWER_COLON.finditer(text)]
    if not ends:
        return None
    rest = text[ends[-1] : ends[-1] + 2 * MAX_ANSWER].lstrip(" \t*_\r\n")
    return _clean(rest.split("\n", 1)[0])


def _answer_is(text: str) -> str | None:
    ends = [match.end() for match in _ANSWER_IS.finditer(text)]
    if not ends:
        return None
    rest = text[ends[-1] : ends[-1] + 2 * MAX_ANSWER].lstrip()
    end = _SENTENCE_END.search(rest)
    return _clean(rest[: end.start()] if end else rest)


def _last_number(text: str) -> FoundAnswer | None:
    found = None
    for match in _NUMBER.finditer(text[-_LAST_NUMBER_WINDOW:]):
        if any(c.isdigit() for c in match[0]):
            found = match[0]
    return FoundAnswer(found, "last_number") if found else None


def _clean(answer: str) -> str:
    """Without Markdown emphasis and the sentence's own full stop."""
    answer = answer.strip().strip("*_").strip()
    return answer[:-1].rstrip() if answer.endswith(".") else answer
