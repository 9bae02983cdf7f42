"""Training documents: drills, problems with their solutions, and checked solutions.

A document is token ids with a loss weight for each: 0 for what is given (question, solution to
check), 1 for what is to be written, more where a verdict is given. All is drawn from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.testbed.facts import NAMES, Form, Problem, evaluate, expression
from pipeline.testbed.grammar import training_problem
from pipeline.testbed.inject import flawed_solution, valid_order
from pipeline.testbed.judge_format import check_text, render_prompt, solve_text
from pipeline.testbed.tokenizer import EOS, encode, vocabulary

VERDICT_WEIGHT = 2.0
_DRILLS = (("sums", 0.65), ("comparisons", 0.15), ("lookups", 0.2))
_DRILLED = (
    Form.MORE,
    Form.FEWER,
    Form.TIMES,
    Form.HALF,
    Form.SHARE,
    Form.TOGETHER,
    Form.PERCENT,
)
_EOS_ID = vocabulary()[EOS]
_BAD_ID = vocabulary()[" bad"]


class Document(NamedTuple):
    """`ids` and, for each, the weight of the loss of predicting it."""

    ids: list[int]
    weights: list[float]


class Sample(NamedTuple):
    """A solution a policy wrote, and the oracle's first error in it (-1 none)."""

    question: str
    steps: tuple[str, ...]
    first_error: int


@dataclass(frozen=True)
class Mix:
    """Shares of the documents: drills, solved problems, checks of injected and of own errors."""

    drill: float
    solve: float
    inject: float = 0.0
    own: float = 0.0


def document(prompt: str, written: str, verdict_weight: float = 1.0) -> Document:
    given, ids = encode(prompt), [*encode(written), _EOS_ID]
    weights = [verdict_weight if i == _BAD_ID else 1.0 for i in ids]
    return Document(given + ids, [0.0] * len(given) + weights)


def level_for(rng: random.Random, progress: float) -> int:
    """Levels 1-2 at first; all five from 30% of the way, the upper ones more often."""
    ramp = min(1.0, progress / 0.3)
    easy, hard = (5, 4, 2, 0.5, 0.1), (1, 1.5, 2.5, 4, 5)
    weights = [e * (1 - ramp) + h * ramp for e, h in zip(easy, hard, strict=True)]
    return rng.choices((1, 2, 3, 4, 5), weights)[0]


def drill(rng: random.Random) -> Document:
    """One skill alone: sums, comparisons or lookups."""
    kind = rng.choices([name for name, _ in _DRILLS], [share for _, share in _DRILLS])[0]
    return {"sums": sums, "comparisons": comparisons, "lookups": lookups}[kind](rng)


def lookups(rng: random.Random) -> Document:
    """Look a value up, compute, sometimes name the result.

    The loss is on what can be known: not on who is asked for, nor on what is to be computed.
    No name is given a second value: a lookup has one place to look at.
    """
    names = rng.sample(NAMES, rng.randint(3, 9))
    unused = [name for name in NAMES if name not in names]
    values = {name: rng.randint(2, 99 if rng.random() < 0.7 else 199) for name in names}
    given = "Drill : " + " , ".join(f"{k}= {v}" for k, v in values.items()) + " ?"
    written: list[tuple[str, float]] = []
    for _ in range(9):
        form, number, looked = _sum_to_do(rng, names, values)
        operands = tuple(values[name] for name in looked)
        result = evaluate(form, number, operands)
        assert result is not None, "a sum to do has a whole result"
        for name in looked:
            written += [(f" {name}=", 0.0), (f" {values[name]} ,", 1.0)]
        todo = expression(form, number, operands)
        first, _, rest = todo.partition(" ")
        written += [(f" {first}", 1.0), (f" {rest}", 0.0), (f" = {result}", 1.0)]
        if unused and rng.random() < 0.25:
            name = unused.pop()
            written += [(f" , {name}=", 0.0), (f" {result}", 1.0)]
            values[name] = result
            names.append(name)
        written.append((" .", 0.0))
    ids, weights = encode(given), [0.0] * len(encode(given))
    for text, weight in written:
        piece = encode(text)
        ids += piece
        weights += [weight] * len(piece)
    return Document(ids, weights)


