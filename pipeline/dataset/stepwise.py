"""`stepwise`: what TRL's PRMTrainer reads (trl <= 1.13, as trl-lib/math_shepherd).

That trainer learns from `int(label)` of every step and has no value for "unknown", so a row stops
at the first error, and only solutions whose label is known are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasets import Features, List, Value

from pipeline.dataset.view import View, step_texts
from pipeline.join import Annotated
from pipeline.records import NO_ERROR


def rows(item: Annotated) -> Iterator[dict[str, Any]]:
    if item.label is None or item.label.first_error is None or not item.solution.steps:
        return
    first_error = item.label.first_error
    steps = step_texts(item.solution)
    shown = steps if first_error == NO_ERROR else steps[: first_error + 1]
    yield {
        "prompt": item.solution.question,
        "completions": shown,
        "labels": [index != first_error for index in range(len(shown))],
    }


VIEW = View(
    name="stepwise",
    about="For trainers of process reward models: TRL's `PRMTrainer` (trl 1.13 and older) and "
    "whatever reads `trl-lib/math_shepherd`. Only solutions with a known label; a row ends at the "
    "first wrong step, because nothing is known of the steps after it.",
    features=Features(
        {
            "prompt": Value("string"),
            "completions": List(Value("string")),
            "labels": List(Value("bool")),
        }
    ),
    columns={
        "prompt": "the problem",
        "completions": "the steps, up to and with the first wrong one",
        "labels": "for each of these steps: true when it is right; only the last can be false",
    },
    rows=rows,
)
