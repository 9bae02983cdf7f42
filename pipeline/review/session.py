"""One reviewer's way through a run: what to ask next, what was decided, and how far reviewers agree.

What others named is left out, but for a share `SHARED` of the solutions, chosen by content, that
everybody gets: so many tell how far people agree, and the rest of their time isn't spent twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import InputError
from pipeline.evaluate.agreement import cohen, fleiss
from pipeline.evaluate.panel import UNDECIDED
from pipeline.evaluate.resample import Bootstrap
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, content_hash
from pipeline.report.detail import Clip
from pipeline.review.decisions import (
    Decision,
    Kind,
    Standing,
    decisions_of,
    last_of,
    reviewers,
    standing,
)
from pipeline.review.order import Drawn
from pipeline.run_folder import RunFolder

SHARED = 0.2
MOST_SECONDS = 3600.0
"""Kept of the time that a decision took: more is a page left open."""
_SHOWN = (
    "id",
    "problem_id",
    "question",
    "gold",
    "steps",
    "answer",
    "outcome",
    "level",
    "reference",
)


class Agreement(NamedTuple):
    """Of two or more reviewers: `kappa` is Cohen's of two and Fleiss' of more, over the `both` solutions
    that all of them named a first error of; None where it can't be told."""

    who: tuple[str, ...]
    both: int
    same: int
    kappa: float | None


class Session:
    """`items`: the solutions that may be asked for; `order`: all of them."""

    def __init__(
        self,
        run: RunFolder,
        reviewer: str,
        items: Sequence[Annotated],
        order: Sequence[Drawn],
        count: int,
    ) -> None:
        self._folder = run.reviews
        self._reviewer = reviewer
        self._mine = decisions_of(run.reviews, reviewer)
        self._items = {item.solution.id: item for item in items}
        self._order = order
        self._times = {one.solution_id: one.times for one in order}
        self._count = count

    def state(self, solution_id: str | None = None) -> dict[str, Any]:
        """What the page shows: progress, agreement, and the next solution, or the one that is named.
        Raises InputError for one that isn't here."""
        rows = self._mine.rows()
        mine = standing(rows)
        said = reviewers(self._folder)
        others = {name: of for name, of in said.items() if name != self._reviewer}
        queue = list(self._queue(mine, others))
        left = [one for one in queue if one not in mine]
        current = solution_id or (left[0] if left else None)
        return {
            "reviewer": self._reviewer,
            "done": len(queue) - len(left),
            "count": len(queue),
            "unsure": sum(of.kind is Kind.UNSURE for of in mine.values()),
            "others": sorted(others),
            "agreement": [one._asdict() for one in agreements(said)],
            "rows": len(rows),
            "can_undo": last_of(rows) is not None,
            "solution": None if current is None else self._shown(current),
        }

    def _queue(self, mine: Standing, others: Mapping[str, Standing]) -> Iterator[str]:
        taken = {
            one for of in others.values() for one, said in of.items() if said.kind is Kind.NAMED
        }
        most = self._count
        for one in self._order:
            if most == 0:
                return
            if one.solution_id in mine or one.solution_id not in taken or shared(one.solution_id):
                most -= 1
                yield one.solution_id

    def decide(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a decision of the page, durably, and say what is next. What was sent twice, or from a page
        that another one has overtaken (there are not the `rows` that it knew), is `stale` and not kept.
        Raises InputError where it is none."""
        kept = self._mine.append(self._checked(raw), _known(raw))
        return self.state() | {"stale": not kept}

    def undo(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Take the last decision back, and show its solution again; nothing where there is none, or where
        the page is `stale`, as in `decide`."""
        last = last_of(self._mine.rows())
        if last is None:
            return self.state() | {"stale": False}
        taken_back = Decision(last.solution_id, Kind.UNDO, None, last.drawn, False, 0.0, _now())
        if not self._mine.append(taken_back, _known(raw)):
            return self.state() | {"stale": True}
        again = last.solution_id if last.solution_id in self._items else None
        return self.state(again) | {"stale": False}

    def evidence(self, solution_id: str) -> dict[str, Any]:
        """What the witnesses say of it. Raises InputError for one that isn't here."""
        item = self._item(solution_id)
        verdicts = [verdict.to_row() for verdict in item.verdicts.values()]
        return {"id": solution_id, "verdicts": Clip()(verdicts)}

    def _item(self, solution_id: object) -> Annotated:
        item = self._items.get(solution_id) if isinstance(solution_id, str) else None
        if item is None:
            raise InputError(
                "id: none of the solutions that are to be reviewed; load the page again"
            )
        return item

    def _shown(self, solution_id: str) -> dict[str, Any]:
        row = self._item(solution_id).solution.to_row()
        found: dict[str, Any] = Clip()({name: row[name] for name in _SHOWN})
        return found

    def _checked(self, raw: Mapping[str, Any]) -> Decision:
        item = self._item(raw.get("id"))
        first_error, steps = raw.get("first_error"), len(item.solution.steps)
        if first_error is not None and not (
            type(first_error) is int and NO_ERROR <= first_error < steps
        ):
            raise InputError(
                f"first_error: should be -1 (none), 0 to {steps - 1}, or null for unsure"
            )
        told = raw.get("seconds")
        known = isinstance(told, int | float) and 0 <= told <= MOST_SECONDS
        return Decision(
            item.solution.id,
            Kind.UNSURE if first_error is None else Kind.NAMED,
            first_error,
            self._times[item.solution.id],
            raw.get("shown") is True,
            float(told or 0) if known else MOST_SECONDS,
            _now(),
        )


def _known(raw: Mapping[str, Any]) -> int | None:
    """How many rows there were when the page was made. Raises InputError."""
    rows = raw.get("rows")
    if rows is not None and type(rows) is not int:
        raise InputError("rows: should be what the last answer said")
    return rows


def shared(solution_id: str) -> bool:
    """Whether every reviewer gets it."""
    return int(content_hash("shared", solution_id), 16) / 16**16 < SHARED


def agreements(said: Mapping[str, Standing]) -> list[Agreement]:
    """Of each two reviewers who named a first error of the same solutions, and of all where there are
    more."""
    ids = sorted({one for of in said.values() for one in of})
    named = {who: np.array([_named(of, one) for one in ids]) for who, of in sorted(said.items())}
    once = Bootstrap(np.zeros(len(ids), dtype=np.int64), 1)
    found = []
    names = list(named)
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            a, b = named[first], named[second]
            among = (a != UNDECIDED) & (b != UNDECIDED)
            if among.any():
                same = int(((a == b) & among).sum())
                kappa = cohen(a, b, among, once).value
                found.append(Agreement((first, second), int(among.sum()), same, kappa))
    if len(names) > 2:
        table = np.stack(list(named.values()), 1)
        among = (table != UNDECIDED).all(1)
        if among.any():
            same = int((among & (table == table[:, :1]).all(1)).sum())
            kappa = fleiss(table, among, once).value
            found.append(Agreement(tuple(names), int(among.sum()), same, kappa))
    return found


def _named(of: Standing, solution_id: str) -> int:
    decision = of.get(solution_id)
    first_error = None if decision is None else decision.first_error
    return UNDECIDED if first_error is None else first_error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
