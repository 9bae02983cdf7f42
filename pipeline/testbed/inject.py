"""Solutions with errors put in, as a small policy makes them: the judge's first lessons.

The wrong step is wrong in one way and right from there on; later steps carry its value on. So
the first error is known by construction, without the oracle.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import NamedTuple

from pipeline.testbed.facts import (
    NAMES,
    Ask,
    Fact,
    Form,
    Problem,
    evaluate,
    expression,
)


class Flawed(NamedTuple):
    """`steps` of which `first_error` (0-based) is the first wrong one, of the kind `flaw`."""

    steps: tuple[str, ...]
    first_error: int
    flaw: str


def valid_order(rng: random.Random, problem: Problem) -> tuple[Fact, ...]:
    """A random order of the facts in which every operand is known when it is used."""
    left, known, order = list(problem.facts), set[str](), list[Fact]()
    while left:
        fact = rng.choice([f for f in left if known.issuperset(f.operands)])
        left.remove(fact)
        known.add(fact.subject)
        order.append(fact)
    return tuple(order)


@dataclass
class _Draft:
    """What a step says, piece by piece, so that one piece can be spoilt."""

    label: int
    phrase: str
    looked: list[tuple[str, int]]
    sum: str
    result: int
    name: str
    value: int

    def text(self) -> str:
        parts = [f"{name}= {value}" for name, value in self.looked]
        if self.sum:
            parts.append(f"{self.sum} = {self.result}")
        parts.append(f"{self.name}= {self.value}")
        return f"#{self.label} {self.phrase} : {' , '.join(parts)} .\n"


def near(rng: random.Random, value: int) -> int:
    """Another number of 0..999, as a slip makes it: a digit off, a carry lost, a digit more."""
    while True:
        kind = rng.random()
        if kind < 0.3:
            other = value + rng.choice((-1, 1))
        elif kind < 0.55:
            other = value + rng.choice((-10, 10, -100, 100))
        elif kind < 0.9:
            digits = list(str(value))
            digits[rng.randrange(len(digits))] = str(rng.randint(0, 9))
            other = int("".join(digits))
        elif kind < 0.95:
            other = int(str(value) + str(rng.randint(0, 9)))
        else:
            other = int(str(value)[:-1] or 0)
        if other != value and 0 <= other <= 999:
            return other


def _draft(label: int, fact: Fact, values: dict[str, int]) -> _Draft:
    """The step for `fact` given values that may be wrong; results that don't fit are forced."""
    numbers = tuple(values[o] for o in fact.operands)
    result = evaluate(fact.form, fact.number, numbers)
    if result is None:
        a = numbers[0]
        rough = {Form.HALF: a // 2, Form.PERCENT: a * fact.number // 100}
        rough[Form.SHARE] = a // max(1, fact.number)
        rough[Form.FEWER] = abs(a - fact.number)
        result = rough.get(fact.form, 999) % 1000
    looked = list(zip(fact.operands, numbers, strict=True))
    sum_ = expression(fact.form, fact.number, numbers)
    return _Draft(label, fact.phrase, looked, sum_, result, fact.subject, result)


def _misquoted(
    rng: random.Random, fact: Fact, problem: Problem, known: dict[str, int]
) -> Fact | None:
    """The fact with another number, another person or another form."""
    kind = rng.random()
    if kind < 0.4 and fact.number:
        others = [f.number for f in problem.facts if f.number not in (0, fact.number)]
        number = rng.choice(others) if others and rng.random() < 0.4 else near(rng, fact.number)
        return replace(fact, number=number) if number else None
    if kind < 0.7 and fact.operands:
        others_ = [n for n in known if n not in (*fact.operands, fact.subject)]
        if not others_:
            return None
        operands = list(fact.operands)
        operands[rng.randrange(len(operands))] = rng.choice(others_)
        return replace(fact, operands=tuple(operands))
    if fact.form is Form.BASE:
        return None
    forms = [Form.MORE, Form.FEWER, Form.TIMES, Form.PERCENT, Form.RATE, Form.SHARE, Form.HALF]
    swap = {Form.MORE: Form.FEWER, Form.FEWER: Form.MORE}
    form = swap[fact.form] if fact.form in swap and rng.random() < 0.6 else rng.choice(forms)
    if form is fact.form:
        return None
    number = 0 if form is Form.HALF else fact.number or rng.randint(2, 9)
    return replace(fact, form=form, number=number, operands=fact.operands[:1])


def _recomputed(draft: _Draft, fact: Fact) -> None:
    """Carry a spoilt operand through the sum."""
    moved = replace(fact, operands=tuple(name for name, _ in draft.looked))
    fresh = _draft(draft.label, moved, dict(draft.looked))
    draft.sum, draft.result, draft.value = fresh.sum, fresh.result, fresh.value


def _spoil(
    rng: random.Random, fact: Fact, problem: Problem, known: dict[str, int]
) -> tuple[str, str, int] | None:
    """A wrong step for `fact`: its flaw, its text and the value carried on; None: try again."""
    label = problem.label(fact)
    draft = _draft(label, fact, known)
    base = fact.form is Form.BASE
    flaw = rng.choices(
        ("fact", "operand", "person", "sum_number", "operation", "slip", "copy", "copy_name"),
        (30, 0, 0, 0, 0, 0, 10, 3) if base else (30, 16, 4, 6, 6, 22, 8, 3),
    )[0]
    if flaw == "fact":
        other = _misquoted(rng, fact, problem, known)
        if other is None or other.phrase == fact.phrase:
            return None
        draft = _draft(label, other, known)
    elif flaw == "operand":
        at = rng.randrange(len(draft.looked))
        name, value = draft.looked[at]
        pool = [v for v in known.values() if v != value]
        wrong = rng.choice(pool) if pool and rng.random() < 0.6 else near(rng, value)
        draft.looked[at] = (name, wrong)
        _recomputed(draft, fact)
    elif flaw == "person":
        others = [n for n in known if n not in fact.operands]
        if not others:
            return None
        name = rng.choice(others)
        draft.looked[rng.randrange(len(draft.looked))] = (name, known[name])
        if len({n for n, _ in draft.looked}) < len(draft.looked):
            return None
        _recomputed(draft, fact)
    elif flaw in ("sum_number", "operation"):
        numbers = [int(w) for w in draft.sum.split() if w.isdigit()]
        if flaw == "operation":
            form = rng.choice([Form.MORE, Form.FEWER, Form.TIMES, Form.SHARE])
            second = fact.number or (numbers[1] if len(numbers) > 1 else 2)
            if expression(form, second, (numbers[0],)) == draft.sum:
                return None
            spoilt = _draft(label, Fact(fact.subject, form, second, fact.operands[:1]), known)
        else:
            words = draft.sum.split()
            at = rng.choice([i for i, w in enumerate(words) if w.isdigit()])
            words[at] = str(near(rng, int(words[at])))
            draft.sum = " ".join(words)
            spoilt = draft
            spoilt.result = _result_of(words, draft.result)
        draft.sum, draft.result, draft.value = spoilt.sum, spoilt.result, spoilt.result
    elif flaw == "slip":
        draft.result = draft.value = near(rng, draft.result)
    elif flaw == "copy":
        draft.value = near(rng, draft.value)
    else:
        draft.name = rng.choice([n for n in NAMES if n != fact.subject])
    return flaw, draft.text(), draft.value


def _result_of(words: list[str], default: int) -> int:
    """The result of `a + b` or `a * b / c` in words, or `default` where it is no whole number."""
    total = int(words[0])
    for sign, word in zip(words[1::2], words[2::2], strict=False):
        number = int(word)
        if sign == "/" and (number == 0 or total % number):
            return default
        total = {"+": total + number, "-": total - number, "*": total * number}.get(
            sign, total // max(1, number)
        )
    return total if 0 <= total <= 999 else default


def flawed_solution(rng: random.Random, problem: Problem) -> Flawed:
    """A solution of `problem` with a first error somewhere, all kinds and places."""
    while True:
        flawed = _attempt(rng, problem)
        if flawed is not None:
            return flawed


def _attempt(rng: random.Random, problem: Problem) -> Flawed | None:
    order = list(problem.order if rng.random() < 0.85 else valid_order(rng, problem))
    kind = rng.random()
    if kind < 0.12:
        return _flawed_end(rng, problem, tuple(order))
    at = rng.randrange(len(order))
    known: dict[str, int] = {}
    steps: list[str] = []
    first, flaw = -1, ""
    leave_out = kind < 0.2 and order[at].form is not Form.BASE
    for i, fact in enumerate(order):
        missing = [o for o in fact.operands if o not in known]
        if i == at and leave_out:
            continue
        if missing:
            if first < 0:
                first, flaw = len(steps), "left_out"
            for name in missing:
                true = problem.values[name]
                known[name] = true if rng.random() < 0.3 else near(rng, true)
        if i >= at and first < 0 and not leave_out:
            spoilt = _spoil(rng, fact, problem, known)
            if spoilt is None:
                return None
            first, flaw = len(steps), spoilt[0]
            steps.append(spoilt[1])
            known[fact.subject] = spoilt[2]
            continue
        if first >= 0 and i > at and rng.random() < 0.05:
            spoilt = _spoil(rng, fact, problem, known)
            if spoilt is not None:
                steps.append(spoilt[1])
                known[fact.subject] = spoilt[2]
                continue
        draft = _draft(problem.label(fact), fact, known)
        steps.append(draft.text())
        known[fact.subject] = draft.value
    return _ended(problem, steps, known, first, flaw)


def _ended(
    problem: Problem, steps: list[str], known: dict[str, int], first: int, flaw: str
) -> Flawed | None:
    """Add the comparison and the answer that the carried values lead to."""
    asked = problem.query
    for name in asked.names:
        if name not in known:
            first, flaw = (len(steps), "left_out") if first < 0 else (first, flaw)
            known[name] = problem.values[name]
    steps.append(asked.asked_step(known))
    steps.append(f"Answer : {asked.answer(known)}\n")
    return Flawed(tuple(steps), first, flaw) if first >= 0 else None


def _flawed_end(rng: random.Random, problem: Problem, order: tuple[Fact, ...]) -> Flawed | None:
    """All derived rightly, and a wrong comparison or a wrong last copy."""
    values, asked = problem.values, problem.query
    steps = [fact.step(problem.label(fact), values) for fact in order]
    wrong = dict(values)
    if asked.ask is Ask.VALUE:
        name = asked.names[0]
        others = [v for v in values.values() if v != values[name]]
        picked = rng.choice(others) if others and rng.random() < 0.6 else near(rng, values[name])
        if rng.random() < 0.5:
            wrong[name] = picked
            steps += [asked.asked_step(wrong), f"Answer : {picked}\n"]
            return Flawed(tuple(steps), len(steps) - 2, "compare_value")
        steps += [asked.asked_step(values), f"Answer : {picked}\n"]
        return Flawed(tuple(steps), len(steps) - 1, "answer")
    kind = rng.random()
    if kind < 0.35:
        line = asked.asked_step(values)
        loser = rng.choice([n for n in asked.names if n != asked.winner(values)])
        line = line.replace(f"most {asked.winner(values)}", f"most {loser}")
        steps.append(line)
        wrong[loser] = 1000
        answer = asked.answer(wrong)
        flaw = "compare"
    elif kind < 0.75:
        name = rng.choice(asked.names)
        pool = [v for v in values.values() if v != values[name]]
        wrong[name] = rng.choice(pool) if rng.random() < 0.6 else near(rng, values[name])
        steps.append(asked.asked_step(wrong))
        answer = asked.answer(wrong)
        flaw = "compare_value"
    else:
        steps.append(asked.asked_step(values))
        if asked.ask is Ask.YESNO:
            answer = "no" if asked.answer(values) == "yes" else "yes"
        else:
            answer = rng.choice([n for n in asked.names if n != asked.answer(values)])
        steps.append(f"Answer : {answer}\n")
        return Flawed(tuple(steps), len(steps) - 1, "answer")
    steps.append(f"Answer : {answer}\n")
    return Flawed(tuple(steps), len(steps) - 2, flaw)
