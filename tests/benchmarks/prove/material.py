"""What `make prove` works on, sampled once into its folder: a run with a panel on the problems to train on,
and held-out solutions, as the policy writes them, that the oracle judges. A killed sampling goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import track

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.files import read_json, write_text
from pipeline.join import Annotated, annotated
from pipeline.records import Outcome, content_hash
from pipeline.run_folder import RunFolder
from pipeline.testbed.model import load_model
from pipeline.testbed.oracle import judge_solution
from pipeline.testbed.score import Row, sample_solutions
from tests.benchmarks.consensus.panel_run import SECOND
from tests.benchmarks.prove.problems import drawn, written
from tests.benchmarks.quality import RECIPE

POLICY = Path("data/tinymath/policy")
WITNESSES = ("rollouts", "judge", "second", "arithmetic")
SIZES = {"train": 1200, "dev": 150, "test": 520}
"""Problems of each kind."""
SAMPLES = 4
BEST_OF = 8
AT_ONCE = 40
"""Problems whose held-out solutions are sampled between two savings."""
BISECTION = "annotators.rollouts.search={rollouts: 8, wave: 8, check_start: false}"
"""As published: all eight are sampled at a prefix, and the bare problem is taken for good."""


@dataclass(frozen=True)
class HeldOut:
    """A solution that no PRM is trained on. `problem`: its place among its kind's problems."""

    problem: int
    question: str
    steps: tuple[str, ...]
    first_error: int
    answer: str | None
    correct: bool


def panel(folder: Path, sizes: Mapping[str, int]) -> RunConfig:
    """The run that samples the solutions to train on, and hears all witnesses of each."""
    path = written(drawn(sizes)["train"], folder / "train.jsonl")
    return RunConfig.load(
        RECIPE,
        [
            f"problems.path={path}",
            "problems.limit=null",
            "problems.columns={id: id, level: level}",
            "name=panel",
            f"runs_dir={folder}",
            f"generate.samples={SAMPLES}",
            BISECTION,
            f"engines.judge2={SECOND}",
            "annotators.second={kind: judge, role: judge2, votes: 3, prompt: tinymath, "
            "sampling: {max_tokens: 640, temperature: 0.4}}",
            "consensus.witnesses=[rollouts, judge, second]",
            "budget_tokens=20000000",
        ],
    )


def is_there(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether nothing is left to sample."""
    paths = [path for name in ("dev", "test") for _, _, path in _chunks(folder, name, sizes)]
    return _finished(panel(folder, sizes)) and all(path.exists() for path in paths)


def to_train_on(folder: Path, sizes: Mapping[str, int]) -> list[Annotated]:
    """Solutions that differ, of a decided outcome, in an order by content, with every witness's verdict."""
    config = panel(folder, sizes)
    if not _finished(config):
        asyncio.run(run_batch(config, make_annotators(config)))
    found: dict[tuple[str, str], Annotated] = {}
    for item in annotated(RunFolder(config.folder), WITNESSES, labels=False):
        decided = item.solution.outcome is not Outcome.UNDECIDED
        if decided and all(name in item.verdicts for name in WITNESSES):
            found.setdefault((item.solution.problem_id, item.solution.text), item)
    return sorted(found.values(), key=lambda item: content_hash("pilot", item.solution.id))


def _finished(config: RunConfig) -> bool:
    told = read_json(config.folder / "run.json") or {}
    same = told.get("config_fingerprint") == config.fingerprint
    return same and told.get("state") == "finished"


def held_out(folder: Path, name: str, sizes: Mapping[str, int]) -> list[HeldOut]:
    """BEST_OF solutions of each of that kind's problems, in the problems' order."""
    model = None
    found: list[HeldOut] = []
    for start, chosen, path in track([*_chunks(folder, name, sizes)], f"{name}: solutions"):
        if not path.exists():
            model = model or load_model(POLICY)
            rows = [Row(p["id"], p["question"], p["level"], p["kind"]) for p in chosen]
            judged = sample_solutions(
                model, [row for row in rows for _ in range(BEST_OF)], temperature=1.0, seed=start
            )
            lines = [{"question": j.row.question, "steps": j.steps} for j in judged]
            write_text(path, "".join(f"{json.dumps(line)}\n" for line in lines))
        found += _judged(path, start)
    return found


def _chunks(
    folder: Path, name: str, sizes: Mapping[str, int]
) -> Iterator[tuple[int, list[dict[str, Any]], Path]]:
    """(number of the first problem, problems, where their solutions are kept)."""
    problems = drawn(sizes)[name]
    for start in range(0, len(problems), AT_ONCE):
        chosen = problems[start : start + AT_ONCE]
        file = f"{name}-{content_hash(chosen, BEST_OF)}.jsonl"
        yield start, chosen, folder / "held_out" / file


def _judged(path: Path, start: int) -> Iterator[HeldOut]:
    lines: Sequence[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    for number, line in enumerate(lines):
        steps = tuple(line["steps"])
        oracle = judge_solution(line["question"], steps)
        yield HeldOut(
            start + number // BEST_OF,
            line["question"],
            steps,
            oracle.first_error,
            oracle.answer,
            oracle.correct,
        )
