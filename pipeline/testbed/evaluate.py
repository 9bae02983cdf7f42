"""A short look at a model in training, on problems of the dev split."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.testbed.facts import parse_problem
from pipeline.testbed.grammar import Split, kind_of, make_problem, problem_id, split_of
from pipeline.testbed.inject import flawed_solution
from pipeline.testbed.oracle import judge_solution
from pipeline.testbed.score import (
    Judged,
    Row,
    judge_votes,
    sample_solutions,
    score_judge,
    score_policy,
)

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from pipeline.testbed.corpus import Sample

LEVELS_LOOKED_AT = (3, 4, 5)
PROBLEMS_A_LEVEL = 40


@cache
def dev_rows(level: int) -> tuple[Row, ...]:
    """The same problems of the dev split each time."""
    rng = random.Random(f"look-{level}")
    found: list[Row] = []
    while len(found) < PROBLEMS_A_LEVEL:
        problem = make_problem(rng, level)
        if split_of(problem.text) is Split.DEV:
            row = Row(problem_id(problem.text), problem.text, level, kind_of(problem))
            found.append(row)
    return tuple(found)


def policy_report(model: LlamaForCausalLM) -> str:
    """One line: solve rate and step error of each level, sampled at T 1.0."""
    model.eval()
    parts: list[str] = []
    for level in LEVELS_LOOKED_AT:
        score = score_policy(sample_solutions(model, dev_rows(level), temperature=1.0, seed=0))
        parts.append(
            f"level {level}: solved {score.solved.value:.2f}, "
            f"step error {score.step_error.value:.3f}"
        )
    return "; ".join(parts)


def judge_report(model: LlamaForCausalLM, own: Sequence[Sample]) -> str:
    """One line: exactness, greedy, on injected errors and on the policy's own, where given."""
    model.eval()
    parts: list[str] = []
    for name, cases in (("injected", injected_cases()), ("own", own_cases(own))):
        if cases:
            votes = judge_votes(model, cases, temperature=0.0, votes=1, seed=0)
            score = score_judge(cases, [vote[0] for vote in votes])
            parts.append(
                f"{name}: F1 {score.f1:.3f}, on wrong {score.on_wrong.value:.2f}, "
                f"on clean {score.on_clean.value:.2f}, n {score.exact.n}"
            )
    return "; ".join(parts)


def injected_cases() -> list[Judged]:
    """Right solutions and ones with an error put in, in turn."""
    rng = random.Random("injected")
    cases: list[Judged] = []
    for row in (row for level in LEVELS_LOOKED_AT for row in dev_rows(level)):
        problem = parse_problem(row.question)
        steps = flawed_solution(rng, problem).steps if len(cases) % 2 else problem.reference
        cases.append(Judged(row, steps, judge_solution(row.question, steps)))
    return cases


def own_cases(samples: Sequence[Sample]) -> list[Judged]:
    """Sampled solutions as cases; their level is of no interest here."""
    return [
        Judged(Row("", s.question, 0, ""), s.steps, judge_solution(s.question, s.steps))
        for s in samples
    ]


def own_dev_file(samples: Path) -> Path:
    """Where a look at the judge finds solutions to dev problems, beside the training ones."""
    return samples.with_name(f"{samples.stem}-dev.jsonl")
