"""A short look at a model in training, on problems of the dev split."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pipeline.testbed.facts import Problem
from pipeline.testbed.grammar import Split, make_problem, split_of
from pipeline.testbed.inject import flawed_solution
from pipeline.testbed.judge_format import parse_check, render_prompt
from pipeline.testbed.model import sample_texts

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


@cache
def _dev_problems(level: int, count: int) -> tuple[Problem, ...]:
    rng = random.Random(f"look-{level}")
    found: list[Problem] = []
    while len(found) < count:
        problem = make_problem(rng, level)
        if split_of(problem.text) is Split.DEV:
            found.append(problem)
    return tuple(found)


def quick_report(model: LlamaForCausalLM, role: str, own: Path) -> str:
    """One line: solve rate and share of wrong steps by level, or the judge's exactness."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    if role == "policy":
        return _policy(model, generator)
    return _judge(model)


def _policy(model: LlamaForCausalLM, generator: torch.Generator) -> str:
    parts: list[str] = []
    for level in (3, 4, 5):
        problems = _dev_problems(level, 40)
        texts = sample_texts(
            model, [p.text + "\n" for p in problems], temperature=1.0, generator=generator
        )
        solved = sum(
            t.endswith(f"Answer : {p.answer}\n") for p, t in zip(problems, texts, strict=True)
        )
        wrong = steps = 0
        for problem, text in zip(problems, texts, strict=True):
            right = set(problem.reference)
            for line in text.splitlines(keepends=True):
                steps += 1
                if line not in right:
                    wrong += 1
                    break
        parts.append(f"level {level}: solved {solved / 40:.2f}, step error {wrong / steps:.3f}")
    return "; ".join(parts)


def _judge(model: LlamaForCausalLM) -> str:
    rng = random.Random(5)
    problems = [p for level in (3, 4, 5) for p in _dev_problems(level, 40)]
    cases = [
        (p, *flawed_solution(rng, p)[:2]) if i % 2 else (p, p.reference, -1)
        for i, p in enumerate(problems)
    ]
    prompts = [render_prompt(p.text, steps) for p, steps, _ in cases]
    texts = sample_texts(model, prompts, temperature=0.0)
    hits = {True: [0, 0], False: [0, 0]}
    for (_, steps, first), text in zip(cases, texts, strict=True):
        hits[first >= 0][0] += parse_check(text, len(steps)) == first
        hits[first >= 0][1] += 1
    wrong, clean = (hits[k][0] / hits[k][1] for k in (True, False))
    return f"injected: exact on wrong {wrong:.2f}, on clean {clean:.2f}"
