r"""What a text concludes with, where it states no answer: "So she has 5 left", "the sum is $x+1$".

Only the last sentence is read, and only one that concludes: by a word (so, donc, 因此) or by ending
with "is", "=" or ":" and a value. A number or a formula in passing is no answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.grading.reading import is_value
from pipeline.grading.units import unit_of

MAX_MARKER = 60
WINDOW = 2000

_LETTER = r"[^\W\d_\u3000-\u9fff\uac00-\ud7af]"
"""Of a script with spaces between words: a number may stand right beside others."""
NUMBER = re.compile(
    rf"(?<!{_LETTER})(?<![\d_.,])-?\$?-?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)?(?:\.\d+)?(?:/\d+)?%?"
    rf"(?!{_LETTER}|[\d_]|[.,]\d)"
)
_DIGIT = re.compile(r"\d")
_UNIT = re.compile(r" (?!(?:of|in|times|more|less|to|if|and|or|by)\b)[A-Za-z]{2,20}(?=[\s,;]|$)")
_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?:[.?]|(?<!\d)!)(?=\s|$)|[。！？؟]|\n"
)
"""5! at the end may be a factorial."""
_STOPS = re.compile(r"(?:[.。]|(?<!\d)!)+\Z")
_MARKUP = re.compile(r"<<[^<>\n]*>>|\*\*|\\[()\[\]]|\\(?=[$%])")
"""Calculator notes of GSM8K (<<2*3=6>>), emphasis, and the borders of formulas."""
_WORDS = (
    r"\b(?:so|thus|therefore|hence|in conclusion|donc|ainsi|en conclusion|por lo tanto|entonces|portanto|"
    r"quindi|also|daher|somit|итак|значит|следовательно|поэтому)\b|因此|所以|故|总之|よって|したがって|"
    r"لذا|إذن|لذلك"
)
_CONCLUSION = re.compile(rf"(?<![!<>])=|{_WORDS}", re.I)
_CONCLUDES = re.compile(_WORDS, re.I)
_NOT_PLAIN = re.compile(
    r"[\d\\^_+*/<>!≠≈≤≥±√?]|-\s|\b(?:is|are) not\b|n['’]t\b|cannot|\b(?:wrong|incorrect|if|unless|or)\b",
    re.I,
)
"""Beside the number: algebra, more numbers, a denial, a condition."""
_ENDS_WITH = re.compile(
    r"(?:\b(?:is|est|es|ist|é|è)\b|[=为是])\s{0,3}(-?\$?\d[\d,]{0,20}(?:\.\d{1,20})?(?:/\d{1,20})?%?)"
    r"([^\W\d_]{0,12})([²³]?)\s{0,3}\Z",
    re.I,
)
_LISTED = re.compile(
    r"(?:=|\b(?:is|are|be)\b)[^=]{0,100}?(?:[,;]\s|\b(?:and|or|et|und)\b)(?!\s*which\b)"
    r"(?:[^=\d]|(?<=[A-Za-z_{])\d){1,60}?(?:=|\b(?:is|are)\b)"
)
"""x = 5 and y = 6: two values, each with its name, where 3 + 4 = 7, 7 * 2 = 14 is a computation."""
_NO_COUNT = re.compile(r"\s*(?:there|it)\b", re.I)
_BOLD = re.compile(r"\*\*([^*\n]{1,100})\*\*")
_CJK_UNIT = re.compile(r"(?<=[\d)}%])\s?[\u3040-\u9fff\uac00-\ud7af]{1,8}\Z")
_FORMULA = re.compile(r"\$([^$\n]{1,300})\$|\\\(([^\n]{1,300}?)\\\)")
_BEFORE_FORMULA = re.compile(r"(?:\b(?:is|are|be)|[=:])\s{0,3}\Z", re.I)
_AFTER_FORMULA = re.compile(r"\s{0,3}is (?:our|the) (?:final )?(?:answer|solution)\b", re.I)
_CHOICE = re.compile(r"\b(?:is|it['’]s|be|choose|pick|option|choice)\s{1,3}\(?([A-J])\)?\Z")
_HOPE = re.compile(r"\s{0,3}I hope (?:it|this|that|the) \w{1,10}[^\n.\d]{0,60}\.?\s{0,3}\Z")
_CIRCUMSTANCE = re.compile(
    r"(?:\b(?:in|after|over|within|for|every|per|dans|après|pendant|en)\b|\bd['’]ici)\s"
    r"\d{1,6}\s(?:second|minute|hour|day|week|month|year|heure|jour|semaine|mois|an)[a-z]{0,2}\b",
    re.I,
)


class Concluded(NamedTuple):
    text: str
    rule: str


def without_ending(text: str) -> str:
    """Without a chat template's token, and the role, that a sampler left at the end, and without the hope
    that it is right."""
    return _HOPE.sub("", _without_marker(text))


def _without_marker(text: str) -> str:
    at = text.rfind("<|", max(0, len(text) - MAX_MARKER))
    if at >= 0 and re.fullmatch(
        r"<\|\w{1,30}\|>\s{0,3}(?:user|assistant|system)?\s{0,3}", text[at:]
    ):
        return text[:at]
    return text


def concluded_answer(text: str) -> Concluded | None:
    """What the last sentence concludes with, or None."""
    window = text[-WINDOW:].rstrip()
    raw = window.rpartition("\n")[2].strip()
    line = _MARKUP.sub("", window).rstrip().rpartition("\n")[2].strip()
    if NUMBER.fullmatch(line):
        return Concluded(line, "last_number") if _DIGIT.search(line) else None
    sentence = _last_sentence(raw)
    for rule, answer in (
        ("last_bold", _bold(sentence)),
        ("last_formula", _formula(sentence)),
        ("last_number", _number(_last_sentence(line))),
        ("last_choice", _choice(sentence)),
    ):
        if answer:
            return Concluded(answer, rule)
    return None


def number_said(sentence: str) -> str | None:
    """The one number of a plain sentence; "in 12 months" beside another is a circumstance."""
    found = _only_number(sentence)
    return found or _only_number(_CIRCUMSTANCE.sub("", sentence))


def without_cjk_unit(answer: str) -> str:
    """Without the counter that follows a number in Chinese, Japanese or Korean."""
    return _CJK_UNIT.sub("", answer)


def _last_sentence(line: str) -> str:
    return _SENTENCE_END.split(_STOPS.sub("", line))[-1]


def _bold(sentence: str) -> str | None:
    spans = _BOLD.findall(sentence)
    if len(spans) != 1 or not _CONCLUDES.search(sentence):
        return None
    answer = without_cjk_unit(spans[0].strip())
    return answer if _DIGIT.search(answer) and is_value(answer) else None


def _formula(sentence: str) -> str | None:
    """The last formula, where the sentence ends with it or calls it the answer."""
    matches = list(_FORMULA.finditer(sentence))
    if not matches:
        return None
    last = matches[-1]
    before, after = sentence[: last.start()], sentence[last.end() :]
    leads = _BEFORE_FORMULA.search(before) or (_CONCLUDES.search(before) and len(matches) == 1)
    if not (_AFTER_FORMULA.match(after) or (leads and not after.strip(" .*"))):
        return None
    answer = (last[1] or last[2]).strip()
    return answer if is_value(answer) else None


def _number(sentence: str) -> str | None:
    concluding = [match.end() for match in _CONCLUDES.finditer(sentence)]
    if _LISTED.search(sentence, concluding[-1] if concluding else 0):
        return None
    ends = [match.end() for match in _CONCLUSION.finditer(sentence)]
    if ends and (answer := _only_number(sentence[ends[-1] :])):
        return answer
    return _ends_with_number(sentence)


def _only_number(text: str) -> str | None:
    numbers = [match for match in NUMBER.finditer(text) if _DIGIT.search(match[0])]
    if len(numbers) != 1 or _NOT_PLAIN.search(NUMBER.sub("", text)):
        return None
    start, stop = numbers[0].span()
    unit = _UNIT.match(text, stop)
    return text[start : unit.end() if unit else stop]


def _ends_with_number(sentence: str) -> str | None:
    """ "… which is 1,000.99 m²", "比例为13/28": the value that a sentence ends with."""
    match = _ENDS_WITH.search(sentence[-200:])
    if match is None or _NO_COUNT.match(sentence):
        return None
    number, glued, power = match.groups()
    if glued.isascii() and glued and not power and unit_of(glued) is None:
        return None
    return number


def _choice(sentence: str) -> str | None:
    match = _CHOICE.search(sentence) if _CONCLUDES.search(sentence) else None
    return match[1] if match else None
