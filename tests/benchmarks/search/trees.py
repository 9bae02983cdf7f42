"""Section `trees`: what a search of OmegaPRM's tree costs, on one synthetic policy, by three rules.

The policy writes `STEPS` steps of 10 to 50 tokens. Where v is its chance to solve the bare problem, drawn
from Beta(4, 3), it makes no error from a good prefix(t) with chance v^((T-t)/T), else one in any step
that is left, and recovers from an error with chance q, drawn from Beta(.5, 16). No two rollouts share a
step, so that none passes through another's prefixes, unless a step has a few `wordings` only.

The rules, each with the paper's alpha, beta, L and c_puct, are:

- ours, `pipeline.search.tree`, as published and in waves of two;
- openr's (omegaPRM_v2): after a search all wrong rollouts of its state go back to the pool, the searched
  one too, and no visit is counted; each prefix that a bisection visits, the whole text among them, gets
  k new rollouts, and is a state of its own even where it was visited before;
- MM-PRM's: a searched rollout stays out of the pool, visits are counted, and the whole text costs
  nothing; else the same.

Of the two peers 103.5 and 44.9 rollouts a distinct search are known at k = 16, on a synthetic policy
that isn't. `STEPS` and `FEW` searches are set so that their rules come near these figures on this one;
all the figures here are measured, with every rule on the same policy.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from math import sqrt

import numpy as np

from pipeline.config import TreeConfig
from pipeline.records import Outcome, content_hash
from pipeline.search.tree import ROOT, Rollout, RolloutTree, Steps
from tests.benchmarks.report import Row

STEPS = 16
PROBLEMS = 40
FEW, PAPERS = 6, 100
"""Searches a problem: those of the comparison, and the paper's."""
TOKENS = (10, 50)
PEERS_K = 16
RESAMPLES = 400


class Policy:
    """Of one problem. The same prefix asked as often gives the same rollouts, whoever asks."""

    def __init__(self, problem: int, wordings: int | None) -> None:
        rng = np.random.default_rng([17, problem])
        self._v, self._q = float(rng.beta(4, 3)), float(rng.beta(0.5, 16))
        self._problem = problem
        self._wordings = wordings
        self._asked: Counter[Steps] = Counter()

    @property
    def rollouts(self) -> int:
        return self._asked.total()

    def write(self, prefix: Steps) -> Rollout:
        number = self._asked[prefix]
        self._asked[prefix] += 1
        name = content_hash(self._problem, prefix, number)
        chance, left = random.Random(name), STEPS - len(prefix)
        bad_at, flawed = None, first_error(prefix) is not None
        if not flawed and chance.random() >= self._v ** (left / STEPS):
            bad_at, flawed = chance.randrange(left) if left else None, True
        right = not flawed or (chance.random() < self._q and left > 0)
        rest = tuple(
            f"{chance.randrange(self._wordings) if self._wordings else name} "
            f"{'bad' if step == bad_at else 'good'}"
            for step in range(left)
        )
        tokens = sum(chance.randint(*TOKENS) for _ in rest)
        return Rollout(rest, Outcome.CORRECT if right else Outcome.INCORRECT, tokens)


def first_error(solution: Steps) -> int | None:
    return next((i for i, step in enumerate(solution) if step.endswith("bad")), None)


@dataclass(frozen=True)
class Grown:
    """Of one problem: every search's solution, in order, with the first error it found, and the
    rollouts that all of them took."""

    searched: list[tuple[Steps, int | None]]
    rollouts: int

    @property
    def distinct(self) -> int:
        return len({solution for solution, _ in self.searched})

    @property
    def exact(self) -> int:
        return len({s for s, found in self.searched if found == first_error(s)})


def ours(policy: Policy, searches: int, k: int, wave: int | None = None) -> Grown:
    tree = RolloutTree(TreeConfig(searches=searches, rollouts=k, wave=wave), k)
    while wanted := tree.next():
        for each in wanted:
            for _ in range(each.rollouts):
                tree.observe(each.node, policy.write(each.node))
    return Grown([(s, tree.finding(s).first_error) for s in tree.searched], policy.rollouts)


@dataclass(eq=False)
class _State:
    """A prefix as the peers keep it: another visit to the same prefix makes another state."""

    prefix: Steps
    value: float = 0.0
    visits: int = 0
    wrong: list[Rollout] = field(default_factory=list)


