"""Solutions the policy wrote to training problems, labelled by the oracle, for the judge."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.testbed.corpus import level_for
from pipeline.testbed.grammar import Split, kind_of, make_problem, problem_id, split_of
from pipeline.testbed.score import Row, sample_solutions
from pipeline.testbed.tokenizer import MOST_STEPS

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


def write_own_samples(
    model: LlamaForCausalLM,
    path: Path,
    *,
    count: int,
    seed: int,
    split: Split = Split.TRAIN,
    clean_share: float = 0.5,
) -> int:
    """Sample `count` solutions at T 1.0 and write them as JSONL; returns how many were kept.

    All with a wrong step are kept and of the others so many that they make up `clean_share`.
    Solutions without an answer line are left out.
    """
    rng = random.Random(f"own-{seed}-{split.value}")
    rows: list[Row] = []
    while len(rows) < count:
        level = level_for(rng, 1.0)
        problem = make_problem(rng, level)
        if split_of(problem.text) is split:
            rows.append(Row(problem_id(problem.text), problem.text, level, kind_of(problem)))
    judged = sample_solutions(model, rows, temperature=1.0, seed=seed)
    judged = [j for j in judged if j.oracle.answer is not None and len(j.steps) <= MOST_STEPS]
    wrong = [j for j in judged if j.oracle.first_error >= 0]
    clean = [j for j in judged if j.oracle.first_error < 0]
    kept = wrong + clean[: int(len(wrong) * clean_share / (1 - clean_share))]
    rng.shuffle(kept)
    lines = (
        json.dumps(
            {"question": j.row.question, "steps": j.steps, "first_error": j.oracle.first_error}
        )
        for j in kept
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(temporary, path)
    return len(kept)
