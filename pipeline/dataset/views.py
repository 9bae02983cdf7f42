"""The views by name. A new one is a file in this folder that holds a `VIEW`, and a line here."""

from __future__ import annotations

from typing import cast

from pipeline.dataset.view import View
from pipeline.registry import load_named

VIEWS = {
    "stepwise": "pipeline.dataset.stepwise:VIEW",
    "first_error": "pipeline.dataset.first_error:VIEW",
    "evidence": "pipeline.dataset.evidence:VIEW",
}


def load_view(name: str) -> View:
    """The view of that name. Raises ConfigError with the nearest known name."""
    return cast(View, load_named("dataset view", name, VIEWS))
