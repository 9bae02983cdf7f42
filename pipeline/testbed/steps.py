"""What a line of a TinyMath solution says, read strictly; whether it is right is the oracle's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.testbed.facts import Ask, Fact, Query, parse_fact, parse_query

_ASSIGNED = re.compile(r"([A-Z][a-z]+)= (\d{1,6})")
_SUM = re.compile(r"(\d{1,6}) ([+*/-]) (\d{1,6})(?: ([+*/-]) (\d{1,6}))? = (\d{1,6})")
_MOST = re.compile(r"most ([A-Z][a-z]+)")
_LABEL = re.compile(r"#(\d{1,3})")
_ANSWER = re.compile(r"Answer : (\S+)")


@dataclass(frozen=True)
class Assigned:
    """`Eve= 9`."""

    name: str
    value: int


@dataclass(frozen=True)
class Sum:
    """`40 * 25 / 100 = 10`: numbers and signs in their order, and the result claimed."""

    numbers: tuple[int, ...]
    signs: tuple[str, ...]
    claimed: int

    @property
    def holds(self) -> bool:
        """Whether the result is exactly right, read from left to right."""
        top, bottom = self.numbers[0], 1
        for sign, number in zip(self.signs, self.numbers[1:], strict=True):
            if sign == "+":
                top += number * bottom
            elif sign == "-":
                top -= number * bottom
            elif sign == "*":
                top *= number
            else:
                bottom *= number
        return bottom != 0 and top == self.claimed * bottom


@dataclass(frozen=True)
class Derivation:
    """A line that quotes a fact, looks its operands up, computes and names the result."""

    label: int
    fact: Fact
    looked: tuple[Assigned, ...]
    sum: Sum | None
    result: Assigned


@dataclass(frozen=True)
class Asked:
    """A line that takes the question up and looks up what it asks for; `winner` of a comparison."""

    query: Query
    looked: tuple[Assigned, ...]
    winner: str | None


@dataclass(frozen=True)
class Answer:
    text: str


Step = Derivation | Asked | Answer


def _assigned(text: str) -> Assigned | None:
    found = _ASSIGNED.fullmatch(text)
    return Assigned(found[1], int(found[2])) if found else None


def _sum(text: str) -> Sum | None:
    found = _SUM.fullmatch(text)
    if not found:
        return None
    numbers = [int(found[1]), int(found[3])]
    signs = [found[2]]
    if found[4]:
        numbers.append(int(found[5]))
        signs.append(found[4])
    return Sum(tuple(numbers), tuple(signs), int(found[6]))


def _all_assigned(parts: list[str]) -> tuple[Assigned, ...] | None:
    read = [_assigned(part) for part in parts]
    return None if None in read else tuple(item for item in read if item is not None)


def _asked(query: Query, parts: list[str]) -> Asked | None:
    winner = None if query.ask is Ask.VALUE else _MOST.fullmatch(parts.pop())
    looked = _all_assigned(parts)
    if not looked or (winner is None and query.ask is not Ask.VALUE):
        return None
    return Asked(query, looked, winner[1] if winner else None)


def parse_step(line: str) -> Step | None:
    """The line's content, or None where it follows no form at all."""
    line = line.removesuffix("\n")
    answer = _ANSWER.fullmatch(line)
    if answer:
        return Answer(answer[1])
    head, colon, rest = line.partition(" : ")
    if not colon or not rest.endswith(" ."):
        return None
    parts = rest[:-2].split(" , ")
    query = parse_query(f"{head} ?")
    if query is not None:
        return _asked(query, parts)
    label, _, phrase = head.partition(" ")
    number, fact = _LABEL.fullmatch(label), parse_fact(phrase)
    if number is None or fact is None:
        return None
    result = _assigned(parts.pop())
    sum_ = _sum(parts[-1]) if parts else None
    if sum_ is not None:
        parts.pop()
    looked = _all_assigned(parts)
    if result is None or looked is None:
        return None
    return Derivation(int(number[1]), fact, looked, sum_, result)
