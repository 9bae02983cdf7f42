"""The rollout tree (OmegaPRM, Luo et al. 2024, arXiv 2406.06592): which wrong rollouts are searched for
their first error, and what each rollout tells of the others.

A node (the paper's state s) is a prefix of steps; the root is the bare problem. A search selects, among
the wrong rollouts r of the nodes with 0 < MC(s) < 1, the one with the highest Q(s, r) + U(s):

    Q(s, r) = alpha^(1 - MC(s)) * beta^(len(r) / L)         len(r): its tokens
    U(s) = c_puct * sqrt(sum of all N) / (1 + N(s))         N(s): how often a rollout of s was selected

and bisects it (`pipeline.search.bisection`). The prefixes that the bisection visits become nodes, and
their rollouts may be selected in turn. Each text is searched once, so that each (s, r) is.

A rollout counts at the node it was sampled from and at every deeper node that it passes through, as it
is a draw from the policy there, too. Two are left out, since both are known to be wrong beforehand: at
a new node the solution that it was made for, and of what is known of a solution that solution itself.

Here a bisection begins between the prefixes that are known already, and one is taken up again when a
later rollout, passing through a prefix that seemed bad, turns out right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import NamedTuple

from pipeline.config import TreeConfig
from pipeline.records import Outcome, ProbeCount, content_hash
from pipeline.search.bisection import Bisection, BisectionOptions
from pipeline.search.counts import Counts
from pipeline.search.protocol import Finding, Known

Steps = tuple[str, ...]
ROOT: Steps = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rollouts` continuations from the first `prefix` steps of `solution`, which is being searched."""

    solution: Steps
    prefix: int
    rollouts: int

    @property
    def node(self) -> Steps:
        return self.solution[: self.prefix]


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the policy wrote after a node. `steps` is empty where they can't be told from the node's
    own: it then counts at the node and is never searched."""

    steps: Steps
    outcome: Outcome
    tokens: int


class _Drawn(NamedTuple):
    """A rollout with the whole solution that it ends, and what decides a tie."""

    solution: Steps
    rollout: Rollout
    tie: str


@dataclass(slots=True)
class _Node:
    """`own`: rollouts sampled from here. `through`: those of nodes above that pass through it."""

    own: list[_Drawn] = field(default_factory=list)
    through: list[_Drawn] = field(default_factory=list)
    visits: int = 0


class RolloutTree:
    """The tree of one problem, a state machine without I/O like `pipeline.search.protocol`'s searches.

    `next()` names the rollouts it wants, first `samples` of the bare problem; each is given back with
    `observe`, in any order; when all are back, `next()` is asked again; an empty round means it has
    finished. A tree that was told the same begins the same: a larger `searches` only adds to it.
    """

    def __init__(self, config: TreeConfig, samples: int) -> None:
        self._config = config
        self._samples = samples
        k = config.rollouts
        self._bisection = BisectionOptions(
            rollouts=k, wave=k, check_start=False, spare=config.spare
        )
        self._nodes: dict[Steps, _Node] = {ROOT: _Node()}
        self._searched: dict[Steps, None] = {}
        self._unsettled: set[Steps] = set()
        self._visited: Wanted | None = None
        self._rollouts = 0

    def next(self) -> list[Wanted]:
        if (missing := self._samples - len(self._nodes[ROOT].own)) > 0:
            return [Wanted(ROOT, 0, missing)]
        if self._visited and (wanted := self._lacking(self._visited)):
            return [wanted]
        while True:
            solution = next((s for s in self._searched if s in self._unsettled), None)
            if solution is None:
                solution = self._select()
                if solution is None:
                    return []
                self._searched[solution] = None
            if wanted := self._wanted(solution):
                return [wanted]
            self._unsettled.discard(solution)

    def observe(self, node: Steps, rollout: Rollout) -> None:
        """One rollout that was sampled from `node`."""
        solution = node + rollout.steps
        drawn = _Drawn(solution, rollout, content_hash(solution))
        self._rollouts += 1
        for prefix, at in self._nodes.items():
            if prefix == node:
                at.own.append(drawn)
            elif _passes(drawn.solution, prefix, node):
                at.through.append(drawn)
            else:
                continue
            self._unsettle(prefix)

    @property
    def searched(self) -> tuple[Steps, ...]:
        """The solutions that were searched, in their order."""
        return tuple(self._searched)

    def finding(self, solution: Steps) -> Finding:
        """Of a wrong solution, from what is known so far."""
        search = self._search(solution)
        search.next()
        return search.finding()

    def counts(self, solution: Steps) -> tuple[ProbeCount, ...]:
        """Rollouts from each prefix 1..T-1 of a solution that is a node, the solution itself aside."""
        nodes = [n for n in self._nodes if _passes(solution, n, ROOT) and n != solution]
        counts = (self.count(node, but=solution) for node in sorted(nodes, key=len))
        return tuple(count for count in counts if count.decided or count.undecided)

    def count(self, node: Steps, but: Steps | None = None) -> ProbeCount:
        """Rollouts from a node; `but`: without those that pass through it on the way to a solution."""
        at, counts = self._nodes[node], Counts()
        for drawn in (*at.own, *(d for d in at.through if d.solution != but)):
            counts.observe(len(node), drawn.rollout.outcome)
        return next(iter(counts.all), ProbeCount(len(node), 0, 0))

    def _select(self) -> Steps | None:
        """Begin the next search: the solution of the best (node, rollout), None when there is none or
        the budget is spent. A tie goes by a hash of the texts: it favours no kind of text."""
        if len(self._searched) >= self._config.searches:
            return None
        if self._config.budget is not None and self._rollouts >= self._config.budget:
            return None
        best = min(self._candidates(), default=None)
        if best is None:
            return None
        _, _, solution, node = best
        self._nodes[node].visits += 1
        return solution

    def _candidates(self) -> Iterator[tuple[float, str, Steps, Steps]]:
        """(-(Q + U), tie, solution, node) of each wrong rollout that was not searched."""
        config, visits = self._config, sum(node.visits for node in self._nodes.values())
        for prefix, node in self._nodes.items():
            count = self.count(prefix)
            if not 0 < count.right < count.decided:
                continue
            seldom = config.c_puct * sqrt(visits) / (1 + node.visits)
            value = config.alpha ** (1 - count.right / count.decided)
            for solution, rollout, tie in node.own:
                wrong = rollout.outcome is Outcome.INCORRECT
                if wrong and rollout.steps and solution not in self._searched:
                    short = config.beta ** (rollout.tokens / config.length)
                    yield -(value * short + seldom), tie, solution, prefix

    def _search(self, solution: Steps) -> Bisection:
        known = self.counts(solution)
        return Bisection(self._bisection, len(solution), Outcome.INCORRECT, Known(rollouts=known))

    def _wanted(self, solution: Steps) -> Wanted | None:
        """What the bisection of a solution wants next."""
        while probes := self._search(solution).next():
            probe = probes[0]
            self._visited = Wanted(solution, probe.prefix, probe.rollouts)
            if self._visited.node in self._nodes:
                return self._visited
            self._make(self._visited.node, solution)
            if wanted := self._lacking(self._visited):
                return wanted
        return None

    def _lacking(self, visited: Wanted) -> Wanted | None:
        """What a node that a bisection visits still lacks: k rollouts even where one is right. Else only
        prefixes that fail before they succeed had wrong rollouts to select, and most of those are bad
        ones with a lucky success."""
        count, config = self.count(visited.node), self._config
        missing = Counts((count,)).missing(visited.prefix, config.rollouts, config.spare)
        if config.wave is not None:
            missing = 0 if 0 < count.right < count.decided else min(missing, config.wave)
        return replace(visited, rollouts=missing) if missing else None

    def _make(self, node: Steps, made_for: Steps) -> None:
        self._nodes[node] = _Node(
            through=[
                drawn
                for above, at in self._nodes.items()
                for drawn in at.own
                if drawn.solution != made_for and _passes(drawn.solution, node, above)
            ]
        )
        self._unsettle(node)

    def _unsettle(self, node: Steps) -> None:
        """What is known of a node has changed: the searches through it are looked at again."""
        self._unsettled.update(s for s in self._searched if s[: len(node)] == node)


def _passes(solution: Steps, node: Steps, above: Steps) -> bool:
    """Whether a solution sampled from `above` passes through `node`, which lies below it."""
    return len(node) > len(above) and solution[: len(node)] == node
