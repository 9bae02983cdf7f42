"""Keep what more than half of the witnesses name; executed checks may veto it, as in `agree`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.consensus.labels import label_of, objection, set_aside
from pipeline.records import Label, Solution, Verdict


def majority(
    solution: Solution,
    verdicts: Mapping[str, Verdict],
    witnesses: Sequence[str],
    vetoes: Sequence[str],
) -> Label:
    """Witnesses that are undecided count as naming nothing: half of those asked must be passed."""
    named = Counter(
        verdicts[name].first_error
        for name in witnesses
        if name in verdicts and verdicts[name].decided
    )
    first_error, count = named.most_common(1)[0] if named else (None, 0)
    if first_error is None or 2 * count <= len(witnesses):
        return set_aside(solution, verdicts, "no majority of the witnesses names the same step")
    if reason := objection(solution, verdicts, vetoes, first_error):
        return set_aside(solution, verdicts, reason)
    agreed = tuple(name for name in witnesses if _names(verdicts, name, first_error))
    return label_of(solution, verdicts, first_error, agreed)


def _names(verdicts: Mapping[str, Verdict], name: str, first_error: int) -> bool:
    return name in verdicts and verdicts[name].first_error == first_error
