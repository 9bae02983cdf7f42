"""The runs of one name beside each other: what each brought, and whether the labels are still as good."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from flows.figures import percent
from pipeline.history import Record

SHOWN = 30
COMPARED = 7


class Night(NamedTuple):
    """A start, and what it added; None where the configuration before was another one."""

    record: Record
    solutions: int | None
    kept: int | None
    tokens: int | None

    @property
    def kept_share(self) -> float | None:
        """Of the solutions that are new."""
        if not self.solutions or self.kept is None:
            return None
        return self.kept / self.solutions


def nights(records: Sequence[Record]) -> list[Night]:
    found = [Night(r, r.solutions, r.kept, r.sampled_tokens) for r in records[:1]]
    for before, now in pairwise(records):
        if now.config == before.config and now.solutions >= before.solutions:
            new = (
                now.solutions - before.solutions,
                now.kept - before.kept,
                now.sampled_tokens - before.sampled_tokens,
            )
            found.append(Night(now, *new))
        else:
            found.append(Night(now, None, None, None))
    return found


def trend_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The newest first. `new` is what that start added to the folder."""
    return [
        {
            "run": night.record.finished,
            "new solutions": "–" if night.solutions is None else night.solutions,
            "kept of new": percent(night.kept_share),
            "all solutions": night.record.solutions,
            "kept of all": percent(_share(night.record)),
            "exact first error": "–" if night.record.exact is None else f"{night.record.exact:.3f}",
            "solve rate": percent(night.record.solve_rate),
            "new tokens": "–" if night.tokens is None else night.tokens,
            "faults": night.record.faults,
            "configuration": night.record.config[:8],
        }
        for night in reversed(nights(records)[-SHOWN:])
    ]


def trend_line(records: Sequence[Record]) -> str:
    """The newest against those before it, in one line."""
    shares = [(n.solutions, n.kept_share) for n in nights(records)]
    if not shares:
        return "no finished run"
    new, share = shares[-1]
    if new == 0:
        return "nothing new to label"
    if new is None or share is None:
        return "labelled under another configuration than the run before"
    said = f"{percent(share)} of {new} new solutions kept"
    before = [s for _, s in shares[:-1] if s is not None][-COMPARED:]
    if before:
        said += f"; median of the {len(before)} before: {percent(median(before))}"
    return said


def _share(record: Record) -> float | None:
    return record.kept / record.solutions if record.solutions else None
