"""A panel whose witnesses err as TinyMath's do.

Each simulated solution is one of the hard split's (`measured.json`): its length, its first wrong step,
its outcome, and how often the policy's rollouts from each prefix come right, which are then drawn
anew. A judge's three votes are drawn from how the shipped judge errs on solutions of that kind; a
second judge errs as often, at its own places. The arithmetic check finds what it found there.

A real judge errs more on some solutions than on others of their kind, and rollouts may err on the same
ones. Nothing here does, so that a posterior with one judge looks better beside `agree` than it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.join import Annotated
from pipeline.records import (
    NO_ERROR,
    Check,
    Cost,
    Outcome,
    ProbeCount,
    Solution,
    Status,
    Verdict,
    Vote,
)

Ints = NDArray[np.int64]
MEASURED = Path(__file__).parent / "measured.json"
A_PREFIX = 16
ROLLOUTS = 8
STEP = 10
"""Tokens of a step, whoever writes it; a vote's text is as many dots."""

KINDS = ("none", "exact", "early", "late", "none split", "exact split", "early split", "late split")
CLEAN = (0.761, 0.0, 0.098, 0.0, 0.086, 0.0, 0.055, 0.0)
WRONG = (0.004, 0.788, 0.101, 0.008, 0.006, 0.061, 0.028, 0.004)
HIDDEN = (0.0, 0.742, 0.097, 0.065, 0.0, 0.065, 0.0, 0.031)
"""How often the shipped judge's three votes are of each kind, where there is no error, where one made
the answer wrong, and where the answer is right in spite of one; 418, 716 and 31 solutions."""
OFF = {"early": ((-1, 71), (-2, 14), (-3, 8), (-6, 2)), "late": ((1, 5), (2, 2), (3, 5))}
"""By how many steps it is early or late, and how often."""
ALARMS = ((0.4, 8), (0.6, 2), (0.7, 8), (0.8, 2), (0.9, 43), (1.0, 1))
"""Where it sees an error in a solution without one, as a share of the way to the last step."""
CONTRADICTED = {False: 0.09, True: 0.03}
"""Share of the wrong solutions (False: by outcome) of which a claim is contradicted."""
CONTRADICTED_AT = ((0, 42), (1, 3), (2, 7), (3, 6), (4, 5), (5, 2), (6, 1))
"""So many steps after the first error."""

Answers = tuple[int, ...]


@dataclass(frozen=True)
class Truth:
    """One solution of the hard split. `wrong`: its first wrong step, -1 none. `chances`: that a rollout
    from each prefix 0..T-1 comes right."""

    wrong: int
    right_outcome: bool
    chances: tuple[float, ...]

    @property
    def n_steps(self) -> int:
        return len(self.chances)


Rng = np.random.Generator
Judge = Callable[[Rng, Truth, Mapping[str, Answers]], Answers]
"""(random numbers, the solution, what others said) -> three votes."""


class World(NamedTuple):
    """Simulated solutions with their verdicts, and the true first error of each (n,)."""

    items: list[Annotated]
    truth: Ints


def measured() -> tuple[list[Truth], NDArray[np.float64]]:
    """The hard split's solutions, and how often each is to be drawn."""
    rows = json.loads(MEASURED.read_text())["solutions"]
    weights = np.array([row[0] for row in rows])
    truths = [
        Truth(wrong, bool(right), tuple(count / A_PREFIX for count in counts))
        for _, wrong, right, counts in rows
    ]
    return truths, weights / weights.sum()


def draw(number: int, judges: Mapping[str, Judge], seed: int = 0) -> World:
    """Simulated solutions. Every witness has random numbers of its own, so that a panel with one more
    hears the same of the others."""
    truths, weights = measured()
    chosen = np.random.default_rng([seed, 0]).choice(len(truths), number, p=weights)
    names = ("rollouts", "arithmetic", *judges)
    rngs = {name: np.random.default_rng([seed, *name.encode()]) for name in names}
    orders = {name: np.random.default_rng([seed, 1, *name.encode()]) for name in judges}
    items = []
    for place, one in enumerate(chosen):
        truth = truths[one]
        solution = _solution(f"s{place}", truth)
        verdicts = {
            "rollouts": bisected(rngs["rollouts"], solution.id, truth),
            "arithmetic": checked(rngs["arithmetic"], solution.id, truth),
        }
        answers: dict[str, Answers] = {}
        for name, judge in judges.items():
            answers[name] = judge(rngs[name], truth, answers)
            order = orders[name].permutation(len(answers[name]))
            votes = tuple(answers[name][at] for at in order)
            verdicts[name] = judged(name, solution.id, votes, truth.n_steps)
        items.append(Annotated(solution, verdicts, None))
    return World(items, np.array([truths[one].wrong for one in chosen]))


