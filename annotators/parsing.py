"""A judge's text -> the first error it names; what is not clearly said is a missing vote."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from pipeline.errors import ConfigError
from pipeline.records import NO_ERROR
from pipeline.registry import load_named

Parser = Callable[[str, int], "int | None"]
"""(the judge's text, number of steps) -> first error, -1 for none, None where it can't be read."""

PARSERS = {
    "boxed_index": "annotators.parsing:boxed_index",
    "tinymath": "pipeline.testbed.judge_format:parse_check",
}

_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?\s*(-?\d{1,6})\s*\}?\s*\}")


def boxed_index(text: str, n_steps: int) -> int | None:
    r"""The last \boxed{index}, 0-based, -1 for "no error" (ProcessBench's prompt, arXiv 2412.06559).

    Thoughts before </think> don't count; an index outside the solution is no vote.
    """
    found = _BOXED.findall(text.rpartition("</think>")[2])
    index = int(found[-1]) if found else None
    return index if index is not None and NO_ERROR <= index < n_steps else None


def make_parser(name: str | None, prompt: str) -> Parser:
    if name is None:
        raise ConfigError(f"prompt {prompt}: a judge's prompt names its parser under `parse:`")
    return cast(Parser, load_named("judge parser", name, PARSERS))
