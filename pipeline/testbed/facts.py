"""What TinyMath can say: the forms of a fact, of a question, and of the lines that answer them.

Every quantity is a person's count. Facts are numbered, and in each the person it rests on comes
right after the verb: so every word of a quotation follows from the two before it. Texts are made
of words parted by single spaces; numbers are whole and lie in 0..999.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pipeline.errors import InputError

_NAMES = "Ann Bob Cal Dan Eve Fay Gus Hal Ida Jon Kim Leo Mia Ned Oda Pam Ray Sue Tom Zoe"
NAMES = tuple(_NAMES.split())


class Form(StrEnum):
    BASE = "base"
    MORE = "more"
    FEWER = "fewer"
    TIMES = "times"
    HALF = "half"
    TOGETHER = "together"
    SHARE = "share"
    RATE = "rate"
    PERCENT = "percent"


TEMPLATES: Mapping[Form, str] = {
    Form.BASE: "has {n}",
    Form.MORE: "tops {a} by {n}",
    Form.FEWER: "trails {a} by {n}",
    Form.TIMES: "equals {a} times {n}",
    Form.HALF: "halves {a}",
    Form.TOGETHER: "joins {a} with {b}",
    Form.SHARE: "shares {a} among {n}",
    Form.RATE: "sells {a} at {n} dollars",
    Form.PERCENT: "gets {a} at {n} percent",
}
_PATTERNS = {
    form: re.compile(
        template.format(n=r"(?P<n>\d{1,3})", a="(?P<a>[A-Z][a-z]+)", b="(?P<b>[A-Z][a-z]+)")
    )
    for form, template in TEMPLATES.items()
}


def expression(form: Form, number: int, operands: tuple[int, ...]) -> str:
    """The left side of the sum that a fact asks for: `9 + 36`; empty for a base fact."""
    a = operands[0] if operands else 0
    match form:
        case Form.BASE:
            return ""
        case Form.MORE:
            return f"{a} + {number}"
        case Form.FEWER:
            return f"{a} - {number}"
        case Form.TIMES | Form.RATE:
            return f"{a} * {number}"
        case Form.HALF:
            return f"{a} / 2"
        case Form.SHARE:
            return f"{a} / {number}"
        case Form.TOGETHER:
            return f"{a} + {operands[1]}"
        case Form.PERCENT:
            return f"{a} * {number} / 100"


def evaluate(form: Form, number: int, operands: tuple[int, ...]) -> int | None:
    """The value a fact gives, or None where it is no whole number of 0..999."""
    a = operands[0] if operands else 0
    if form is Form.BASE:
        top, bottom = number, 1
    elif form is Form.MORE:
        top, bottom = a + number, 1
    elif form is Form.FEWER:
        top, bottom = a - number, 1
    elif form in (Form.TIMES, Form.RATE):
        top, bottom = a * number, 1
    elif form is Form.HALF:
        top, bottom = a, 2
    elif form is Form.SHARE:
        top, bottom = a, number
    elif form is Form.TOGETHER:
        top, bottom = a + operands[1], 1
    else:
        top, bottom = a * number, 100
    if bottom == 0 or top % bottom or not 0 <= top // bottom <= 999:
        return None
    return top // bottom


@dataclass(frozen=True)
class Fact:
    """One fact. `also` marks a redundant one, a second way to the same subject."""

    subject: str
    form: Form
    number: int = 0
    operands: tuple[str, ...] = ()
    also: bool = False

    @cached_property
    def phrase(self) -> str:
        a = self.operands[0] if self.operands else ""
        b = self.operands[1] if len(self.operands) > 1 else ""
        body = TEMPLATES[self.form].format(n=self.number, a=a, b=b)
        return f"{self.subject} also {body}" if self.also else f"{self.subject} {body}"

    def value(self, values: Mapping[str, int]) -> int | None:
        return evaluate(self.form, self.number, tuple(values[o] for o in self.operands))

    def step(self, label: int, values: Mapping[str, int]) -> str:
        """The right line that derives the subject, given its number and its operands' values."""
        result = self.value(values)
        parts = [f"{o}= {values[o]}" for o in self.operands]
        if self.form is not Form.BASE:
            numbers = tuple(values[o] for o in self.operands)
            parts.append(f"{expression(self.form, self.number, numbers)} = {result}")
        parts.append(f"{self.subject}= {result}")
        return f"#{label} {self.phrase} : {' , '.join(parts)} .\n"


def parse_fact(phrase: str) -> Fact | None:
    """The fact that a phrase without its full stop states, or None."""
    subject, _, body = phrase.partition(" ")
    also = body.startswith("also ")
    if also:
        body = body[5:]
    if not re.fullmatch(r"[A-Z][a-z]+", subject):
        return None
    for form, pattern in _PATTERNS.items():
        found = pattern.fullmatch(body)
        if found:
            groups = found.groupdict()
            operands = tuple(groups[key] for key in ("a", "b") if groups.get(key))
            return Fact(subject, form, int(groups.get("n") or 0), operands, also)
    return None


