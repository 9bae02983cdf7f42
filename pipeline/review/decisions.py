"""What people decided: `reviews/<reviewer>.jsonl` in a run's folder, one file a reviewer.

A row is on the disk before the page is told that it is saved, and is never changed. The last decision on
a solution stands; an undo is a row of its own, after which the one before stands again. A line that a
kill cut short was never confirmed: it isn't read, and the next one takes its place. Rows of another
machine's copy (`remote:`) are put among those that are here, in the order in which they were made.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from heapq import merge
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import ConfigError, RunError
from pipeline.files import disk_told, make_folder, replacing, sync_folder
from pipeline.records import NO_ERROR

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Kind(StrEnum):
    NAMED = "named"
    UNSURE = "unsure"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Decision:
    """`first_error`: 0-based, -1 for none, where one is `named`. `drawn`: how many times likelier than by
    chance alone the solution was to be shown (`pipeline.review.order`). `shown`: whether the reviewer
    looked at what the witnesses say before deciding. `seconds` since the solution was shown; `at` is UTC."""

    solution_id: str
    kind: Kind
    first_error: int | None
    drawn: float
    shown: bool
    seconds: float
    at: str

    def __post_init__(self) -> None:
        if self.kind is Kind.NAMED:
            fits = self.first_error is not None and self.first_error >= NO_ERROR
        else:
            fits = self.first_error is None
        if not (fits and self.drawn > 0 and math.isfinite(self.drawn)):
            raise ValueError(f"no decision: {self}")


_Line = tuple[bytes, "Decision"]

Standing = Mapping[str, Decision]
"""By solution, the decision that stands."""


class Decisions:
    """One reviewer's file. Several processes may write it, each a whole row at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, decision: Decision, after: int | None = None) -> bool:
        """Durable when this returns. False, and nothing is written, where there are not `after` rows before
        it. Raises RunError where the disk is full or can't be written."""
        line = json.dumps(asdict(decision), ensure_ascii=True).encode() + b"\n"
        with self._alone() as file:
            if after is not None and after != len(self._lines()):
                return False
            _cut_torn_line(file.fileno())
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return True

    def take(self, copy: Path) -> None:
        """Put the rows of another copy of this file among those that are here. Raises RunError at a damaged
        row."""
        with self._alone():
            ours, theirs = self._lines(), Decisions(copy)._lines()
            both = [line for line, _ in _merged(ours, theirs)]
            if both != [line for line, _ in ours]:
                with replacing(self._path) as temporary:
                    temporary.write_bytes(b"".join(line + b"\n" for line in both))

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """The file, to be appended to, while no other process writes it."""
        make_folder(self._path.parent)
        with disk_told(self._path.parent), ExitStack() as stack:
            is_new = not self._path.exists()
            while True:
                file = stack.enter_context(self._path.open("ab+"))
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self._path)):
                    break  # else `take` has put another in its place meanwhile
            if is_new:
                sync_folder(self._path.parent)
            yield file

    def rows(self) -> list[Decision]:
        """Raises RunError at a damaged row."""
        return [row for _, row in self._lines()]

    def _lines(self) -> list[_Line]:
        try:
            whole, _, _ = self._path.read_bytes().rpartition(b"\n")
        except FileNotFoundError:
            return []
        lines = enumerate(whole.split(b"\n"), 1)
        return [(line, self._row(number, line)) for number, line in lines if line]

    def _row(self, number: int, line: bytes) -> Decision:
        try:
            row: dict[str, Any] = json.loads(line)
            return Decision(**row | {"kind": Kind(row["kind"])})
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"{self._path}: line {number} is damaged: {error}; delete that line alone, and the other "
                "decisions stay"
            ) from error


def _merged(ours: Sequence[_Line], theirs: Sequence[_Line]) -> list[_Line]:
    """Each line once. What both begin with stays in front; the rest by time, neither's own order changed."""
    known = dict(theirs)
    begin = 0
    while begin < min(len(ours), len(theirs)) and ours[begin] == theirs[begin]:
        begin += 1
    mine = [line for line in ours[begin:] if line[0] not in known]
    return [*ours[:begin], *merge(mine, theirs[begin:], key=lambda line: line[1].at)]


def standing(rows: Iterable[Decision]) -> dict[str, Decision]:
    """What stands after all `rows`, in the order in which the solutions were first decided."""
    made: dict[str, list[Decision]] = {}
    for row in rows:
        of_one = made.setdefault(row.solution_id, [])
        if row.kind is not Kind.UNDO:
            of_one.append(row)
        elif of_one:
            of_one.pop()
    return {one: of_one[-1] for one, of_one in made.items() if of_one}


def last_of(rows: Iterable[Decision]) -> Decision | None:
    """The newest decision that no undo took back."""
    made: list[Decision] = []
    for row in rows:
        if row.kind is not Kind.UNDO:
            made.append(row)
            continue
        for place in range(len(made) - 1, -1, -1):
            if made[place].solution_id == row.solution_id:
                del made[place]
                break
    return made[-1] if made else None


def decisions_of(folder: Path, reviewer: str) -> Decisions:
    """`folder`: the run's `reviews`. Raises ConfigError for a name that can't be a file's."""
    if not NAME.fullmatch(reviewer):
        raise ConfigError(
            f"--reviewer {reviewer!r}: a name has letters, digits, - and _ alone, 40 at most"
        )
    return Decisions(folder / f"{reviewer}.jsonl")


def reviewers(folder: Path) -> dict[str, Standing]:
    """What stands of each reviewer, by name. Raises RunError at a damaged row."""
    paths = [path for path in sorted(folder.glob("*.jsonl")) if NAME.fullmatch(path.stem)]
    return {path.stem: standing(Decisions(path).rows()) for path in paths}


def _cut_torn_line(descriptor: int) -> None:
    """What a kill left after the last whole row, on a file that is locked."""
    size = end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
