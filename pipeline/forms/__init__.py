"""The forms in which published data sets hold step-labelled solutions, each read into ours.

`FORMS` names for each form a function from a row as it stands to the row with `problem`, `steps` and its
labels; how labels count is a convention's matter (`pipeline.evaluate.conventions`). The texts that a form
wraps steps in are written by the dataset views with the functions beside their readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.errors import ConfigError
from pipeline.forms.critique import read_critique
from pipeline.forms.math_shepherd import read_math_shepherd
from pipeline.forms.preference import read_preference
from pipeline.forms.prm800k import read_prm800k
from pipeline.forms.rlhflow import read_rlhflow
from pipeline.forms.stepwise import read_stepwise
from pipeline.inputs.rows import Row

ReadForm = Callable[[Row], Row]
"""Adds `problem`, `steps` and the labels to a row. Raises FieldFault with what would be right."""


def as_it_stands(row: Row) -> Row:
    return row


FORMS: Mapping[str, ReadForm] = {
    "processbench": as_it_stands,
    "one_based": as_it_stands,
    "prm800k": read_prm800k,
    "stepwise": read_stepwise,
    "math_shepherd": read_math_shepherd,
    "rlhflow": read_rlhflow,
    "critique": read_critique,
    "preference": read_preference,
}


def form(name: str) -> ReadForm:
    """Raises ConfigError with the names there are."""
    if name not in FORMS:
        raise ConfigError(f"unknown form {name!r}; known are {', '.join(FORMS)}")
    return FORMS[name]


__all__ = ["FORMS", "ReadForm", "as_it_stands", "form"]
