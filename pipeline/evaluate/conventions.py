"""How benchmarks and training sets name the first error, each turned into ours at the door and back.

Ours is ProcessBench's: 0-based, -1 where no step is wrong. What another convention can't have meant is
refused, not guessed: a 0 among 1-based labels says that they are not 1-based.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import ConfigError
from pipeline.forms import FORMS, ReadForm, as_it_stands
from pipeline.records import NO_ERROR

_FAR = 1_000_000
"""No solution has so many steps."""
_NUMBER = re.compile(r"\s*-?[0-9]{1,6}\s*")
_NONE_WORDS = ("n/a", "na", "none", "-1")


class Convention(NamedTuple):
    """`column`: where such files have it. `read(value, steps)` gives our first error and raises
    ValueError with what would be right; `steps` is None where the row has none. `write(first_error,
    steps)` is its inverse. `form` finds problem, steps and that column in a row (`pipeline.forms`)."""

    about: str
    column: str
    read: Callable[[Any, int | None], int]
    write: Callable[[int, int], Any]
    form: ReadForm = as_it_stands


def from_processbench(value: Any, steps: int | None = None) -> int:
    found = _whole(value)
    if found < NO_ERROR:
        raise ValueError(f"is {found}; it should be -1 (no error) or the 0-based first wrong step")
    return _inside(found, steps)


def to_processbench(first_error: int, steps: int) -> int:
    return first_error


def from_one_based(value: Any, steps: int | None = None) -> int:
    """-1, "N/A" (MR-GSM8K) or an empty list (PRMBench) is no error; of a list the first wrong step."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        numbers = [_whole(one) for one in value]
        if any(number < 1 for number in numbers):
            raise ValueError(f"lists step {min(numbers)}; 1-based steps begin with 1")
        return _inside(min(numbers) - 1, steps) if numbers else NO_ERROR
    if isinstance(value, str) and value.strip().lower() in _NONE_WORDS:
        return NO_ERROR
    found = _whole(value)
    if found == NO_ERROR:
        return NO_ERROR
    if found < 1:
        raise ValueError(f"is {found}; 1-based steps begin with 1: is this file 0-based?")
    return _inside(found - 1, steps)


def to_one_based(first_error: int, steps: int) -> int:
    return NO_ERROR if first_error == NO_ERROR else first_error + 1


def from_prm800k(value: Any, steps: int | None = None) -> int:
    """The first step rated -1; 0 is neutral, no error. Ratings may end there, or go on for nothing."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError("should be a list of ratings, one of -1, 0, 1 for each step")
    for place, rating in enumerate(value):
        if isinstance(rating, bool) or rating not in (-1, 0, 1):
            raise ValueError(f"has {rating!r} for step {place}; a rating is -1, 0 or 1")
        if rating == -1:
            return _inside(place, steps)
    if not value or (steps is not None and len(value) != steps):
        raise ValueError(f"has {len(value)} ratings without a -1, for {steps or 'no'} steps")
    return NO_ERROR


def to_prm800k(first_error: int, steps: int) -> list[int]:
    """Rows end at the first error."""
    return [1] * steps if first_error == NO_ERROR else [1] * first_error + [-1]


_RIGHT = (True, 1, "+")
_WRONG = (False, 0, "-")


def from_stepwise(value: Any, steps: int | None = None) -> int:
    """The first step labelled wrong; labels may end there, or go on for nothing. What is unknown before
    it (null) leaves the first error unknown."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError("should be a list of labels, true or false for each step")
    for place, label in enumerate(value):
        if isinstance(label, bool | int | float | str) and label in _WRONG:
            return _inside(place, steps)
        if not isinstance(label, bool | int | float | str) or label not in _RIGHT:
            raise ValueError(f"has {label!r} for step {place}; a label is true or false, or + or -")
    if not value or (steps is not None and len(value) != steps):
        raise ValueError(f"has {len(value)} labels, none wrong, for {steps or 'no'} steps")
    return NO_ERROR


def to_stepwise(first_error: int, steps: int) -> list[bool]:
    """Rows end at the first error."""
    return [True] * steps if first_error == NO_ERROR else [True] * first_error + [False]


def _stepwise(about: str, name: str) -> Convention:
    return Convention(about, "labels", from_stepwise, to_stepwise, FORMS[name])


def _in_form(about: str, name: str) -> Convention:
    """Of a form that is read into ProcessBench's numbering."""
    return Convention(about, "label", from_processbench, to_processbench, FORMS[name])


CONVENTIONS: Mapping[str, Convention] = {
    "processbench": Convention("0-based, -1 none", "label", from_processbench, to_processbench),
    "one_based": Convention(
        "1-based, -1, N/A or [] none (MR-GSM8K, PRMBench)", "label", from_one_based, to_one_based
    ),
    "prm800k": Convention(
        "a rating of -1, 0 or 1 for each step (PRM800K)",
        "ratings",
        from_prm800k,
        to_prm800k,
        FORMS["prm800k"],
    ),
    "stepwise": _stepwise("true or false for each completion (TRL)", "stepwise"),
    "math_shepherd": _stepwise(
        "+ or - where input has a step tag (Math-Shepherd)", "math_shepherd"
    ),
    "rlhflow": _stepwise("+ or - after each step of a conversation (RLHFlow)", "rlhflow"),
    "critique": _in_form("a critique that ends with the first wrong step", "critique"),
    "preference": _in_form("the rejected step after a prefix", "preference"),
}


def convention(name: str) -> Convention:
    """Raises ConfigError with the names there are."""
    if name not in CONVENTIONS:
        raise ConfigError(f"unknown convention {name!r}; known are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def _whole(value: Any) -> int:
    """A number without a fraction. Parquet of a column with gaps holds 3.0 for 3."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -_FAR < value < _FAR or value != int(value):
        raise ValueError("should be a whole number: the index of the first wrong step")
    return int(value)


def _inside(first_error: int, steps: int | None) -> int:
    if steps is not None and first_error >= steps:
        raise ValueError(
            f"names step {first_error} counted from 0, but the row has {steps} steps; is the "
            "convention right?"
        )
    return first_error