class Ask(StrEnum):
    VALUE = "value"
    MOST = "most"
    YESNO = "yesno"


@dataclass(frozen=True)
class Query:
    """What is asked, of one person (VALUE), of two or three (MOST), of two (YESNO)."""

    ask: Ask
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        if self.ask is Ask.VALUE:
            return f"How many has {self.names[0]} ?"
        if self.ask is Ask.MOST:
            return f"Who has most of {' and '.join(self.names)} ?"
        return f"Has {self.names[0]} more than {self.names[1]} ?"

    def asked_step(self, values: Mapping[str, int]) -> str:
        """The question again and what it takes: `Has Cal more than Eve : Cal= 45 , Eve= 9 , most
        Cal .`, or `How many has Cal : Cal= 45 .`; with its newline."""
        parts = [f"{name}= {values[name]}" for name in self.names]
        if self.ask is not Ask.VALUE:
            parts.append(f"most {self.winner(values)}")
        return f"{self.text[:-2]} : {' , '.join(parts)} .\n"

    def winner(self, values: Mapping[str, int]) -> str:
        return max(self.names, key=lambda name: values[name])

    def answer(self, values: Mapping[str, int]) -> str:
        if self.ask is Ask.VALUE:
            return str(values[self.names[0]])
        if self.ask is Ask.MOST:
            return self.winner(values)
        return "yes" if values[self.names[0]] > values[self.names[1]] else "no"


def parse_query(text: str) -> Query | None:
    words = text.split(" ")
    if text.startswith("How many has ") and len(words) == 5:
        return Query(Ask.VALUE, (words[3],))
    if text.startswith("Who has most of "):
        return Query(Ask.MOST, tuple(words[4:-1:2]))
    if text.startswith("Has ") and len(words) == 6:
        return Query(Ask.YESNO, (words[1], words[4]))
    return None


@dataclass(frozen=True)
class Problem:
    """Facts in the order of the text, and a question."""

    facts: tuple[Fact, ...]
    query: Query

    @cached_property
    def text(self) -> str:
        """One numbered fact a line, the question last; no newline at the end."""
        facts = (f"#{i} {fact.phrase} .\n" for i, fact in enumerate(self.facts, 1))
        return "".join(facts) + self.query.text

    @cached_property
    def order(self) -> tuple[Fact, ...]:
        """Facts in the order of the reference: always the first whose operands are known."""
        left = list(self.facts)
        known: set[str] = set()
        found: list[Fact] = []
        while left:
            ready = next((f for f in left if known.issuperset(f.operands)), None)
            if ready is None:
                raise InputError(f"facts that rest on each other or on nothing: {self.text!r}")
            left.remove(ready)
            known.add(ready.subject)
            found.append(ready)
        return tuple(found)

    @cached_property
    def values(self) -> dict[str, int]:
        """Every person's true count."""
        values: dict[str, int] = {}
        for fact in self.order:
            value = fact.value(values)
            if value is None or values.get(fact.subject, value) != value:
                raise InputError(f"fact {fact.phrase!r} gives no whole number or contradicts")
            values[fact.subject] = value
        return values

    @cached_property
    def answer(self) -> str:
        return self.query.answer(self.values)

    def lines(self, order: tuple[Fact, ...]) -> list[str]:
        """A right solution that takes the facts in `order`, one step a line."""
        lines = [fact.step(self.label(fact), self.values) for fact in order]
        return [*lines, self.query.asked_step(self.values), f"Answer : {self.answer}\n"]

    def label(self, fact: Fact) -> int:
        """The number a fact bears in the text."""
        return self.facts.index(fact) + 1

    @cached_property
    def reference(self) -> tuple[str, ...]:
        return tuple(self.lines(self.order))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The persons whose counts the answer rests on, by the facts without `also`."""
        facts = {f.subject: f for f in self.facts if not f.also}
        todo = list(self.query.names)
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(facts[name].operands)
        return frozenset(seen)


def parse_problem(text: str) -> Problem:
    """The problem that a question text states. Raises InputError where it is none of ours."""
    lines = text.rstrip("\n").split("\n")
    facts: list[Fact | None] = []
    for number, line in enumerate(lines[:-1], 1):
        label, _, phrase = line.partition(" ")
        well = label == f"#{number}" and phrase.endswith(" .")
        facts.append(parse_fact(phrase[:-2]) if well else None)
    query = parse_query(lines[-1])
    if query is None or not facts or any(fact is None for fact in facts):
        raise InputError(f"not a TinyMath question: {text!r}")
    problem = Problem(tuple(fact for fact in facts if fact is not None), query)
    if not set(query.names) <= problem.values.keys():
        raise InputError(f"the question asks for a person without a fact: {text!r}")
    return problem
