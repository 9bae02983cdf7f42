"""What was said beside what is true; rows that stand alone are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pipeline.errors import InputError
from pipeline.evaluate.gold import Gold, Known, NotFound
from pipeline.evaluate.panel import Panel, Said
from pipeline.evaluate.said import Answer, Spoken, no_answer, outcome_name
from pipeline.records import NO_ERROR

EXAMPLES = 20
MOST_WITNESSES = 50
_EXCERPT = 600


class Unmatched(NamedTuple):
    """A row that no figure counts."""

    name: str
    why: str


class Example(NamedTuple):
    """A solution whose label is not the truth, to be looked at. Texts are cut."""

    name: str
    problem: str
    named: int
    gold: int
    named_step: str
    gold_step: str


@dataclass(slots=True)
class Matched:
    """The rows with both, as a panel, and the others by name. `filled`: gold rows that nobody spoke
    of and that were counted as undecided."""

    panel: Panel
    said_alone: list[Unmatched]
    gold_alone: list[Unmatched]
    filled: int
    examples: list[Example]


@dataclass(slots=True)
class _Lists:
    gold: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    label: list[Answer] = field(default_factory=list)
    labelled: bool = False
    witnesses: list[dict[str, Answer]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    tokens: list[float | None] = field(default_factory=list)


def match(
    said: Iterable[Spoken],
    gold: Gold,
    witnesses: Sequence[str] | None = None,
    count_missing: bool = False,
) -> Matched:
    """`witnesses`: those to compare, all by default. `count_missing`: gold rows that nobody spoke of
    count as undecided instead of being left out. Raises InputError where no row is matched."""
    lists = _Lists()
    said_alone: list[Unmatched] = []
    examples: list[Example] = []
    for spoken in said:
        known = gold.find(spoken.case, _named(spoken))
        if isinstance(known, NotFound):
            said_alone.append(Unmatched(spoken.case.name, known.why))
            continue
        _add(lists, spoken, known)
        example = _example(spoken, known.first_error)
        if example is not None and len(examples) < EXAMPLES:
            examples.append(example)
    if not lists.gold:
        some = "; ".join(f"{name}: {why}" for name, why in said_alone[:3]) or "there are none"
        raise InputError(f"{gold.name}: none of the {len(said_alone)} rows has a match: {some}")
    unused = gold.unused()
    for row, _ in unused if count_missing else []:
        _add(lists, no_answer(row.case), row)
    alone = [Unmatched(row.case.name, why) for row, why in unused]
    return Matched(
        _panel(lists, witnesses),
        said_alone,
        [] if count_missing else alone,
        len(unused) if count_missing else 0,
        examples,
    )


def _add(lists: _Lists, spoken: Spoken, known: Known) -> None:
    """What the row itself doesn't tell is taken from the gold row."""
    case, other = spoken.case, known.case
    lists.gold.append(known.first_error)
    question = " ".join((case.problem or other.problem or "").split())
    lists.problems.append(question or spoken.problem or case.name)
    lists.labelled |= spoken.label is not None
    lists.label.append(spoken.label or Answer(None))
    lists.witnesses.append(dict(spoken.witnesses))
    lists.outcomes.append(outcome_name(case.outcome or other.outcome))
    lists.levels.append(case.level or other.level or "")
    lists.tokens.append(spoken.tokens)


def _panel(lists: _Lists, witnesses: Sequence[str] | None) -> Panel:
    """A witness that has no verdict of a solution is undecided there."""
    heard = {name for row in lists.witnesses for name in row}
    if witnesses is None and len(heard) > MOST_WITNESSES:
        raise InputError(
            f"verdicts of {len(heard)} annotators, at most {MOST_WITNESSES} are compared; name those "
            "to compare with --witness"
        )
    names = sorted(heard) if witnesses is None else [name for name in witnesses if name in heard]
    generation = Said.of([None] * len(lists.gold), tokens=lists.tokens).tokens
    return Panel(
        gold=np.array(lists.gold, dtype=np.int64),
        problems=np.unique(lists.problems, return_inverse=True)[1].astype(np.int64),
        witnesses={
            name: _said([row.get(name, Answer(None)) for row in lists.witnesses]) for name in names
        },
        label=_said(lists.label) if lists.labelled else None,
        outcomes=lists.outcomes,
        levels=lists.levels,
        generation=generation,
    )


def _said(answers: Sequence[Answer]) -> Said:
    return Said.of(
        [answer.first_error for answer in answers],
        [answer.confidence for answer in answers],
        [answer.tokens for answer in answers],
    )


def _named(spoken: Spoken) -> int | None:
    return spoken.label.first_error if spoken.label is not None else None


def _example(spoken: Spoken, gold: int) -> Example | None:
    named = _named(spoken)
    if named is None or named == gold:
        return None
    case = spoken.case
    steps = case.steps or ()
    texts = (steps[at][:_EXCERPT] if NO_ERROR < at < len(steps) else "" for at in (named, gold))
    return Example(case.name, (case.problem or "")[:_EXCERPT], named, gold, *texts)
