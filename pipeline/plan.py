"""What a run will cost, before it is paid: tokens a stage, from the problems and the configuration.

The estimate is rough on purpose and shows its assumptions; the run prints it against what was used.
Annotators say what they expect through `expected_completion_tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pipeline.annotator import Annotator, Expectation, VotingAnnotator
from pipeline.config import RunConfig, TreeConfig
from pipeline.records import Outcome, ProbeCount, Problem, Solution
from pipeline.search.tree import Rollout, RolloutTree, Steps

CHARS_PER_TOKEN = 3.5
ASSUMED_SOLUTION_TOKENS = 256
ASSUMED_STEPS = 8
GOES_ON = 0.4
"""Share of the solutions that a cascade leaves open after a witness, before a pilot has shown it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sampled tokens by stage. `solutions` is how many there will be; `assumed` says where their
    length comes from. `panel`: what a cascade's witnesses would sample, were each asked of every solution."""

    solutions: int
    solution_tokens: float
    by_stage: Mapping[str, int]
    assumed: str = ""
    panel: int | None = None

    @property
    def total(self) -> int:
        return sum(self.by_stage.values())


def make_plan(
    config: RunConfig,
    problems: Sequence[Problem],
    imported: Sequence[Solution] | None,
    annotators: Sequence[Annotator],
    cascaded: Sequence[Annotator] = (),
) -> Plan:
    """`imported`: solutions brought along, None where they are generated. `cascaded`: annotators that are not
    asked of every solution."""
    references = [p.reference for p in problems if p.reference]
    if imported:
        tokens = sum(len(s.text) for s in imported) / len(imported) / CHARS_PER_TOKEN
        steps = sum(len(s.steps) for s in imported) / len(imported)
        assumed = f"as the {len(imported)} solutions that were brought"
    elif references:
        tokens = sum(map(len, references)) / len(references) / CHARS_PER_TOKEN
        steps = sum(r.strip().count("\n") + 1 for r in references) / len(references)
        assumed = f"as the {len(references)} references"
    else:
        assumed = "a guess, as no problem has a reference"
        tokens, steps = ASSUMED_SOLUTION_TOKENS, ASSUMED_STEPS
    generate = config.generate
    if imported is None:
        tokens = min(tokens, generate.sampling.max_tokens)
    expectation = Expectation(tokens, steps)
    of_generator = expectation
    by_stage: dict[str, int] = {}
    if imported is not None:
        solutions = len(imported)
    elif generate.tree is None:
        solutions = len(problems) * generate.samples
        by_stage["generate"] = round(solutions * tokens)
    else:
        tree = expected_tree(generate.tree, generate.samples, max(1, round(steps)), tokens)
        assumed += "; a tree grows on every problem"
        solutions = len(problems) * tree.solutions
        by_stage["generate"] = round(len(problems) * tree.tokens)
        expectation = Expectation(tokens, steps, tree.wrong)
        of_generator = replace(expectation, known=tree.known, sampling=generate.sampling.sampling())
    for annotator in annotators:
        role = annotator.role
        known = role is not None and of_generator.known and _same_engine(config, role)
        expected = annotator.expected_completion_tokens(of_generator if known else expectation)
        by_stage[annotator.name] = round(solutions * expected)
    if config.cascade is None or not cascaded:
        return Plan(solutions, tokens, by_stage, assumed)
    names = [annotator.name for annotator in cascaded]
    panel = sum(by_stage[name] for name in names)
    votes = {a.name: a.votes_apart for a in cascaded if isinstance(a, VotingAnnotator)}
    piloted = min(1.0, config.cascade.pilot / max(1, solutions))
    shares = expected_shares({name: by_stage[name] for name in names}, votes)
    by_stage |= {n: round(by_stage[n] * (piloted + (1 - piloted) * shares[n])) for n in names}
    assumed += f"; {GOES_ON:.0%} of the solutions go on after each witness"
    return Plan(solutions, tokens, by_stage, assumed, panel)


def expected_shares(tokens: Mapping[str, int], votes: Mapping[str, int]) -> dict[str, float]:
    """Share of its tokens that a cascade asks of each witness, the cheapest part first: a judge's first
    vote, then another's, then the rest of their votes."""
    parts: list[tuple[float, str]] = []
    for name, of_all in tokens.items():
        first = of_all / votes.get(name, 1)
        parts += [(first, name)] if first == of_all else [(first, name), (of_all - first, name)]
    shares = dict.fromkeys(tokens, 0.0)
    for place, (part, name) in enumerate(sorted(parts)):
        shares[name] += GOES_ON**place * part / max(1, tokens[name])
    return shares


def _same_engine(config: RunConfig, role: str) -> bool:
    return config.engine_for(role) == config.engine_for("generator")


class ExpectedTree(NamedTuple):
    """Of one problem: its solutions, the share of them that is wrong, the tokens sampled, and what is
    known of a searched solution's prefixes."""

    solutions: int
    wrong: float
    tokens: float
    known: tuple[ProbeCount, ...]


def expected_tree(config: TreeConfig, samples: int, steps: int, tokens: float) -> ExpectedTree:
    """The tree of solutions of `steps` steps and `tokens` tokens, no two of which share a step, where
    two rollouts of three from a good prefix succeed and none from a bad one: a wrong one errs in the
    middle of what it writes."""
    tree = RolloutTree(config, samples)
    rollouts: list[tuple[Steps, Rollout]] = []
    while wanted := tree.next():
        for each in wanted:
            for _ in range(each.rollouts):
                number, node = len(rollouts), each.node
                wrong = "bad" in node or number % 3 == 0
                rest = [f"{number}"] * (steps - len(node))
                if wrong:
                    rest[len(rest) // 2] = "bad"
                outcome = Outcome.INCORRECT if wrong else Outcome.CORRECT
                written = Rollout(tuple(rest), outcome, round(tokens * len(rest) / steps))
                rollouts.append((node, written))
                tree.observe(node, written)
    roots = {node + r.steps for node, r in rollouts if not node}
    wrong_roots = sum(r.outcome is Outcome.INCORRECT for node, r in rollouts if not node)
    others = [solution for solution in tree.searched if solution not in roots]
    solutions = samples + len(others)
    return ExpectedTree(
        solutions,
        (wrong_roots + len(others)) / solutions,
        float(sum(r.tokens for _, r in rollouts)),
        tree.counts(tree.searched[0]) if tree.searched else (),
    )