def peer(policy: Policy, searches: int, k: int, *, cleared: bool) -> Grown:
    """`cleared`: MM-PRM's rule, else openr's."""
    config, states = TreeConfig(), [_State(ROOT)]
    searched: list[tuple[Steps, int | None]] = []

    def sample(state: _State) -> None:
        rollouts = [policy.write(state.prefix) for _ in range(k)]
        state.wrong = [r for r in rollouts if r.outcome is Outcome.INCORRECT and r.steps]
        state.value = sum(r.outcome is Outcome.CORRECT for r in rollouts) / k

    def score(state: _State, rollout: Rollout) -> float:
        q = config.alpha ** (1 - state.value) * config.beta ** (rollout.tokens / config.length)
        visits = sum(s.visits for s in states) if cleared else 1
        return q + config.c_puct * sqrt(visits) / (1 + state.visits)

    sample(states[0])
    while len(searched) < searches:
        pool = [(s, r) for s in states if 0 < s.value < 1 for r in s.wrong]
        if not pool:
            break
        state, rollout = max(pool, key=lambda pair: score(*pair))
        solution = state.prefix + rollout.steps
        left, right = len(state.prefix) + 1, STEPS  # prefixes whose value is not known
        while left <= right:
            middle = (left + right) // 2
            visited = _State(solution[:middle])
            states.append(visited)
            if not cleared or middle < STEPS:
                sample(visited)
            left, right = (middle + 1, right) if visited.value else (left, middle - 1)
        searched.append((solution, left - 1))
        if cleared:
            state.wrong.remove(rollout)
            state.visits += 1
    return Grown(searched, policy.rollouts)


Rule = Callable[[Policy, int], Grown]
OPENR, MM_PRM = "openr's rule", "MM-PRM's rule"
KNOWN = {OPENR: "103.5 as known of it", MM_PRM: "44.9 as known of it"}
RULES: dict[str, Callable[..., Grown]] = {
    OPENR: partial(peer, cleared=False),
    MM_PRM: partial(peer, cleared=True),
    "ours": ours,
    "ours in waves": partial(ours, wave=2),
}


@dataclass(frozen=True)
class Found:
    """One rule's trees of the problems that every rule searched."""

    rule: str
    k: int
    searches: int
    wordings: int | None
    trees: list[Grown]

    @property
    def name(self) -> str:
        wordings = f", {self.wordings} wordings of a step" if self.wordings else ""
        return f"{self.rule}, k={self.k}, {self.searches} searches{wordings}"

    def each(self, rows: Sequence[int]) -> float:
        """Rollouts for each distinct search, of some of the problems."""
        some = [self.trees[row] for row in rows]
        return sum(t.rollouts for t in some) / sum(t.distinct for t in some)


def measure() -> list[list[Found]]:
    """Each setting, by every rule."""
    return [
        _by_every_rule(k, searches, wordings)
        for k, searches, wordings in (
            (PEERS_K, FEW, None),
            (8, FEW, None),
            (8, FEW, 3),
            (PEERS_K, PAPERS, None),
            (8, PAPERS, None),
        )
    ]


def _by_every_rule(k: int, searches: int, wordings: int | None) -> list[Found]:
    trees = {
        name: [rule(Policy(p, wordings), searches, k) for p in range(PROBLEMS)]
        for name, rule in RULES.items()
    }
    # whether a tree grows at all hangs on the first k rollouts, which are the same for every rule
    grew = [p for p in range(PROBLEMS) if trees["ours"][p].searched]
    return [Found(name, k, searches, wordings, [of[p] for p in grew]) for name, of in trees.items()]


def rows(found: Sequence[Sequence[Found]]) -> Iterator[Row]:
    for setting in found:
        yield from (_row(one) for one in setting)
        for mine, its in product(setting[2:], setting[:2]):
            every = range(len(mine.trees))
            ratio = partial(_ratio, mine, its)
            figure = f"{mine.name}: of {its.rule}'s rollouts for each distinct search"
            yield Row("trees", figure, ratio(every), _spread(ratio, every), len(every), "< 1")
    trees = [tree for setting in found for one in setting[2:] for tree in one.trees]
    made, distinct = [len(t.searched) for t in trees], [t.distinct for t in trees]
    yield Row("trees", "ours: searches in all", sum(made), n=len(made))
    yield Row("trees", "ours: repeated searches", sum(made) - sum(distinct), wanted="0")


def _row(one: Found) -> Row:
    every = range(len(one.trees))
    made = sum(len(t.searched) for t in one.trees)
    distinct = sum(t.distinct for t in one.trees)
    exact = sum(t.exact for t in one.trees) / distinct
    about = (
        f"{distinct} searches; {1 - distinct / made:.3f} repeated; first error exact {exact:.3f}"
    )
    compared = one.k == PEERS_K and one.searches == FEW
    return Row(
        "trees",
        f"{one.name}: rollouts for each distinct search",
        one.each(every),
        f"{_spread(one.each, every)}; {about}",
        len(every),
        KNOWN.get(one.rule, "< 44.9 (MM-PRM), < 103.5 (openr)") if compared else "",
    )


def _ratio(mine: Found, its: Found, rows: Sequence[int]) -> float:
    return mine.each(rows) / its.each(rows)


def _spread(figure: Callable[[Sequence[int]], float], every: Sequence[int]) -> str:
    """95% interval, by resampling problems."""
    rng = np.random.default_rng(0)
    values = [figure(rng.choice(every, len(every)).tolist()) for _ in range(RESAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"
