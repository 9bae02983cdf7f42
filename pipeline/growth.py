"""From a problem's solutions to a tree of them: the generator continues the prefixes that
`pipeline.search.tree` names.

Each call is recorded like any other, and which calls are made depends on their answers alone: a run
that was killed makes the same tree from its record, and one with more searches grows it further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pipeline.config import TreeConfig
from pipeline.engine.protocol import Completion, Engine, Prompt, SampleRequest, Sampling, Turns
from pipeline.errors import BadRequestError
from pipeline.records import Cost, Outcome, Solution
from pipeline.search.tree import ROOT, Rollout, RolloutTree, Steps, Wanted

VERSION = 2
"""Raised when a tree is grown otherwise."""

FIRST_DRAW = 1_000_000
"""Of a prefix that a tree continues. Those who annotate begin at 0: their rollouts are others."""

Write = Callable[[Steps, Completion], Awaitable[Solution]]
"""(steps given, what the policy wrote after them) -> the graded solution."""


async def grown(
    roots: Sequence[Solution],
    config: TreeConfig,
    turns: Turns,
    sampling: Sampling,
    engine: Engine,
    write: Write,
) -> list[Solution]:
    """The sampled solutions, then every other one that was searched, in the order of the searches.
    Each has what is known of its prefixes, and is charged with the calls of its search.

    Raises EngineFaultError.
    """
    tree = RolloutTree(config, len(roots))
    for root in roots:
        tree.observe(ROOT, Rollout(root.steps, root.outcome, root.cost.completion_tokens))
    policy = _Policy(turns, sampling, engine, write)
    while wanted := tree.next():
        for each in wanted:
            for rollout in await policy.rollouts(each):
                tree.observe(each.node, rollout)
    kept: list[Solution] = []
    texts = {root.steps for root in roots}
    others = [policy.wrong[steps] for steps in tree.searched if steps not in texts]
    for index, solution in enumerate((*roots, *others)):
        # of solutions alike, the first is charged
        cost = solution.cost + policy.costs.pop(solution.steps, Cost())
        known = tree.counts(solution.steps)
        kept.append(replace(solution, index=index, known=known, cost=cost))
    return kept


class _Policy:
    """Samples what a tree wants. `wrong`: the wrong solutions that were sampled, by their steps;
    `costs`: what the search of each solution took."""

    def __init__(self, turns: Turns, sampling: Sampling, engine: Engine, write: Write) -> None:
        self._turns = turns
        self._sampling = sampling
        self._engine = engine
        self._write = write
        self._draws: Counter[Steps] = Counter()
        self._rendered: tuple[Steps, list[Prompt]] | None = None
        self.wrong: dict[Steps, Solution] = {}
        self.costs: dict[Steps, Cost] = {}

    async def rollouts(self, wanted: Wanted) -> list[Rollout]:
        """Undecided ones where the engine refuses the prefix (too long, say)."""
        node, n = wanted.node, wanted.rollouts
        draw = FIRST_DRAW + self._draws[node]
        self._draws[node] += 1
        try:
            prompt = self._prompts(wanted.solution)[wanted.prefix]
            result = await self._engine.sample(SampleRequest(prompt, self._sampling, n, draw))
        except BadRequestError:
            return [Rollout((), Outcome.UNDECIDED, 0)] * n
        cost = self.costs.get(wanted.solution, Cost())
        self.costs[wanted.solution] = cost + result.cost
        rollouts = []
        for completion in result.completions:
            solution = await self._write(node, completion)
            if solution.outcome is Outcome.INCORRECT:
                self.wrong.setdefault(solution.steps, solution)
            tokens = len(completion.token_ids) or result.cost.completion_tokens // n
            # a splitter may cut the text so that the node is no prefix of its steps
            follows = solution.steps[: len(node)] == node
            steps = solution.steps[len(node) :] if follows else ()
            rollouts.append(Rollout(steps, solution.outcome, tokens))
        return rollouts

    def _prompts(self, solution: Steps) -> list[Prompt]:
        if self._rendered is None or self._rendered[0] != solution:
            prompts = self._engine.renderer.prefixes(self._turns, solution)
            self._rendered = solution, prompts
        return self._rendered[1]
