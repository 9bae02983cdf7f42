"""How alike two answers are. SAME and DIFFERENT are shown; UNCLEAR is what people grade both ways
(0.67 for 2/3, [1,2] for (1,2)); UNKNOWN is what a computer algebra system may still decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Sameness(Enum):
    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"


SAME, DIFFERENT, UNCLEAR, UNKNOWN = Sameness


def all_of(found: Iterable[Sameness]) -> Sameness:
    """SAME when every one is, DIFFERENT when any one is."""
    seen = set(found)
    for one in (DIFFERENT, UNCLEAR, UNKNOWN):
        if one in seen:
            return one
    return SAME


def any_of(found: Iterable[Sameness]) -> Sameness:
    seen = set(found)
    for one in (SAME, UNKNOWN, UNCLEAR):
        if one in seen:
            return one
    return DIFFERENT
