"""Fresh problems of the hard split's hash and levels, which no model was trained on: for training PRMs, for
choosing their thresholds, and held out. None is among the others, nor in a shipped file."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.files import write_text
from pipeline.testbed.grammar import (
    SPLIT_LEVELS,
    Split,
    kind_of,
    make_problem,
    problem_id,
    split_of,
    split_rows,
)

LEVELS = SPLIT_LEVELS[Split.HARD]


def drawn(sizes: Mapping[str, int], seed: str = "prove") -> dict[str, list[dict[str, Any]]]:
    """So many problems under each name, from one seed; a later name's size changes no earlier one's."""
    taken = set(_shipped())
    found: dict[str, list[dict[str, Any]]] = {}
    for name, size in sizes.items():
        rng = random.Random(f"{seed}-{name}")
        rows = found[name] = []
        while len(rows) < size:
            level = LEVELS[len(rows) % len(LEVELS)]
            problem = make_problem(rng, level)
            if split_of(problem.text) is not Split.HARD or problem.text in taken:
                continue
            taken.add(problem.text)
            rows.append(
                {
                    "id": problem_id(problem.text),
                    "question": problem.text,
                    "answer": problem.answer,
                    "level": level,
                    "kind": kind_of(problem),
                }
            )
    return found


@cache
def _shipped() -> frozenset[str]:
    return frozenset(str(row["question"]) for row in split_rows(Split.HARD))


def written(rows: list[dict[str, Any]], path: Path) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return path