def sums(rng: random.Random) -> Document:
    """Nothing but sums, as problems ask for them: the slowest skill to come."""
    ids = encode("Drill ?")
    weights = [0.0] * len(ids)
    for _ in range(24):
        names = ("a", "b")
        values = {name: rng.randint(2, 99 if rng.random() < 0.7 else 199) for name in names}
        form, number, looked = _sum_to_do(rng, names, values)
        operands = tuple(values[name] for name in looked)
        given = encode(f" , {expression(form, number, operands)} =")
        result = encode(f" {evaluate(form, number, operands)} ,")
        ids += given + result[:-1]
        weights += [0.0] * len(given) + [1.0] * (len(result) - 1)
    return Document([*ids, *encode(" ,")], [*weights, 1.0])


def comparisons(rng: random.Random) -> Document:
    """Nothing but who has most of two or three, half of them close."""
    ids = encode("Drill ?")
    weights = [0.0] * len(ids)
    for _ in range(14):
        names = rng.sample(NAMES, 3 if rng.random() < 0.3 else 2)
        first = rng.randint(2, 99 if rng.random() < 0.7 else 199)
        near = range(max(2, first - 12), first + 13) if rng.random() < 0.5 else range(2, 200)
        values = dict(zip(names, rng.sample(near, len(names)), strict=True))
        looked = " ,".join(f" {name}= {value}" for name, value in values.items())
        given = encode(f"{looked} , most")
        named = encode(f" {max(names, key=values.__getitem__)} .")
        ids += given + named
        weights += [0.0] * len(given) + [2.0, 0.0]
    return Document(ids, weights)


def _sum_to_do(
    rng: random.Random, names: Sequence[str], values: Mapping[str, int]
) -> tuple[Form, int, tuple[str, ...]]:
    """A form, its number and the persons it takes, such that the result is in range."""
    while True:
        form = rng.choices(_DRILLED, (26, 22, 18, 10, 8, 24, 6))[0]
        first, second = rng.sample(list(names), 2)
        number = {
            Form.TIMES: rng.randint(2, 5),
            Form.SHARE: rng.randint(3, 6),
            Form.PERCENT: rng.choice((10, 20, 50)),
        }.get(form, rng.randint(2, 9) if rng.random() < 0.6 else rng.randint(10, 30))
        looked = (first, second) if form is Form.TOGETHER else (first,)
        if evaluate(form, number, tuple(values[name] for name in looked)) is not None:
            return form, number, looked


def solved(problem: Problem) -> Document:
    """The policy's document: question, newline, reference."""
    return document(problem.text + "\n", "".join(problem.reference))


def numbered(problem: Problem) -> Document:
    """The judge's way of solving: lines as in a check, without a solution to look at."""
    prompt, written = solve_text(problem)
    return document(prompt, written)


def checked(question: Problem, steps: Sequence[str], first_error: int) -> Document:
    """A solution to check, and the check that stops at the first bad token."""
    prompt = render_prompt(question.text, steps)
    return document(prompt, check_text(question, steps, first_error), VERDICT_WEIGHT)


def injected(rng: random.Random, problem: Problem) -> Document:
    """A check of a right solution in any order, or of one with errors put in."""
    if rng.random() < 0.3:
        order = problem.order if rng.random() < 0.7 else valid_order(rng, problem)
        return checked(problem, problem.lines(order), -1)
    flawed = flawed_solution(rng, problem)
    return checked(problem, flawed.steps, flawed.first_error)


def policy_document(rng: random.Random, progress: float, mix: Mix) -> Document:
    if rng.random() < mix.drill:
        return drill(rng)
    return solved(training_problem(rng, level_for(rng, progress)))


def judge_document(
    rng: random.Random, progress: float, mix: Mix, samples: Sequence[Sample]
) -> Document:
    kind = rng.random()
    if kind < mix.drill:
        return drill(rng)
    if kind < mix.drill + mix.solve:
        return numbered(training_problem(rng, level_for(rng, progress)))
    if samples and kind > 1 - mix.own:
        from pipeline.testbed.facts import parse_problem

        sample = rng.choice(samples)
        return checked(parse_problem(sample.question), sample.steps, sample.first_error)
    return injected(rng, training_problem(rng, level_for(rng, progress)))
