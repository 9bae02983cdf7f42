"""One solution with all that is said of it, as plain data with a bounded length.

Rows are taken as their schemas have them, so a new field of a verdict arrives in the page by itself.
"""

from __future__ import annotations

import math
from typing import Any

from pipeline.join import Annotated

TEXT_CHARS = 20_000
SHORT_CHARS = 100
"""Names, statuses and the like: never cut, since the page goes by them."""
SOLUTION_CHARS = 300_000
MOST_ENTRIES = 2_000
_LEFT_OUT = ("token_ids",)


class Clip:
    """Plain data with long texts and lists cut; all but short texts together stay below `chars`."""

    def __init__(self, chars: int = SOLUTION_CHARS) -> None:
        self._left = chars

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, float):
            return round(value, 5) if math.isfinite(value) else None
        if isinstance(value, dict):
            return {key: self(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self(one) for one in value[:MOST_ENTRIES]]
        return value

    def _text(self, text: str) -> str:
        most = max(0, min(TEXT_CHARS, self._left))
        self._left -= min(len(text), most)
        if len(text) <= max(most, SHORT_CHARS):
            return str(text)
        return f"{text[:most]} … [{len(text) - most:,} more characters]"


def detail(item: Annotated, truth: int | None) -> dict[str, Any]:
    """`truth`: the true first error, None where it isn't known."""
    clip = Clip()
    solution = {k: v for k, v in item.solution.to_row().items() if k not in _LEFT_OUT}
    verdicts = [verdict.to_row() for verdict in item.verdicts.values()]
    found: dict[str, Any] = clip(
        {
            "solution": solution,
            "label": None if item.label is None else item.label.to_row(),
            "verdicts": verdicts,
            "truth": truth,
        }
    )
    found["steps"] = len(item.solution.steps)
    return found
