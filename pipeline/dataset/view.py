"""What a view is, and which there are: the columns that one kind of reader wants, derived from
annotated solutions. A view's module is imported only when it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConfigError
from pipeline.join import Annotated
from pipeline.records import Solution
from pipeline.registry import load_named

VIEWS = {
    "stepwise": "pipeline.dataset.stepwise:VIEW",
    "first_error": "pipeline.dataset.first_error:VIEW",
    "evidence": "pipeline.dataset.evidence:VIEW",
}


@dataclass(frozen=True)
class View:
    """`features` are `datasets.Features`; `rows` gives none, one or several rows of a solution.

    `name` is the folder and the configuration's name. `about` and `columns` go into the card: what
    the view is for, and what each column means (a key for each feature).
    """

    name: str
    about: str
    features: Any
    columns: dict[str, str]
    rows: Callable[[Annotated], Iterator[dict[str, Any]]]


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
