"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """NOTE: something works less well, or only a part of steplabel needs it. MISSING: what every
    run needs, or what was asked for (such as a server named in the environment), is not there."""

    what: str
    state: State
    detail: str
    cure: str = ""
