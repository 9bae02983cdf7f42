"""Solutions the user already has, joined to their problems and cut into steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pipeline.config import SolutionColumnsConfig, SolutionsConfig
from pipeline.errors import InputError
from pipeline.inputs.files import read_rows
from pipeline.inputs.rejected import Collector, ReadResult, Rejected
from pipeline.inputs.rows import (
    Columns,
    FieldFault,
    Row,
    checked_text,
    list_field,
    optional_text,
    text_field,
)
from pipeline.records import Problem, Solution, content_hash
from pipeline.steps import Splitter

MAX_SHORT = 1000
UNKNOWN_GENERATOR = "imported"
PLAIN = "processbench"
"""The form whose rows have their columns as they stand."""


def read_solutions(
    config: SolutionsConfig, problems: Iterable[Problem], splitter: Splitter, max_steps: int
) -> ReadResult[Solution]:
    """Read solutions; bad rows are set aside with the reason, or raise InputError when strict.

    A row may hold several solutions: `columns.text` then lists their columns, and the first part of
    each name is its generator. Raises InputError when the columns say too little, there is nothing
    to read, a column is in no row, or no row is good.
    """
    from pipeline.forms import form  # which itself reads rows

    columns, read = _columns(config), form(config.form)
    texts = _text_columns(columns)
    wanted = {"problem_id": columns.problem_id, "question": columns.question, "id": columns.id}
    wanted |= {"steps": columns.steps, "generator": columns.generator}
    watch = Columns(
        [(f"solutions.columns.{k}", c) for k, c in wanted.items() if c is not None]
        + [(f"solutions.columns.text ({column})", column) for column in texts]
    )
    join = _Join(columns, problems)
    found: Collector[Solution] = Collector(config.strict)
    seen: dict[str, str] = {}
    copies: Counter[str] = Counter()
    of_problem: Counter[str] = Counter()
    assert config.path is not None
    for row in read_rows(config.path):
        if isinstance(row, Rejected):
            found.reject(row)
            continue
        try:
            row = read(row)
        except FieldFault as fault:
            found.reject(fault.of(row))
            continue
        watch.see(row)
        for one in _in_row(row, columns, texts, join, splitter, max_steps, config.max_chars):
            if isinstance(one, FieldFault):
                found.reject(one.of(row))
                continue
            problem, steps, generator, given = one
            key = given or content_hash(problem.id, generator, "".join(steps))
            if given and given in seen:
                message = f"{given!r} is there already, {seen[given]}; make ids unique"
                found.reject(FieldFault(columns.id, message).of(row))
                continue
            seen[key] = f"in row {row.number} of {row.file}"
            copies[key] += 1
            found.rows.append(
                Solution(
                    id=key if copies[key] == 1 else f"{key}-{copies[key]}",
                    problem_id=problem.id,
                    question=problem.question,
                    gold=problem.answer,
                    steps=tuple(steps),
                    generator=generator,
                    index=of_problem[problem.id],
                    reference=problem.reference,
                    level=problem.level,
                    tests=problem.tests,
                    tables=problem.tables,
                )
            )
            of_problem[problem.id] += 1
            if len(found.rows) == config.limit:
                return found.result(config.path)
    watch.check()
    return found.result(config.path)


def _columns(config: SolutionsConfig) -> SolutionColumnsConfig:
    """A form of its own says where problem and steps are, unless the configuration does."""
    columns = config.columns
    if config.form == PLAIN:
        return columns
    named: dict[str, str] = {}
    if columns.problem_id is None and columns.question is None:
        named["question"] = "problem"
    if columns.text is None and columns.steps is None:
        named["steps"] = "steps"
    return columns.model_copy(update=named)


def _text_columns(columns: SolutionColumnsConfig) -> tuple[str, ...]:
    text = columns.text
    names = text.split(",") if isinstance(text, str) else (text or ())
    texts = tuple(name.strip() for name in names if name.strip())
    if bool(texts) == (columns.steps is not None):
        raise InputError(
            "solutions.columns: name the column of the solution under `text`, or of its steps under "
            "`steps`; one of the two"
        )
    if (columns.problem_id is None) == (columns.question is None):
        raise InputError(
            "solutions.columns: name the column that joins a solution to its problem under "
            "`problem_id`, or under `question` where it holds the problem's text; one of the two"
        )
    return texts


class _Join:
    """Finds a row's problem."""

    def __init__(self, columns: SolutionColumnsConfig, problems: Iterable[Problem]) -> None:
        self._by_id = columns.problem_id is not None
        self._column = columns.problem_id or columns.question or ""
        self._problems: dict[str, list[Problem]] = {}
        for p in problems:
            self._problems.setdefault(p.id if self._by_id else p.question.strip(), []).append(p)

    def __call__(self, row: Row, max_chars: int) -> Problem:
        value = text_field(row, self._column, max_chars, numbers=self._by_id)
        found = self._problems.get(value if self._by_id else value.strip(), [])
        what = "id" if self._by_id else "question"
        if not found:
            message = f"no problem has this {what}; add the problem, or leave the solution out"
            raise FieldFault(self._column, message, value)
        if len({(p.answer, p.tests, p.tables) for p in found}) > 1:
            names = ", ".join(p.id for p in found[:5])
            message = (
                f"problems with different answers have this {what} ({names}); name the column of the "
                "problem's id under solutions.columns.problem_id, or leave all but one of them out"
            )
            raise FieldFault(self._column, message, value)
        return found[-1]


_One = tuple[Problem, Sequence[str], str, str | None]


def _in_row(
    row: Row,
    columns: SolutionColumnsConfig,
    texts: tuple[str, ...],
    join: _Join,
    splitter: Splitter,
    max_steps: int,
    max_chars: int,
) -> Iterator[_One | FieldFault]:
    """Each solution of a row, or what is wrong with it."""
    try:
        problem = join(row, max_chars)
        generator = optional_text(row, columns.generator, MAX_SHORT)
        given = text_field(row, columns.id, MAX_SHORT, numbers=True) if columns.id else None
    except FieldFault as fault:
        yield fault
        return
    for column in texts or (columns.steps or "",):
        try:
            if texts:
                steps = splitter(text_field(row, column, max_chars))
            else:
                steps = _given_steps(row, column, max_chars)
            if len(steps) > max_steps:
                raise FieldFault(
                    column,
                    f"has {len(steps)} steps, steps.max_steps is {max_steps}; raise it, "
                    "or cut into larger steps",
                )
        except FieldFault as fault:
            yield fault
            continue
        several = len(texts) > 1
        written_by = (
            column.partition(".")[0] if several and columns.generator is None else generator
        )
        own_id = f"{given}/{column}" if given and several else given
        yield problem, steps, written_by or UNKNOWN_GENERATOR, own_id


def _given_steps(row: Row, column: str, max_chars: int) -> list[str]:
    """A list of steps; those that end without whitespace get the line break they were parted by."""
    value = list_field(row, column)
    if not isinstance(value, list) or not value:
        raise FieldFault(column, "should be a list of one step or more, each a text", value)
    steps = []
    for index, step in enumerate(value):
        where = f"{column}[{index}]"
        if not isinstance(step, str):
            raise FieldFault(where, "should be a text; a step is never empty", step)
        step = checked_text(step, where, max_chars)
        last = index == len(value) - 1
        steps.append(step if last or step[-1].isspace() else step + "\n")
    if sum(map(len, steps)) > max_chars:
        raise FieldFault(column, f"has over {max_chars:,} characters in all; raise max_chars")
    return steps
