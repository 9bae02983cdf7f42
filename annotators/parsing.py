"""A judge's text -> the first error it names; what is not clearly said is a missing vote."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

from pipeline.errors import ConfigError
from pipeline.records import NO_ERROR
from pipeline.registry import load_named

Parser = Callable[[str, Sequence[str]], "int | None"]
"""(the judge's text, the solution's steps) -> first error, -1 for none, None where it can't be read."""

PARSERS = {
    "boxed_index": "annotators.parsing:boxed_index",
    "tinymath": "pipeline.testbed.judge_format:parse_check",
}

_INDEX = re.compile(r"\\boxed\s{0,9}\{\s{0,9}(?:\\text\{\s{0,9})?(-?\d{1,6})\s{0,9}\}{1,2}")
_TAG = re.compile(r"</[a-z]{1,20}>")
_SAYS_MORE = re.compile(r"[^\W_]|[\"'“”‘’«»]")
"""A word goes on from the box; a quotation mark says that the box is someone else's."""


def boxed_index(text: str, steps: Sequence[str]) -> int | None:
    r"""The \boxed{index} that the answer ends in, 0-based, -1 for "no error" (ProcessBench's prompt,
    arXiv 2412.06559).

    Thoughts before </think> don't count. No vote: a last box that holds no index of the solution,
    words after it, or another box with something else in it on the same line. Boxes on earlier lines
    may be quoted from the solution.
    """
    answer = text.rpartition("</think>")[2]
    last = answer.rfind("\\boxed")
    if last < 0:
        return None
    line = answer[answer.rfind("\n", 0, last) + 1 :]
    boxes = list(_INDEX.finditer(line))
    indices = {int(box[1]) for box in boxes}
    if len(boxes) != line.count("\\boxed") or len(indices) != 1:
        return None
    if _SAYS_MORE.search(_TAG.sub("", line[boxes[-1].end() :])):
        return None
    index = indices.pop()
    return index if NO_ERROR <= index < len(steps) else None


def make_parser(name: str | None, prompt: str) -> Parser:
    if name is None:
        raise ConfigError(f"prompt {prompt}: a judge's prompt names its parser under `parse:`")
    return cast(Parser, load_named("judge parser", name, PARSERS))
