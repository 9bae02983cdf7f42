"""TinyMath problems from a seed, their levels, and the frozen splits.

A level sets how many persons a problem names and how often its facts stand out of order.
In most problems one person is a distractor: derived by the reference, not needed by the answer.
A third of the problems ask for one of few answers or carry a redundant fact, so that a wrong
prefix can still come out right. Which split a problem belongs to is a hash of its text: training
never draws a text of the other splits.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.testbed.facts import NAMES, Ask, Fact, Form, Problem, Query, evaluate


class Split(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    HARD = "hard"


@dataclass(frozen=True)
class Level:
    """`people` named (least, most); `shuffled`: share of problems with facts out of order."""

    people: tuple[int, int]
    shuffled: float


LEVELS = {
    1: Level((3, 3), 0.0),
    2: Level((4, 4), 0.0),
    3: Level((5, 5), 0.05),
    4: Level((6, 6), 0.1),
    5: Level((7, 8), 0.15),
}
SPLIT_LEVELS = {
    Split.DEV: (1, 2, 3, 4, 5),
    Split.TEST: (1, 2, 3, 4, 5),
    Split.HARD: (4, 5),
}
SPLIT_SIZES = {Split.DEV: 200, Split.TEST: 250, Split.HARD: 600}
_ONE = (
    (Form.MORE, 26),
    (Form.FEWER, 22),
    (Form.TIMES, 14),
    (Form.HALF, 10),
    (Form.SHARE, 8),
    (Form.RATE, 8),
    (Form.PERCENT, 6),
)
_TOGETHER_SHARE = 0.14
_BASE_SHARE = 0.15
_LARGEST, _LARGEST_PRODUCT = 199, 150


def split_of(text: str) -> Split:
    """The split of a question text, by its hash alone."""
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100
    if bucket < 4:
        return Split.DEV
    if bucket < 8:
        return Split.TEST
    return Split.HARD if bucket < 16 else Split.TRAIN


def problem_id(text: str) -> str:
    return "tm-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def _number(rng: random.Random, form: Form, operand: int) -> int:
    if form in (Form.MORE, Form.FEWER):
        return rng.randint(2, 9) if rng.random() < 0.7 else rng.randint(10, 30)
    if form is Form.TIMES:
        return rng.randint(2, 4)
    if form is Form.RATE:
        return rng.randint(2, 5)
    if form is Form.PERCENT:
        return rng.choice((10, 20, 50))
    if form is Form.SHARE:
        fits = [k for k in range(3, 7) if operand % k == 0]
        return rng.choice(fits) if fits else 0
    return 0


def _derived(rng: random.Random, name: str, values: dict[str, int], leaves: list[str]) -> Fact:
    """A fact about `name` that rests on persons already there and gives a fair number."""
    known = list(values)
    for _ in range(50):
        first = rng.choice(leaves) if leaves and rng.random() < 0.75 else rng.choice(known)
        if len(known) > 1 and rng.random() < _TOGETHER_SHARE:
            second = rng.choice([k for k in known if k != first])
            fact = Fact(name, Form.TOGETHER, 0, (first, second))
        else:
            form = rng.choices([f for f, _ in _ONE], [w for _, w in _ONE])[0]
            fact = Fact(name, form, _number(rng, form, values[first]), (first,))
        value = fact.value(values)
        most = _LARGEST_PRODUCT if fact.form in (Form.TIMES, Form.RATE) else _LARGEST
        if value is not None and 1 < value <= most:
            return fact
    return Fact(name, Form.MORE, rng.randint(2, 9), (known[-1],))


def _redundant(
    rng: random.Random, target: str, values: dict[str, int], taken: tuple[str, ...]
) -> Fact | None:
    """A second fact that gives the target's value, not resting on any of `taken`."""
    others = [k for k in values if k not in taken and 1 < abs(values[k] - values[target]) < 40]
    if not others:
        return None
    other = rng.choice(others)
    gap = values[target] - values[other]
    return Fact(target, Form.MORE if gap > 0 else Form.FEWER, abs(gap), (other,), also=True)


