"""How good the policy and the judge are, measured against the oracle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import torch

from pipeline.errors import InputError
from pipeline.testbed.judge_format import parse_check, render_prompt
from pipeline.testbed.oracle import OracleVerdict, judge_solution
from pipeline.testbed.sampler import sample_texts

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


class Share(NamedTuple):
    """`hits` of `n`, with Wilson's interval."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else float("nan")

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        if self.n == 0:
            return 0.0, 1.0
        z = NormalDist().inv_cdf(0.5 + level / 2)
        p, spread = self.value, z * z / self.n
        centre = (p + spread / 2) / (1 + spread)
        half = z / (1 + spread) * (p * (1 - p) / self.n + spread / (4 * self.n)) ** 0.5
        return centre - half, centre + half

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.value:.3f} ({low:.3f}-{high:.3f})"


@dataclass(frozen=True)
class Row:
    """A problem of a split."""

    id: str
    question: str
    level: int
    kind: str


@dataclass(frozen=True)
class Judged:
    """A sampled solution and what the oracle says of it."""

    row: Row
    steps: tuple[str, ...]
    oracle: OracleVerdict


def read_rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise InputError(f"{path}: no such split; `steplabel testbed splits` writes them")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Row(r["id"], r["question"], r["level"], r["kind"]) for r in rows]


def sample_solutions(
    model: LlamaForCausalLM, rows: Sequence[Row], *, temperature: float, seed: int
) -> list[Judged]:
    """One solution of each row, judged by the oracle."""
    generator = torch.Generator().manual_seed(seed)
    prompts = [f"{row.question}\n" for row in rows]
    texts = sample_texts(model, prompts, temperature=temperature, generator=generator)
    found: list[Judged] = []
    for row, text in zip(rows, texts, strict=True):
        steps = tuple(text.splitlines(keepends=True))
        found.append(Judged(row, steps, judge_solution(row.question, steps)))
    return found


@dataclass(frozen=True)
class PolicyScore:
    """`step_error`: first errors over the steps up to and including them.

    `hidden`: right answers with a wrong step; `apart`: wrong answers whose first wrong step is
    not the first fatal one.
    """

    solved: Share
    step_error: Share
    hidden: Share
    apart: Share
    kinds: Counter[str]


def score_policy(judged: Sequence[Judged]) -> PolicyScore:
    verdicts = [item.oracle for item in judged]
    right = [v for v in verdicts if v.correct]
    wrong = [v for v in verdicts if not v.correct]
    errors = [v.first_error for v in verdicts if v.first_error >= 0]
    at_risk = sum(v.first_error + 1 if v.first_error >= 0 else len(v.step_kinds) for v in verdicts)
    return PolicyScore(
        solved=Share(len(right), len(verdicts)),
        step_error=Share(len(errors), at_risk),
        hidden=Share(sum(v.first_error >= 0 for v in right), len(right)),
        apart=Share(sum(v.first_error != v.first_fatal for v in wrong), len(wrong)),
        kinds=Counter(v.step_kinds[v.first_error].value for v in verdicts if v.first_error >= 0),
    )


@dataclass(frozen=True)
class JudgeScore:
    """Exactness of the first error named, ProcessBench's way (arXiv 2412.06559).

    An unparsable check is inexact. A judge that always says "no error" has an F1 of 0 and is
    exact on as many solutions as are clean.
    """

    on_wrong: Share
    on_clean: Share
    unparsed: int

    @property
    def f1(self) -> float:
        a, b = self.on_wrong.value, self.on_clean.value
        return 2 * a * b / (a + b) if a + b > 0 else 0.0

    @property
    def exact(self) -> Share:
        return Share(self.on_wrong.hits + self.on_clean.hits, self.on_wrong.n + self.on_clean.n)


def judge_votes(
    model: LlamaForCausalLM, judged: Sequence[Judged], *, temperature: float, votes: int, seed: int
) -> list[list[int | None]]:
    """`votes` first errors a solution; None for one that can't be parsed."""
    generator = torch.Generator().manual_seed(seed)
    prompts = [render_prompt(j.row.question, j.steps) for j in judged for _ in range(votes)]
    texts = sample_texts(model, prompts, temperature=temperature, generator=generator)
    parsed = [parse_check(text, judged[i // votes].steps) for i, text in enumerate(texts)]
    return [parsed[i : i + votes] for i in range(0, len(parsed), votes)]


def majority(votes: Sequence[int | None]) -> int | None:
    """What more than half of the parsed votes name."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return None
    named, count = counts.most_common(1)[0]
    return named if 2 * count > counts.total() else None


def score_judge(judged: Sequence[Judged], named: Sequence[int | None]) -> JudgeScore:
    """`named`: the first error the judge names for each solution, None for no verdict."""
    pairs = [(j.oracle.first_error, name) for j, name in zip(judged, named, strict=True)]
    wrong = [(true, name) for true, name in pairs if true >= 0]
    clean = [(true, name) for true, name in pairs if true < 0]
    return JudgeScore(
        on_wrong=Share(sum(t == n for t, n in wrong), len(wrong)),
        on_clean=Share(sum(t == n for t, n in clean), len(clean)),
        unparsed=sum(name is None for _, name in pairs),
    )
