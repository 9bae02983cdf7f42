"""Annotated solutions to write datasets of: labelled and undecided, plain and hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.arrow import Record, to_table
from pipeline.columns import Joined, Reads, Rows
from pipeline.dataset import View
from pipeline.join import Annotated, items_of
from pipeline.records import (
    Check,
    Cost,
    Label,
    Outcome,
    ProbeCount,
    Solution,
    Status,
    Verdict,
    Vote,
    step_labels_for,
)
from pipeline.shards import Store, chunked

HOSTILE = (
    "</td>|<script>alert(1)</script>\n# Title\n![x](http://evil.example/a.png) `code` \x1b[31m"
)


def item(
    problem: int,
    attempt: int = 0,
    first_error: int | None = -1,
    steps: tuple[str, ...] = ("Two and two\n", "make 4.\n", "Answer: 4"),
    reason: str = "disagree: rollouts and judge",
) -> Annotated:
    wrong = first_error is not None and first_error >= 0
    solution = Solution(
        id=f"s{problem}-{attempt}",
        problem_id=f"p{problem}",
        question=f"What is 2 + 2? ({problem})",
        gold="4",
        steps=steps,
        generator="a-model",
        index=attempt,
        answer="5" if wrong else "4",
        answer_rule="stated",
        outcome=Outcome.INCORRECT if wrong else Outcome.CORRECT,
        token_ids=(1, 2, 3),
        cost=Cost(1, 20, 16, 30, 0.5),
    )
    verdicts = {
        "rollouts": Verdict(
            solution.id,
            "rollouts",
            first_error,
            None if first_error is not None else "too few rollouts decided",
            probes=(ProbeCount(1, 2, 4), ProbeCount(2, 0, 3, 1)),
            log_likelihood=(-0.1, -2.0, -3.0, -4.0),
            cost=Cost(2, 100, 64, 50, 1.0),
        ),
        "judge": Verdict(
            solution.id,
            "judge",
            first_error,
            votes=(Vote(first_error, "because"), Vote(None, HOSTILE, "unparsable")),
            scores=(0.9, None, 0.1),
        ),
        "arithmetic": Verdict(
            solution.id,
            "arithmetic",
            None,
            "nothing contradicted",
            checks=(Check(1, 0, 6, "make 4", Status.EXACT, "4"),),
        ),
    }
    label = Label(
        solution.id,
        first_error,
        step_labels_for(first_error, len(steps)),
        (0.5, None, 0.0),
        agreed=("rollouts", "judge") if first_error is not None else (),
        reason=None if first_error is not None else reason,
    )
    return Annotated(solution, verdicts, label)


def batch(problems: int = 20, attempts: int = 4) -> list[Annotated]:
    """Two in three solutions have a first error, each with a step of its own there; every fifth is
    undecided."""
    items = []
    for number in range(problems * attempts):
        first_error = None if number % 5 == 4 else number % 3 - 1
        steps = ["Two and two\n", "make 4.\n", "Answer: 4"]
        if first_error is not None and first_error >= 0:
            steps[first_error] = f"Two and {number} are 5.\n"
        items.append(item(number // attempts, number % attempts, first_error, tuple(steps)))
    return items


def in_memory(items: Iterable[Annotated]) -> Callable[[Reads], Iterator[Joined]]:
    """What `write_dataset` reads, of items in memory."""

    def batches(reads: Reads) -> Iterator[Joined]:
        for some in chunked(items, 32):
            names = sorted({name for one in some for name in one.verdicts})
            said = {
                name: _rows([one.verdicts.get(name) for one in some], Verdict) for name in names
            }
            solutions = _rows([one.solution for one in some], Solution)
            yield Joined(solutions, said, _rows([one.label for one in some], Label))

    return batches


def as_read(items: Iterable[Annotated]) -> Callable[[Reads], Iterator[Annotated]]:
    """The same as records that have only what is read."""
    source = in_memory(items)
    return lambda reads: (one for batch in source(reads) for one in items_of(batch, reads))


def rows_of(view: View, items: Sequence[Annotated]) -> list[dict[str, Any]]:
    """What a view has of them; those of one problem lie together."""
    if view.table is not None:
        batches = map(Joined.labelled, in_memory(items)(view.reads))
        return [row for one in batches for row in view.table(one, [None] * one.size).to_pylist()]
    found = list(as_read(items)(view.reads))
    if view.of_problem is None:
        return [row for one in found for row in view.rows(one)]
    problems = groupby(found, key=lambda one: one.solution.question)
    return [row for _, together in problems for row in view.of_problem(list(together))]


def _rows(rows: Sequence[Record | None], kind: type[Record]) -> Rows:
    found = [row for row in rows if row is not None]
    (batch,) = to_table(found, kind).to_batches() or [pa.RecordBatch.from_pylist([], kind.SCHEMA)]
    there = np.array([row is not None for row in rows], bool)
    return Rows(Store(Path("memory")), kind, there, batch)
