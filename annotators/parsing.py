"""A judge's text -> what it says of the steps; what is not clearly said is a missing vote.

A reading is a first error, after which the judge says nothing (-1: every step is right), or the set
of wrong steps, where the judge spoke of each step. Both are 0-based: a prompt whose answers count from
1 says `index_from: 1`, and its parser is called with `first=1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from pipeline.errors import ConfigError
from pipeline.judge_text import answer_of, last_object
from pipeline.prompts import PromptTemplate
from pipeline.records import NO_ERROR
from pipeline.registry import load_named

Reading = int | frozenset[int]
Parser = Callable[[str, Sequence[str]], "Reading | None"]
"""(the judge's text, the solution's steps) -> a reading, None where it can't be read."""

PARSERS = {
    "any_text": "annotators.parsing:any_text",
    "boxed_index": "annotators.parsing:boxed_index",
    "boxed_verdict": "annotators.parsing:boxed_verdict",
    "json_first_error": "annotators.parsing:json_first_error",
    "json_steps": "annotators.parsing:json_steps",
    "tinymath": "pipeline.testbed.judge_format:parse_check",
}

_BOXED = r"\\boxed\s{0,9}\{\s{0,9}(?:\\text\{\s{0,9})?(%s)\s{0,9}\}{1,2}"
_INDEX = re.compile(_BOXED % r"-?\d{1,6}")
_VERDICT = re.compile(_BOXED % "right|wrong")
_TAG = re.compile(r"</[a-z]{1,20}>")
_SAYS_MORE = re.compile(r"[^\W_]|[\"'“”‘’«»?]")
"""A word goes on from the box, or asks; a quotation mark says that the box is someone else's."""
_NOT_IT = re.compile(r"(?:\b(?:not|never|rather than|instead of)|n['’]t)[\s$*(\[\\]*\Z", re.I)
_ALL_RIGHT = re.compile(
    r"(?<!\bnot )(?<!\bif )(?<!\bwhether )(?<!\bunless )"
    r"\b(?:all|every|each)(?:\s(?:of|the|these|one|single|\d{1,3})){0,3}\s(?:steps?|paragraphs?)\s"
    r"(?:is|are|seems?|looks?)\s(?:(?!not\b)\w+\s)?(?:right|correct|valid|fine|sound|accurate|true)\b"
    r"(?!\W{0,3}(?:except|but|until|up|before|apart|other|save|so far)\b)",
    re.I,
)
_COUNTS = re.compile(
    r"\b(?:count|number|index)\w*\s(?:(?:the|them|steps|up)\s){0,2}(?:from|at)\s([01]|zero|one)\b(?!\sto\b)"
    r"|\b([01]|zero|one)-(?:based|indexed)\b",
    re.I,
)


def any_text(text: str, steps: Sequence[str], first: int = 0) -> frozenset[int] | None:
    """Any answer that is not blank can be read; it names no step. For texts that another prompt shows."""
    return frozenset() if answer_of(text).strip() else None


def boxed_index(text: str, steps: Sequence[str], first: int = 0) -> int | None:
    r"""The \boxed{index} that the answer ends in, -1 for "no error" (ProcessBench's prompt,
    arXiv 2412.06559).

    Thoughts before </think> don't count. No vote: a last box that holds no index of the solution,
    one that is denied, words after it, or another box with something else in it on the same line. Boxes
    on earlier lines may be quoted from the solution.
    """
    said = _last_box(text, _INDEX)
    return None if said is None else _first_error(int(said), steps, first, answer_of(text))


def boxed_verdict(text: str, steps: Sequence[str], first: int = 0) -> int | None:
    r"""\boxed{right} or \boxed{wrong} at the answer's end, of the last of `steps` alone (ThinkPRM
    boxes a verdict a step, arXiv 2504.16828)."""
    said = _last_box(text, _VERDICT)
    if said is None:
        return None
    return len(steps) - 1 if said == "wrong" else NO_ERROR


def json_first_error(text: str, steps: Sequence[str], first: int = 0) -> int | None:
    """`first_error` of the JSON object that the answer is or ends in; -1 for none."""
    said = last_object(text).get("first_error")
    return _first_error(said, steps, first, answer_of(text)) if type(said) is int else None


def json_steps(text: str, steps: Sequence[str], first: int = 0) -> frozenset[int] | None:
    """Which steps are wrong by the JSON object that the answer is or ends in: `steps` has an entry for
    each step, in any order, with its number under `step` and `right` or `wrong` under `verdict`."""
    entries = last_object(text).get("steps")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None
    verdicts = {}
    for entry in entries:
        number, verdict = entry.get("step"), str(entry.get("verdict")).lower()
        if type(number) is not int or verdict not in ("right", "wrong"):
            return None
        verdicts[number - first] = verdict
    if len(entries) != len(steps) or verdicts.keys() != set(range(len(steps))):
        return None
    return frozenset(step for step, verdict in verdicts.items() if verdict == "wrong")


def make_parser(prompt: PromptTemplate) -> Parser:
    """The parser that a prompt names; it counts steps from where the prompt's answers do."""
    if prompt.parse is None:
        raise ConfigError(f"prompt {prompt.name}: a judge's prompt names its parser under `parse:`")
    parser = cast(
        "Callable[..., Reading | None]", load_named("judge parser", prompt.parse, PARSERS)
    )
    return partial(parser, first=prompt.index_from) if prompt.index_from else parser


def _first_error(said: int, steps: Sequence[str], first: int, answer: str) -> int | None:
    """A number that a judge gave, 0-based; None for a step that there is not, and where the answer says
    that every step is right, or that it counts otherwise. -1 is "no error" by either way of counting."""
    if said == NO_ERROR:
        return NO_ERROR
    counts = {(found[1] or found[2]).lower() in ("1", "one") for found in _COUNTS.finditer(answer)}
    if _ALL_RIGHT.search(answer) or (counts and bool(first) not in counts):
        return None
    index = said - first
    return index if 0 <= index < len(steps) else None


def _last_box(text: str, pattern: re.Pattern[str]) -> str | None:
    answer = answer_of(text)
    last = answer.rfind("\\boxed")
    if last < 0:
        return None
    line = answer[answer.rfind("\n", 0, last) + 1 :]
    boxes = list(pattern.finditer(line))
    said = {box[1] for box in boxes}
    if len(boxes) != line.count("\\boxed") or len(said) != 1:
        return None
    if any(_NOT_IT.search(line, 0, box.start()) for box in boxes):
        return None
    if _SAYS_MORE.search(_TAG.sub("", line[boxes[-1].end() :])):
        return None
    return said.pop()
