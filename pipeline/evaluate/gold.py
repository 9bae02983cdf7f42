"""The true first errors: rows of a file that people labelled, or an exact oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.evaluate.cases import Case, Columns, case_of, first_error_of
from pipeline.evaluate.conventions import Convention
from pipeline.inputs.files import read_rows
from pipeline.inputs.rejected import Collector, Rejected
from pipeline.inputs.rows import FieldFault
from pipeline.records import Solution

UNSAID = "nothing is said of it"
UNCLEAR = "other gold rows have this text and name another step"


@dataclass(frozen=True, slots=True)
class Known:
    """A row of gold: which solution, and its first error (0-based, -1 none)."""

    case: Case
    first_error: int

    @property
    def ends_there(self) -> bool:
        """Whether the row ends at its first error, as PRM800K's do: of a solution that goes on after
        the same steps it is the first error too."""
        steps = self.case.steps
        return steps is not None and self.first_error == len(steps) - 1

    def conflict_with(self, said: Case, named: int | None) -> str | None:
        """What this row has that the solution it shares its id with, of which step `named` is said to
        be wrong, can't have."""
        if said.other_problem(self.case):
            return "another problem"
        if self.case.steps is None:
            beyond = said.steps is not None and self.first_error >= len(said.steps)
            return (
                f"step {self.first_error}, from 0, of {len(said.steps or ())}" if beyond else None
            )
        here = len(self.case.steps)
        if said.steps is None:
            beyond = named is not None and named >= here and not self.ends_there
            return f"{here} steps, and step {named}, from 0, is named" if beyond else None
        more = len(said.steps) - here
        if more < 0 or (more > 0 and not self.ends_there):
            return f"{here} steps, not {here + more}"
        return None if said.begins_with(self.case) else "other steps"


@dataclass(frozen=True, slots=True)
class NotFound:
    """Why a solution has no gold."""

    why: str


@dataclass(slots=True)
class GoldRows:
    """Rows of gold by id and by content. `name` says where they come from."""

    name: str
    rows: list[Known]
    rejected: list[Rejected]
    _by_id: dict[str, Known] = field(init=False)
    _by_content: dict[str, list[Known]] = field(init=False)
    _ends: bool = field(init=False)
    _used: set[int] = field(init=False, default_factory=set)
    _unclear: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._ends = any(row.ends_there for row in self.rows)
        self._by_id = {row.case.id: row for row in self.rows if row.case.id is not None}
        self._by_content = {}
        for row in self.rows:
            if (content := row.case.content) is not None:
                self._by_content.setdefault(content, []).append(row)

    def find(self, case: Case, named: int | None) -> Known | NotFound:
        """By id, else by problem and steps. A row may be found more than once: by each of several
        solutions with the same text."""
        found = self._by_id.get(case.id) if case.id is not None else None
        conflict = None if found is None else found.conflict_with(case, named)
        if found is not None and conflict is None:
            self._used.add(id(found))
            return found
        same = self._same_text(case)
        if same:
            unclear = len({row.first_error for row in same}) > 1
            (self._unclear if unclear else self._used).update(id(row) for row in same)
            if unclear:
                return NotFound(f"{len(same)} gold rows have this text and name different steps")
            return same[0]
        if conflict is not None:
            return NotFound(f"the gold row of this id has {conflict}")
        return NotFound("no gold row has this id, or this problem and steps")

    def _same_text(self, case: Case) -> list[Known]:
        """Rows of this problem and these steps, or of those of them that lead to the first error."""
        if same := self._by_content.get(case.content or ""):
            return same
        for steps in range(len(case.steps or ()) - 1 if self._ends else 0, 0, -1):
            rows = self._by_content.get(case.content_of_first(steps) or "", [])
            if ending := [row for row in rows if row.ends_there]:
                return ending
        return []

    def unused(self) -> list[tuple[Known, str]]:
        """Rows that nothing was matched with, and why."""
        return [
            (row, UNCLEAR if id(row) in self._unclear else UNSAID)
            for row in self.rows
            if id(row) not in self._used
        ]


@dataclass(frozen=True, slots=True)
class OracleGold:
    """An exact oracle; it knows the problems of its own grammar."""

    name: str
    oracle: Callable[[Solution], int | None]
    rejected: tuple[Rejected, ...] = ()

    def find(self, case: Case, named: int | None) -> Known | NotFound:
        if case.problem is None or case.steps is None:
            return NotFound("has no problem and steps for the oracle to read")
        solution = Solution(case.id or "", "", case.problem, "", case.steps, "")
        first_error = self.oracle(solution)
        if first_error is None:
            return NotFound("the oracle does not know its problem")
        return Known(case, first_error)

    def unused(self) -> list[tuple[Known, str]]:
        return []


Gold = GoldRows | OracleGold


def read_gold(
    path: str, convention: Convention, columns: Columns, strict: bool = False
) -> GoldRows:
    """Rows of a JSON, JSONL, CSV or Parquet file or folder, bad ones set aside with the reason.

    Raises InputError where no row is good, or at the first bad one when strict.
    """
    found: Collector[Known] = Collector(strict)
    seen: dict[str, int] = {}
    for row in read_rows(path):
        if isinstance(row, Rejected):
            found.reject(row)
            continue
        try:
            plain = convention.form(row)
            case = case_of(plain, columns)
            if case.id is not None and case.id in seen:
                message = f"{case.id!r} is there already, in row {seen[case.id]}; make ids unique"
                raise FieldFault(columns.id, message)
            steps = None if case.steps is None else len(case.steps)
            first_error = first_error_of(plain, columns.label, convention, steps)
        except FieldFault as fault:
            found.reject(fault.of(row))
            continue
        if case.id is not None:
            seen[case.id] = row.number
        found.rows.append(Known(case, first_error))
    result = found.result(path)
    return GoldRows(path, result.rows, result.rejected)
