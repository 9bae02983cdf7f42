r"""The final answer of a text: nested \boxed{}, ####, "Answer:", "the answer is", what it concludes with.

Each rule has a name that is kept beside the answer. Rules are tried in that order and, within a
rule, the last occurrence wins. Thoughts are read, for a stated answer, only where nothing follows
</think>. What is nowhere stated is told by `pipeline.grading.conclusion`. Every rule takes linear
time on any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipeline.grading.conclusion import (
    concluded_answer,
    number_said,
    without_cjk_unit,
    without_ending,
)
from pipeline.grading.notation import single_escaped
from pipeline.grading.reading import is_value

MAX_ANSWER = 1000
"""Longest answer kept, in characters: what is longer is no final answer."""

_BRACES = re.compile(r"\\(?:boxed|fbox)(?=\s?\{)|\\.|[{}]", re.S)
_BETWEEN_BOXES = re.compile(
    r"(?:[\s$,;.]|\\[()\[\]]|\\q?quad|\\text\{ ?and ?\}|and|or|[+=*-]{3,}|[A-Za-z]_?\w? ?=){1,40}"
)
_FINAL = re.compile(r"\bfinal answer\b", re.I)
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_HEADING = re.compile(
    r"\d{1,3}[.):]\s|(?:steps?|part|case|conclusion|solution|results?|verification|explanation|check|summary|"
    r"final|answer|total|calculations?|therefore|interpretation|analysis|reasoning|approach|note)\b",
    re.I,
)
_REMARK = re.compile(r"[a-z][a-z ,'’-]*")
_ANSWER_COLON = re.compile(
    r"(?:\b(?:answer|réponse|respuesta|resposta|risposta|antwort|ответ)|答案|答え|정답|الجواب|الإجابة)"
    r"[*_]{0,2}[ \t]{0,3}[:=：]|^answer[ \t]{0,3}(?=\$|\\[(\[])|^[ \t]{0,3}A[ \t]?:",
    re.I | re.M,
)
_ANSWER_IS = re.compile(
    r"\b(?:answer|réponse|respuesta|resposta|risposta|antwort)\b[^\n.:]{0,40}?"
    r"\b(?:is|est|es|é|è|ist)\b[ \t]{0,3}:?|答案(?:是|为)[:：]?|(?:الإجابة|الجواب)(?: النهائية)? ه[يو]\b|"
    r"(?:故|答案应?)选[:：]?(?=\s{0,3}[(（]?[A-J](?![A-Za-z]))",
    re.I,
)
_STATEMENT = re.compile(
    r"(?:The|It|There)\b[^\n.:,'’]{0,200}?\b(?:is|are)\b|[\u4e00-\u9fff]{1,40}?[是为]"
)
_PROSE = re.compile(r"(?:[^\W\d_]{2,}\W+){3}")
_DISPLAY = re.compile(r"\$\$([^$]+)\$\$|\\\[((?:[^\\]|\\[^\]])+)\\\]")
_EMPHASIS = re.compile(r"(?<![\w)*])\*\*(?=\S)([^*\n]{1,100})\*\*(?![\w*])")
_EXCLAIMED = re.compile(r"\d\$?!\Z")
_PART = re.compile(r"\bpart\s{0,3}\(?(?:[b-h]|ii+|iv|[2-9])\b|^[\s*]{0,5}\([b-h]\)", re.I | re.M)
_SENTENCE_END = re.compile(r"(?:[.?]|(?<!\d)!)(?=\s|$)|[。．！？]|\n")


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    text: str
    rule: str


class _Box(NamedTuple):
    """`part`: the last of several, each in a part of its own."""

    answer: str
    end: int
    part: bool


def find_answer(text: str) -> FoundAnswer | None:
    """The final answer of a model's text, or None."""
    thoughts, think, said = without_ending(text).rpartition("</think>")
    if think and not said.strip():
        return stated_answer(thoughts)
    return stated_answer(said) or (_unstated(said) if _last_box(said) is None else None)


def _unstated(text: str) -> FoundAnswer | None:
    """What a text says without calling it the answer: all that it is, or what it concludes with."""
    bare = text.strip()
    if "\n" not in bare and is_value(bare):
        return FoundAnswer(bare, "bare")
    concluded = concluded_answer(text)
    return FoundAnswer(*concluded) if concluded else None


@lru_cache(1024)  # a problem's solutions and rollouts come together
def gold_answer(text: str) -> str:
    """A gold answer as it is, or the final answer of a worked one (GSM8K: "… #### 18")."""
    found = stated_answer(text)
    return found.text if found else text.strip()


def stated_answer(text: str) -> FoundAnswer | None:
    """The answer that a text states as such."""
    text = _EMPHASIS.sub(r"\1", single_escaped(text))
    box = _last_box(text)
    if box and box.part:
        return None
    if box and (final := _FINAL.search(text, box.end)):
        later = stated_answer(text[final.start() :])
        if later and is_value(box.answer) and _REMARK.fullmatch(later.text):
            return None  # "the final answer is even" may say something of the box, or be the answer
        if later:  # the box was on the way to the final answer
            return later
    for rule, answer in (
        ("boxed", box and box.answer),
        ("hashes", _hashes(text)),
        ("answer_colon", _answer_colon(text)),
        ("answer_is", _answer_is(text)),
    ):
        if answer and rule.startswith("answer") and _EXCLAIMED.search(answer):
            return None  # 5! may be 120
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
    start = max(boxes[-2][1], boxes[-1][0] - MAX_ANSWER) if len(boxes) > 1 else boxes[-1][0]
    part = _PART.search(text, start, boxes[-1][0]) is not None
    return _Box(", ".join(dict.fromkeys(reversed(answers))), boxes[-1][1], part)


def _hashes(text: str) -> str | None:
    """GSM8K's mark. Markdown's of a heading is the same: one with text below it is no answer."""
    at = text.rfind("####")
    if at < 0:
        return None
    line = _HASHES.match(text, at)
    assert line is not None
    answer = _clean(line[1])
    return None if _HEADING.match(answer) and text[line.end() :].strip() else answer


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
    if _PROSE.search(line) and (number := number_said(_sentence(line))):
        return number  # "Answer: She has 3 apples left."
    return without_cjk_unit(_clean(line))


def _answer_is(text: str) -> str | None:
    ends = [match.end() for match in _ANSWER_IS.finditer(text)]
    if not ends:
        return None
    rest = text[ends[-1] : ends[-1] + 2 * MAX_ANSWER].lstrip()
    said = _sentence(rest)
    return None if rest[len(said) : len(said) + 1] in ("?", "？") else _clean(said)


def _sentence(text: str) -> str:
    """The text up to the end of its first sentence."""
    return _SENTENCE_END.split(text, maxsplit=1)[0]


def _clean(answer: str) -> str:
    """Without Markdown emphasis and the sentence's own full stop."""
    answer = answer.strip().strip("*_`").strip()
    return answer[:-1].rstrip() if answer.endswith(".") else answer
