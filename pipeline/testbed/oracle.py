"""The exact judge of TinyMath: which steps are right, the first wrong one, the first fatal one.

A step is judged against the problem and against what the steps before it derived, so a step
that carries an earlier wrong value on rightly is itself right. Steps may come in any valid order,
be repeated, or be right without being in the reference. Base facts count as known from the start.

The first *wrong* step is the label. The first *fatal* one is all that an outcome can show: the
earliest wrong step, among those that the written answer rests on, that gave a value that is not
the true one. A corrected value is no longer rested on, one that is repeated is rested on where it was
first given, a left-out step whose value is right does no harm, and a wrong last copy of a true value is
fatal where it stands; one of a value that is wrong already comes too late to be. With a right answer
nothing was fatal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from pipeline.testbed.facts import Ask, Fact, Form, Problem, expression, parse_problem
from pipeline.testbed.steps import Answer, Asked, Assigned, Derivation, Sum, parse_step


class StepKind(StrEnum):
    RIGHT = "right"
    SLIP = "slip"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_OPERATION = "wrong_operation"
    OMITTED = "omitted"
    UNSUPPORTED = "unsupported"
    MISCOPIED = "miscopied"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class OracleVerdict:
    """Indices are 0-based, -1 means none. `answer` is None where no answer line was written;
    such a solution is not correct, though every step of it may be right."""

    first_error: int
    first_fatal: int
    step_kinds: tuple[StepKind, ...]
    answer: str | None
    correct: bool


@dataclass
class _Known:
    """What the steps so far derived: for each person the values given, oldest first."""

    problem: Problem
    bases: dict[str, int]
    given: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    asked: list[tuple[int, Asked]] = field(default_factory=list)

    def add(self, name: str, value: int, step: int) -> None:
        self.given.setdefault(name, []).append((value, step))

    def source(self, quoted: Assigned) -> int | None:
        """The step that gave this person this value: the first since another was given, since a later one
        only repeats it."""
        found = last = None
        for value, step in self.given.get(quoted.name, []):
            if value == quoted.value != last:
                found = step
            last = value
        return found

    def check(self, quoted: Assigned) -> StepKind:
        """Whether a person's value may be quoted so."""
        if self.source(quoted) is not None or self.bases.get(quoted.name) == quoted.value:
            return StepKind.RIGHT
        true = self.problem.values.get(quoted.name) == quoted.value
        if quoted.name in self.given or quoted.name in self.bases:
            return StepKind.RIGHT if true else StepKind.WRONG_QUANTITY
        return StepKind.OMITTED if true else StepKind.UNSUPPORTED

    def latest(self, name: str) -> int:
        given = self.given.get(name)
        return given[-1][0] if given else self.problem.values[name]


@lru_cache(maxsize=4096)
def _problem(question: str) -> Problem:
    return parse_problem(question)


def _same(mine: Fact, stated: Fact) -> bool:
    """Whether two facts say the same; the order of a togetherness and `also` don't matter."""
    if (mine.subject, mine.form, mine.number) != (stated.subject, stated.form, stated.number):
        return False
    return mine.operands == stated.operands or (
        mine.form is Form.TOGETHER and sorted(mine.operands) == sorted(stated.operands)
    )


def _check_fact(label: int, fact: Fact, problem: Problem) -> StepKind:
    if 1 <= label <= len(problem.facts) and _same(fact, problem.facts[label - 1]):
        return StepKind.RIGHT
    stated = [f for f in problem.facts if f.subject == fact.subject]
    if any(f.form is fact.form for f in stated) or not stated:
        return StepKind.WRONG_QUANTITY
    return StepKind.WRONG_OPERATION


def _check_sum(step: Derivation) -> StepKind:
    """The sum against the fact and the values looked up, then its arithmetic."""
    values = {item.name: item.value for item in step.looked}
    numbers = tuple(values[name] for name in step.fact.operands)
    words = expression(step.fact.form, step.fact.number, numbers).split(" ")
    wanted = Sum(tuple(map(int, words[::2])), tuple(words[1::2]), 0)
    written = step.sum
    if written is None:
        return StepKind.MALFORMED
    if written.signs != wanted.signs:
        return StepKind.WRONG_OPERATION
    swappable = wanted.signs[0] in "+*"
    head, tail = written.numbers[:2], written.numbers[2:]
    fits = head == wanted.numbers[:2] or (swappable and head[::-1] == wanted.numbers[:2])
    if not fits or tail != wanted.numbers[2:]:
        same = sorted(written.numbers) == sorted(wanted.numbers)
        return StepKind.WRONG_OPERATION if same else StepKind.MISCOPIED
    return StepKind.RIGHT if written.holds else StepKind.SLIP


def _check_derivation(step: Derivation, known: _Known) -> StepKind:
    kind = _check_fact(step.label, step.fact, known.problem)
    if kind is not StepKind.RIGHT:
        return kind
    names = [item.name for item in step.looked]
    base = step.fact.form is Form.BASE
    if len(names) != len(step.fact.operands) or base != (step.sum is None):
        return StepKind.MALFORMED
    swappable = step.fact.form is Form.TOGETHER
    if names != list(step.fact.operands) and not (
        swappable and sorted(names) == sorted(step.fact.operands)
    ):
        return StepKind.WRONG_QUANTITY
    for item in step.looked:
        kind = known.check(item)
        if kind is not StepKind.RIGHT:
            return kind
    if not base:
        kind = _check_sum(step)
        if kind is not StepKind.RIGHT:
            return kind
    claimed = step.fact.number if step.sum is None else step.sum.claimed
    if step.result != Assigned(step.fact.subject, claimed):
        return StepKind.MISCOPIED
    return StepKind.RIGHT