def _query(rng: random.Random, draft: list[Fact], values: dict[str, int], ask: Ask) -> Query | None:
    """A question that leaves at most one person aside."""
    names = [fact.subject for fact in draft]
    for _ in range(30):
        count = 1 if ask is Ask.VALUE else 2
        if ask is Ask.MOST and len(names) > 4 and rng.random() < 0.5:
            count = 3
        chosen = tuple(rng.sample(names, count))
        counts = sorted(values[c] for c in chosen)
        if len(set(counts)) != count:
            continue
        query = Query(ask, chosen)
        aside = len(names) - len(Problem(tuple(draft), query).needed)
        if aside <= 1:
            return query
    return None


def make_problem(rng: random.Random, level: int) -> Problem:
    """One problem of `level`, drawn from `rng` alone."""
    spec = LEVELS[level]
    kind = rng.random()
    while True:
        names = rng.sample(NAMES, rng.randint(*spec.people))
        values: dict[str, int] = {}
        draft: list[Fact] = []
        leaves: list[str] = []
        for name in names:
            if not draft or (len(draft) > 1 and rng.random() < _BASE_SHARE):
                fact = Fact(name, Form.BASE, rng.randint(3, 40))
            else:
                fact = _derived(rng, name, values, leaves)
            value = evaluate(fact.form, fact.number, tuple(values[o] for o in fact.operands))
            if value is None:
                break
            values[name] = value
            leaves = [leaf for leaf in leaves if leaf not in fact.operands] + [name]
            draft.append(fact)
        if len(draft) < len(names):
            continue
        ask = Ask.MOST if kind < 0.13 else Ask.YESNO if kind < 0.22 else Ask.VALUE
        query = _query(rng, draft, values, ask)
        if query is None:
            continue
        facts = list(draft)
        if 0.22 <= kind < 0.34 and query.ask is Ask.VALUE:
            target = query.names[0]
            first = draft[names.index(target)]
            extra = _redundant(rng, target, values, (target, *first.operands))
            if extra is None:
                continue
            place = max(names.index(target), names.index(extra.operands[0])) + 1
            if target in Problem(tuple(draft), Query(Ask.VALUE, extra.operands)).needed:
                continue
            facts.insert(rng.randint(place, len(facts)), extra)
        if rng.random() < spec.shuffled:
            for _ in range(rng.randint(1, 2)):
                at = rng.randrange(len(facts) - 1)
                facts[at], facts[at + 1] = facts[at + 1], facts[at]
        return Problem(tuple(facts), query)


def kind_of(problem: Problem) -> str:
    """`value`, `most`, `yesno`, or `redundant` for a value that can be had in two ways."""
    if any(fact.also for fact in problem.facts):
        return "redundant"
    return problem.query.ask.value


def training_problem(rng: random.Random, level: int) -> Problem:
    """A problem whose text belongs to the train split."""
    while True:
        problem = make_problem(rng, level)
        if split_of(problem.text) is Split.TRAIN:
            return problem


def split_rows(split: Split) -> list[dict[str, str | int]]:
    """The rows of a frozen split: levels in turn, no text twice."""
    rng = random.Random(f"tinymath-{split.value}-0")
    levels = SPLIT_LEVELS[split]
    rows: dict[str, dict[str, str | int]] = {}
    while len(rows) < SPLIT_SIZES[split]:
        level = levels[len(rows) % len(levels)]
        problem = make_problem(rng, level)
        if split_of(problem.text) is split and problem.text not in rows:
            rows[problem.text] = {
                "id": problem_id(problem.text),
                "question": problem.text,
                "answer": problem.answer,
                "reference": "".join(problem.reference),
                "level": level,
                "kind": kind_of(problem),
            }
    return list(rows.values())


def write_splits(folder: Path) -> None:
    """Write dev.jsonl, test.jsonl and hard.jsonl; the same bytes on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLIT_SIZES:
        lines = "".join(json.dumps(row) + "\n" for row in split_rows(split))
        (folder / f"{split.value}.jsonl").write_text(lines, encoding="utf-8")
