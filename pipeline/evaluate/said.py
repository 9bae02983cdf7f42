"""What was said: the verdicts and labels of a run, of a dataset that a run wrote, or of any file in
ProcessBench's form. Rows come one at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.columns import Reads
from pipeline.engine.money import recorded_costs
from pipeline.evaluate.cases import Case, Columns, case_of, first_error_of, optional_number
from pipeline.evaluate.conventions import Convention, from_processbench
from pipeline.evaluate.relations import OUTCOMES
from pipeline.inputs.files import read_rows
from pipeline.inputs.problems import MAX_SHORT
from pipeline.inputs.rejected import Rejected
from pipeline.inputs.rows import FieldFault, Row, field, optional_text
from pipeline.join import Annotated, Join, RowIndex
from pipeline.records import Label, Outcome, Verdict
from pipeline.replaced import replaced
from pipeline.run_folder import RunFolder

SAID = Reads(
    solution=frozenset({"problem_id", "question", "steps", "outcome", "level", "cost"}),
    label=frozenset({"first_error", "confidence"}),
    verdict=frozenset({"first_error", "confidence", "cost"}),
)
"""What `spoken` looks at."""


class Answer(NamedTuple):
    """`first_error` None: undecided, `reason` says why. `tokens`: sampled for it, None where not known."""

    first_error: int | None
    confidence: float | None = None
    tokens: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One solution and what was said of it. `problem` tells problems apart where no text does. `label`
    None: nobody labels here. `tokens` were sampled to write it."""

    case: Case
    problem: str | None
    label: Answer | None
    witnesses: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    tokens: float | None = None


def of_run(run: RunFolder, witnesses: Sequence[str]) -> Iterator[Spoken]:
    """Every solution of a run, those of problems that were replaced aside. One that consensus has not reached
    is undecided, unless it has reached none: labels may lie there of solutions that other settings made."""
    labels, gone = RowIndex(run.labels, Label), replaced(run)
    labelled = any(str(row["id"]) in labels for row in run.solutions.rows(["id"]))
    pilots = {name: _pilot_tokens(run, name) for name in witnesses}
    for item in Join(run, witnesses).items(SAID):
        if item.solution.id in gone:
            continue
        found = spoken(item, labelled)
        told = {
            name: answer._replace(tokens=(answer.tokens or 0.0) + pilots[name])
            for name, answer in found.witnesses.items()
        }
        yield dataclasses.replace(found, witnesses=told)


def _pilot_tokens(run: RunFolder, name: str) -> float:
    """What a witness sampled to learn from, for each of its verdicts, which don't say it."""
    if not run.learned(name).is_file():
        return 0.0
    paid = sum(cost.completion_tokens for cost in recorded_costs(run.calls(name)).values())
    said = [v.cost.completion_tokens for v in run.verdicts(name).read(Verdict, {"cost"})]
    return max(0, paid - sum(said)) / max(1, len(said))


def spoken(item: Annotated, labelled: bool) -> Spoken:
    """What is said of one solution; `labelled`: its run has labels."""
    solution = item.solution
    steps = solution.steps or None
    return Spoken(
        Case(solution.id, solution.question, steps, solution.outcome, solution.level),
        solution.problem_id,
        _label(item.label) if labelled else None,
        {
            name: Answer(v.first_error, v.confidence, v.cost.completion_tokens)
            for name, v in item.verdicts.items()
        },
        solution.cost.completion_tokens,
    )


def _label(label: Label | None) -> Answer:
    return Answer(None) if label is None else Answer(label.first_error, label.confidence)


def dataset_files(path: Path) -> Path:
    """Of a dataset's folder the view to read: `evidence`, which has the undecided solutions and every
    verdict, else `first_error`; any other path itself."""
    for view in ("evidence", "first_error"):
        if any((path / view).glob("*.parquet")):
            return path / view
    return path


def of_file(
    path: str,
    convention: Convention,
    columns: Columns,
    reject: Callable[[Rejected], None],
) -> Iterator[Spoken]:
    """Rows of a file or folder; a label that is null is undecided. Bad rows go to `reject`."""
    seen: dict[str, int] = {}
    for row in read_rows(path):
        if isinstance(row, Rejected):
            reject(row)
            continue
        try:
            spoken = _row(convention.form(row), convention, columns)
            given = spoken.case.id
            if given is not None and given in seen:
                message = f"{given!r} is there already, in row {seen[given]}; make ids unique"
                raise FieldFault(columns.id, message)
        except FieldFault as fault:
            reject(fault.of(row))
            continue
        if given is not None:
            seen[given] = row.number
        yield spoken


def _row(row: Row, convention: Convention, columns: Columns) -> Spoken:
    case = case_of(row, columns)
    steps = None if case.steps is None else len(case.steps)
    first_error = None
    if field(row, columns.label) is not None:
        first_error = first_error_of(row, columns.label, convention, steps)
    confidence = _chance(row.data, "confidence")
    return Spoken(
        case,
        optional_text(row, "problem_id", MAX_SHORT),
        Answer(first_error, confidence, reason=_reason(row)),
        dict(_verdict(one, steps) for one in _verdicts(row)),
        _tokens(row.data.get("cost")),
    )


def _reason(row: Row) -> str | None:
    value = row.data.get("reason")
    return value[:MAX_SHORT] if isinstance(value, str) else None


def _verdicts(row: Row) -> list[Any]:
    value = row.data.get("verdicts")
    if value is not None and not isinstance(value, list):
        raise FieldFault("verdicts", "should be a list", value)
    return value or []


def _verdict(value: Any, steps: int | None) -> tuple[str, Answer]:
    """An entry of the view `evidence`, which counts our way."""
    if not isinstance(value, Mapping) or not isinstance(value.get("annotator"), str):
        raise FieldFault("verdicts", "should be verdicts as the view `evidence` has them", value)
    name, named = value["annotator"], value.get("first_error")
    try:
        named = None if named is None else from_processbench(named, steps)
    except ValueError as error:
        raise FieldFault(f"verdicts.{name[:100]}.first_error", str(error), named) from error
    return name, Answer(named, _chance(value, "confidence"), _tokens(value.get("cost")))


def _chance(data: Mapping[str, Any], column: str) -> float | None:
    found = optional_number(data, column)
    if found is not None and not 0 <= found <= 1:
        raise FieldFault(column, "should be a chance from 0 to 1", found)
    return found


def _tokens(cost: Any) -> float | None:
    return optional_number(cost, "completion_tokens") if isinstance(cost, Mapping) else None


def no_answer(case: Case) -> Spoken:
    """A gold row that nobody spoke of, counted as undecided."""
    return Spoken(case, None, Answer(None))


def outcome_name(outcome: Outcome | None) -> str:
    """As the tables of an evaluation say it; "" where it is not known."""
    names = dict(zip(Outcome, OUTCOMES, strict=True))
    return names[outcome] if outcome is not None else ""