def _check_asked(step: Asked, known: _Known) -> StepKind:
    asked = known.problem.query
    if step.query != asked:
        return StepKind.WRONG_QUANTITY
    if sorted(item.name for item in step.looked) != sorted(asked.names):
        return StepKind.WRONG_QUANTITY
    for item in step.looked:
        kind = known.check(item)
        if kind is not StepKind.RIGHT:
            return kind
    if step.winner is None:
        return StepKind.RIGHT
    best = max(item.value for item in step.looked)
    winners = {item.name for item in step.looked if item.value == best}
    return StepKind.RIGHT if step.winner in winners else StepKind.SLIP


def _check_answer(text: str, known: _Known) -> StepKind:
    asked = known.problem.query
    if asked.ask is Ask.VALUE:
        if not (text.isascii() and text.isdigit() and len(text) < 7):
            return StepKind.MALFORMED
        quoted = Assigned(asked.names[0], int(text))
        if known.asked and quoted not in known.asked[-1][1].looked:
            return StepKind.MISCOPIED
        kind = known.check(quoted)
        return StepKind.MISCOPIED if kind is StepKind.WRONG_QUANTITY else kind
    if text not in (asked.names if asked.ask is Ask.MOST else ("yes", "no")):
        return StepKind.MALFORMED
    true = text == known.problem.answer
    if known.asked:
        winner = known.asked[-1][1].winner
        follows = winner if asked.ask is Ask.MOST else "yes" if winner == asked.names[0] else "no"
        return StepKind.RIGHT if text == follows or true else StepKind.MISCOPIED
    missing = [n for n in asked.names if n not in known.given and n not in known.bases]
    if missing:
        return StepKind.OMITTED if true else StepKind.UNSUPPORTED
    values = {name: known.latest(name) for name in asked.names}
    return StepKind.RIGHT if true or text == asked.answer(values) else StepKind.MISCOPIED


def _tells_truly(step: Asked, problem: Problem) -> bool:
    """Whether the answer that follows from this line is the true one."""
    asked = problem.query
    if asked.ask is Ask.VALUE:
        return Assigned(asked.names[0], problem.values[asked.names[0]]) in step.looked
    return step.winner == asked.winner(problem.values)


def _rests_on(quoted: Sequence[Assigned], known: _Known) -> set[int]:
    """The steps that gave what is quoted. A value that nobody gave is a slip over the person's latest one,
    unless it is the true one: that rests on nothing."""
    return {step for one in quoted if (step := _given_by(one, known)) is not None}


def _given_by(quoted: Assigned, known: _Known) -> int | None:
    source = known.source(quoted)
    if source is None and known.problem.values.get(quoted.name) != quoted.value:
        given = known.given.get(quoted.name)
        return given[-1][1] if given else None
    return source


def judge_solution(question: str, steps: Sequence[str]) -> OracleVerdict:
    """Judge every step of a solution. Raises InputError where `question` is not TinyMath's."""
    problem = _problem(question)
    bases = {f.subject: f.number for f in problem.facts if f.form is Form.BASE}
    known = _Known(problem, bases)
    kinds: list[StepKind] = []
    rests: list[set[int]] = []
    harmless: set[int] = set()
    answer: tuple[int, str] | None = None
    for i, line in enumerate(steps):
        step = parse_step(line)
        rests.append(set())
        if step is None or answer is not None:
            kinds.append(StepKind.MALFORMED)
        elif isinstance(step, Derivation):
            kinds.append(_check_derivation(step, known))
            rests[i] = _rests_on(step.looked, known)
            known.add(step.result.name, step.result.value, i)
            if problem.values.get(step.result.name) == step.result.value:
                harmless.add(i)
        elif isinstance(step, Asked):
            kinds.append(_check_asked(step, known))
            rests[i] = _rests_on(step.looked, known)
            known.asked.append((i, step))
            if _tells_truly(step, problem):
                harmless.add(i)
        else:
            kinds.append(_check_answer(step.text, known))
            rests[i] = _answer_rests_on(step, known)
            answer = (i, step.text)
    wrong = [i for i, kind in enumerate(kinds) if kind is not StepKind.RIGHT]
    correct = answer is not None and answer[1].lstrip("0") == problem.answer.lstrip("0")
    fatal = -1
    if answer is not None and not correct:
        guilty = set(wrong) & _ancestors(answer[0], rests, harmless)
        fatal = min(guilty, default=answer[0])
    return OracleVerdict(
        first_error=wrong[0] if wrong else -1,
        first_fatal=fatal,
        step_kinds=tuple(kinds),
        answer=answer[1] if answer else None,
        correct=correct,
    )


def _answer_rests_on(step: Answer, known: _Known) -> set[int]:
    asked = known.problem.query
    if asked.ask is not Ask.VALUE:
        if known.asked:
            return {known.asked[-1][0]}
        return _rests_on([Assigned(n, known.latest(n)) for n in asked.names], known)
    quoted = Assigned(asked.names[0], int(step.text)) if step.text.isdigit() else None
    if known.asked and (
        quoted is None or quoted in known.asked[-1][1].looked or known.source(quoted) is None
    ):
        return {known.asked[-1][0]}
    return set() if quoted is None else _rests_on([quoted], known)


def _ancestors(start: int, rests: Sequence[set[int]], harmless: set[int]) -> set[int]:
    """`start` and all that it rests on; what lies behind a harmless step changed nothing."""
    todo, seen = [start], {start}
    while todo:
        for parent in rests[todo.pop()] - seen - harmless:
            seen.add(parent)
            todo.append(parent)
    return seen
