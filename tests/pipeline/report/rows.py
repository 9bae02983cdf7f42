"""Runs to make pages of: plain, hostile and large, written through the real stores."""

from __future__ import annotations

import json
import random
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import MAX_WBITS, decompress

from pipeline.config import RunConfig
from pipeline.join import Annotated
from pipeline.records import Check, Label, ProbeCount, Status, Verdict, Vote, step_labels_for
from pipeline.report import write_report
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import item


def page_of(folder: Path, items: list[Annotated], name: str = "run") -> Path:
    """The page of a run that holds these rows."""
    run = write_run(folder, name, items)
    return page_of_run(run)


def page_of_run(run: RunFolder) -> Path:
    config = RunConfig.load(run.folder / "config.yaml")
    write_report(config, run, run.report, run.annotators())
    return run.report


def unpack(page: str, name: str) -> Any:
    """A block of a page, as its script reads it."""
    found = re.search(rf'<script type="[^"]+" id="{name}">([^<]*)</script>', page)
    assert found is not None, name
    return json.loads(decompress(b64decode(found[1]), -MAX_WBITS))


def details(page: str) -> list[Any]:
    """Every solution of a page in full."""
    count = len(unpack(page, "index")["starts"])
    return [row for number in range(count) for row in unpack(page, f"chunk-{number}")]


def hostile_item(number: int, text: str) -> Annotated:
    """A solution in which every text that a model or a user wrote is `text`."""
    plain = item(number, first_error=1)
    steps = (text, text or "step", text)
    solution = replace(
        plain.solution,
        id=f"{number}:{text[:200]}",
        problem_id=text[:200],
        question=text,
        gold=text[:500],
        steps=steps,
        answer=text[:500],
        level=text[:200],
        reference=text,
        generator=text[:200],
    )
    votes = (Vote(1, text), Vote(-1, text), Vote(None, text, text[:200]))
    checks = (Check(1, 0, 5, text[:500], Status.CONTRADICTED, text[:500]),)
    verdicts = {
        "judge": Verdict(solution.id, "judge", 1, text[:500], votes=votes),
        "checks": Verdict(solution.id, "checks", 1, checks=checks),
    }
    label = Label(solution.id, None, (None,) * 3, reason=text[:200] or "none")
    return Annotated(solution, verdicts, label)


_SENTENCE = "the pens that {0} bought cost {1} dollars each so {0} pays {1} * {2} = {3} dollars\n"


def large_batch(solutions: int, seed: int = 0) -> list[Annotated]:
    """Solutions of 4 to 12 steps, 4 a problem, with rollouts, three votes with rationales and checks."""
    chance = random.Random(seed)
    return [_large(number, chance) for number in range(solutions)]


def _large(number: int, chance: random.Random) -> Annotated:
    n = chance.randint(4, 12)
    steps = tuple(
        _SENTENCE.format(
            chance.choice(["Ana", "Ben", "Eli", "Mia"]), a := chance.randint(2, 99), b, a * b
        )
        for b in (chance.randint(2, 99) for _ in range(n))
    )
    first_error = chance.choice((-1, -1, chance.randrange(n)))
    kept = chance.random() < 0.7
    plain = item(number // 4, number % 4, first_error if kept else None, steps)
    question = " ".join(chance.choice(_SENTENCE.split()) for _ in range(60))
    solution = replace(plain.solution, id=f"s{number:06d}", question=question, level=str(n % 5))
    heard = first_error if kept else chance.randrange(n)
    probes = tuple(
        ProbeCount(t, chance.randint(0, 8), 8) for t in sorted(chance.sample(range(n), 3))
    )
    words = [" ".join(chance.choice(_SENTENCE.split()) for _ in range(120)) for _ in range(3)]
    checks = tuple(
        Check(
            t,
            text.index("pays") + 5,
            len(text) - 9,
            text[text.index("pays") + 5 : -9],
            Status.EXACT,
        )
        for t, text in enumerate(steps)
    )
    verdicts = {
        "rollouts": Verdict(
            solution.id,
            "rollouts",
            first_error,
            log_likelihood=tuple(-10 * chance.random() for _ in range(n + 1)),
            probes=probes,
        ),
        "judge": Verdict(
            solution.id, "judge", heard, votes=tuple(Vote(heard, text) for text in words)
        ),
        "arithmetic": Verdict(
            solution.id, "arithmetic", None, "nothing contradicted", checks=checks
        ),
    }
    sure = round(0.5 + chance.random() / 2, 3) if kept else None
    label = Label(
        solution.id,
        first_error if kept else None,
        step_labels_for(first_error if kept else None, n),
        confidence=sure,
        agreed=("rollouts", "judge") if kept else (),
        reason=None if kept else f"disagree: rollouts say {first_error}",
    )
    return Annotated(solution, verdicts, label)
