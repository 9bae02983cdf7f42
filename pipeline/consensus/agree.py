"""Keep a solution only where independent witnesses name the same first error.

The consensus filter of "The Lessons of Developing Process Reward Models" (Zhang et al. 2025, arXiv
2501.07301), with executed checks as a veto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.consensus.labels import label_of, objection, set_aside
from pipeline.records import Label, Solution, Verdict


def agree(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """The label of one solution, or a label without a first error and the reason. A single witness
    lends it its confidence; that of several who agree is not known."""
    for name in witnesses:
        if name not in verdicts:
            return set_aside(solution, verdicts, f"{name}: no verdict yet")
        if not verdicts[name].decided:
            return set_aside(solution, verdicts, f"{name}: {verdicts[name].reason}")
    named = {verdicts[name].first_error for name in witnesses}
    if len(named) != 1:
        return set_aside(solution, verdicts, "disagree: " + " and ".join(witnesses))
    first_error = named.pop()
    assert first_error is not None
    if reason := objection(solution, verdicts, vetoes, first_error):
        return set_aside(solution, verdicts, reason)
    confidence = verdicts[witnesses[0]].confidence if len(witnesses) == 1 else None
    return label_of(solution, verdicts, first_error, witnesses, confidence)
