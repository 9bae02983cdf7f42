"""Take what the first witness says, unless a veto contradicts it: for one strong witness and executed
checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.consensus.agree import agree
from pipeline.records import Label, Solution, Verdict


def veto(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """Every other witness is one more veto."""
    return agree(solution, verdicts, witnesses[:1], (*witnesses[1:], *vetoes))