def _solution(name: str, truth: Truth) -> Solution:
    outcome = Outcome.CORRECT if truth.right_outcome else Outcome.INCORRECT
    steps = ("a step\n",) * truth.n_steps
    return Solution(name, name, "a question", "1", steps, "simulated", outcome=outcome)


def bisected(rng: Rng, solution_id: str, truth: Truth) -> Verdict:
    """Binary search with eight rollouts a prefix, where the outcome is wrong."""
    if truth.right_outcome:
        return Verdict(solution_id, "rollouts", NO_ERROR)
    probes = []
    good, bad = 0, truth.n_steps
    while bad - good > 1:
        middle = (good + bad) // 2
        right = int(rng.binomial(ROLLOUTS, truth.chances[middle]))
        probes.append(ProbeCount(middle, right, ROLLOUTS))
        good, bad = (middle, bad) if right else (good, middle)
    written = sum(STEP * (truth.n_steps - probe.prefix) * probe.decided for probe in probes)
    cost = Cost(len(probes), completion_tokens=written)
    return Verdict(solution_id, "rollouts", good, probes=tuple(probes), cost=cost)


def checked(rng: Rng, solution_id: str, truth: Truth) -> Verdict:
    """The step whose claim arithmetic contradicts, if any; it says nothing of the others."""
    said, after = rng.random(), int(_of(rng, CONTRADICTED_AT))
    checks: tuple[Check, ...] = ()
    if truth.wrong >= 0 and said < CONTRADICTED[truth.right_outcome]:
        step = min(truth.wrong + after, truth.n_steps - 1)
        checks = (Check(step, 0, 1, "1 = 2", Status.CONTRADICTED),)
    return Verdict(solution_id, "arithmetic", None, "names no first error", checks=checks)


def judged(name: str, solution_id: str, answers: Answers, n_steps: int) -> Verdict:
    """Its majority, and the votes: each writes every step anew, up to the one it names."""
    most = max(answers, key=answers.count)
    named = most if 2 * answers.count(most) > len(answers) else None
    written = [STEP * (n_steps if answer == NO_ERROR else answer + 1) for answer in answers]
    votes = tuple(Vote(answer, "." * of) for answer, of in zip(answers, written, strict=True))
    reason = None if named is not None else "split"
    cost = Cost(1, completion_tokens=sum(written))
    return Verdict(solution_id, name, named, reason, votes=votes, cost=cost)


def tinymath_judge(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    """Errs as the shipped one does."""
    table = CLEAN if truth.wrong < 0 else HIDDEN if truth.right_outcome else WRONG
    kind, _, split = KINDS[rng.choice(len(KINDS), p=np.array(table) / sum(table))].partition(" ")
    top = _named(rng, truth, kind)
    if not split:
        return (top, top, top)
    other = truth.wrong if top != truth.wrong else max(NO_ERROR, top - 1)
    return (top, top, other if other != top else 0)


def _named(rng: Rng, truth: Truth, kind: str) -> int:
    last = truth.n_steps - 1
    if kind == "none":
        return NO_ERROR
    if kind == "exact":
        return truth.wrong
    if truth.wrong < 0:
        return round(_of(rng, ALARMS) * last)
    return int(np.clip(truth.wrong + int(_of(rng, OFF[kind])), 0, last))


def half_a_copy(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    """Says what the first judge says every second time."""
    own = tinymath_judge(rng, truth, others)
    return others["judge"] if rng.random() < 0.5 else own


def at_random(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    return tuple(int(step) for step in rng.integers(NO_ERROR, truth.n_steps, 3))


def always_no_error(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    return (NO_ERROR,) * 3


def copy_of_judge(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    return others["judge"]


def right_one_time_in_five(rng: Rng, truth: Truth, others: Mapping[str, Answers]) -> Answers:
    if rng.random() < 0.2:
        return (truth.wrong,) * 3
    named = int(rng.integers(NO_ERROR, truth.n_steps - 1))
    return (named + (named >= truth.wrong),) * 3


DEGENERATE: Mapping[str, Judge] = {
    "answers at random": at_random,
    "always says no error": always_no_error,
    "copies the judge": copy_of_judge,
    "is right one time in five": right_one_time_in_five,
}


def _of(rng: Rng, counts: Sequence[tuple[float, int]]) -> float:
    weights = np.array([count for _, count in counts], dtype=float)
    return counts[rng.choice(len(counts), p=weights / weights.sum())][0]
