"""What a view is, and which there are: the columns that one kind of reader wants, derived from
annotated solutions. A view's module is imported only when it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.columns import EVERYTHING, Joined, Reads
from pipeline.errors import ConfigError
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Solution
from pipeline.registry import load_named

VIEWS = {
    "stepwise": "pipeline.dataset.stepwise:VIEW",
    "first_error": "pipeline.dataset.first_error:VIEW",
    "soft": "pipeline.dataset.soft:VIEW",
    "math_shepherd": "pipeline.dataset.math_shepherd:VIEW",
    "rlhflow": "pipeline.dataset.rlhflow:VIEW",
    "prm800k": "pipeline.dataset.prm800k:VIEW",
    "critique": "pipeline.dataset.critique:VIEW",
    "preference": "pipeline.dataset.preference:VIEW",
    "evidence": "pipeline.dataset.evidence:VIEW",
}

Rows = Iterator[dict[str, Any]]

LABELLED_STEPS = Reads(solution=frozenset({"question", "steps"}), label=frozenset({"first_error"}))
"""What `labelled_steps` and the problem's text need."""

NO_LABEL = "no label"
NO_STEPS = "no steps"


def no_rows(item: Annotated) -> Rows:
    return iter(())


def without_label(item: Annotated) -> str:
    """Why a view of labelled solutions has none of this one."""
    return NO_STEPS if item.label is not None and item.label.kept else NO_LABEL


@dataclass(frozen=True)
class View:
    """`features` are `datasets.Features`; `rows` gives none, one or several rows of a solution. `reads`: the
    columns that it looks at; no others are read from the disk.

    `name` is the folder and the configuration's name. `about` and `columns` go into the card: what
    the view is for, and what each column means (a key for each feature). `use`: Python that reads or
    trains with it, where the split is called `rows`. `why_none` says why `rows` gave none of a solution;
    the card counts it. `of_problem`, where it is there, gives further rows of several solutions to one
    problem. `table` gives, in place of `rows`, the rows of a whole batch as Arrow has them, for a view that
    reshapes columns; with each solution's reason to be left out. `audits`: every solution is here, those too
    that a selection leaves out. Raise `version` when rows change, so that a dataset is written anew.
    """

    name: str
    about: str
    features: Any
    columns: dict[str, str]
    rows: Callable[[Annotated], Rows] = no_rows
    version: int = 1
    use: str = ""
    why_none: Callable[[Annotated], str] = without_label
    of_problem: Callable[[Sequence[Annotated]], Rows] | None = None
    table: Callable[[Joined, Sequence[str | None]], pa.RecordBatch] | None = None
    reads: Reads = EVERYTHING
    audits: bool = False


def load_view(name: str) -> View:
    """The view of that name, or `module:attribute` of yours. Raises ConfigError."""
    view = load_named("dataset view", name, VIEWS)
    if not isinstance(view, View):
        raise ConfigError(f"dataset.views: {name} is a {type(view).__name__}, should be a View")
    if not view.name.replace("_", "").replace("-", "").isalnum():
        raise ConfigError(f"dataset.views: {name}: its name {view.name!r} can't name a folder")
    return view


def step_texts(solution: Solution) -> list[str]:
    """Steps as trainers want them: without the line breaks that part them, since trainers put in
    separators of their own."""
    return [step.strip("\r\n").rstrip() for step in solution.steps]


class Labelled(NamedTuple):
    """The steps of which something is known, up to and with the first wrong one."""

    steps: list[str]
    right: list[bool]


def labelled_steps(item: Annotated) -> Labelled | None:
    """None where the solution has no label or no steps. Only the last step can be a wrong one: what
    comes after the first error is unknown, so it is not there."""
    label = item.label
    if label is None or label.first_error is None or not item.solution.steps:
        return None
    steps = step_texts(item.solution)
    shown = steps if label.first_error == NO_ERROR else steps[: label.first_error + 1]
    return Labelled(shown, [index != label.first_error for index in range(len(shown))])
