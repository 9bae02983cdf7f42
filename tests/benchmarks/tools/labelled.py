"""Steps that people labelled, read from the public data sets; none of them is shipped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Labelled:
    """`first_error` is -1 where every step is right; `right` are the steps rated so, where each was
    rated."""

    id: str
    problem: str
    steps: tuple[str, ...]
    first_error: int
    right: tuple[int, ...] = ()


def folder() -> Path | None:
    """Where the public data sets lie, if they do."""
    path = Path(os.environ.get("STEPLABEL_TEST_DATA", ROOT.parent / "shared" / "data"))
    return path if path.is_dir() else None


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def processbench(data: Path) -> list[Labelled]:
    rows = json.loads((data / "processbench" / "gsm8k.json").read_text(encoding="utf-8"))
    return [Labelled(r["id"], r["problem"], tuple(r["steps"]), r["label"]) for r in rows]


def prm800k(data: Path) -> list[Labelled]:
    return [
        Labelled(
            str(r["id"]),
            str(r["problem"]),
            tuple(r["steps"]),
            int(r["label"]),
            tuple(i for i, rating in enumerate(r["ratings"]) if rating == 1),
        )
        for r in lines(data / "prm800k" / "val.jsonl")
    ]


def gsm8k_answers(data: Path) -> list[Labelled]:
    return [
        Labelled(f"{name}-{at}", str(r["question"]), (str(r["answer"]),), -1)
        for name in ("train", "test")
        for at, r in enumerate(lines(data / "gsm8k" / f"{name}.jsonl"))
    ]


def multistep_arithmetic(data: Path) -> list[Labelled]:
    return [
        Labelled(
            f"multistep_arithmetic-{at}",
            str(r["input"]),
            tuple(r["steps"]),
            -1 if r["mistake_index"] is None else int(r["mistake_index"]),
        )
        for at, r in enumerate(lines(data / "bbmistake" / "multistep_arithmetic.jsonl"))
    ]
