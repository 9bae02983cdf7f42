"""More than two hundred SIGKILLs at random instants, over what a run can be made of."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.consensus import learning
from pipeline.files import sha256_of
from pipeline.publish import StoreTarget, dataset_files_of, publish
from pipeline.relabel import changed, relabel
from pipeline.remote import holder
from pipeline.remote import run as remote_run
from pipeline.run_folder import RunFolder
from tests.faults.conftest import Rows, put_line
from tests.killing import (
    Kill,
    finished_calls,
    made_calls,
    random_kill,
    recorded_calls,
    rows_of,
    run_in_child,
    run_once,
    stage_since,
)
from tests.pipeline.test_cascade import cascading
from tests.pipeline.test_growth import tree_batch
from tests.test_resume import hinted, small_batch

KILLS = 25
"""That strike a process at work, of each of the nine."""
BEFORE = "before the first stage"
MOST = 6
"""Of one run; then it may end."""
SEED = 29


@dataclass
class Record:
    """`undecided` of the rows are labels that name no step. `calls` were made by the runs that were killed,
    and `repeated` of them although their record was durable; `lost` records were durable and are gone."""

    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    undecided: int = 0
    calls: int = 0
    repeated: int = 0
    lost: int = 0

    @property
    def at_work(self) -> int:
        return self.kills.total() - self.kills[BEFORE]

    def told(self, what: str) -> None:
        """The line of the table."""
        stages = [f"{stage} {n}" for stage, n in sorted(self.kills.items()) if stage != BEFORE]
        put_line(
            f"{KILLS} SIGKILLs at random instants: {what}",
            f"nothing: the same command goes on. They struck in: {', '.join(stages)}; "
            f"{self.kills[BEFORE]} more struck {BEFORE}",
            f"{self.rows:,} rows of {self.runs} runs, the same, {self.undecided:,} of them undecided; of "
            f"{self.calls:,} finished calls {self.repeated} made again, {self.lost} lost",
        )


def struck(
    config: RunConfig,
    rng: random.Random,
    seconds: float,
    total: int,
    record: Record,
    act: Callable[[RunConfig], object] = run_once,
) -> None:
    """Kill a run at random instants, evenly over its time or over its calls, MOST times or until it ends
    before it is struck; then let it end."""
    finished: set[str] = set()
    for attempt in range(MOST + 1):
        before, began = made_calls(config), time.time()
        kill = None
        if attempt < MOST and record.at_work < KILLS:
            even = Kill(0, rng.uniform(0.0, seconds))
            kill = random_kill(rng, len(before), total) if total and attempt % 2 else even
        ended = run_in_child(config, kill, act)
        record.repeated += len(finished & set(made_calls(config)[len(before) :]))
        durable = finished_calls(config)
        record.lost += len(finished - durable)
        finished = durable
        if ended:
            break
        record.kills[stage_since(config, began)] += 1
    assert not [key for key, times in recorded_calls(config).items() if times > 1]
    record.calls += len(finished)


def dataset_of(config: RunConfig) -> dict[str, object]:
    """Rows of the published views by what they hold, in no order."""
    rows: dict[str, object] = {}
    for path in sorted((config.folder / "dataset").glob("*/*.parquet")):
        view = path.parent.name
        if view != "evidence":  # which holds seconds
            texts = Counter(json.dumps(row) for row in pq.read_table(path).to_pylist())
            rows |= {f"{view} {text}": times for text, times in texts.items()}
    return rows


def compared(config: RunConfig, alone: Rows, dataset: dict[str, object], record: Record) -> None:
    rows = rows_of(config)
    assert rows.keys() == alone.keys()
    assert {key for key, row in rows.items() if row != alone[key]} == set()
    assert dataset_of(config) == dataset
    record.runs += 1
    record.rows += len(rows)
    record.undecided += sum(
        row["first_error"] is None for key, row in rows.items() if key.startswith("label ")
    )


Batch = Callable[[Path, str], RunConfig]


def bisection(folder: Path, name: str) -> RunConfig:
    return small_batch(folder, name, 12)


def bayesian(folder: Path, name: str) -> RunConfig:
    """That learns from a pilot, told what the judge said."""
    return hinted(small_batch(folder, name, 12))


def tree(folder: Path, name: str) -> RunConfig:
    return tree_batch(folder, name, 8)


def cascade(folder: Path, name: str) -> RunConfig:
    return cascading(folder, name)


def votes(folder: Path, name: str) -> RunConfig:
    """Seven of a judge who errs, in waves, and nothing else."""
    raw = small_batch(folder, name, 12).model_dump(mode="json")
    raw["engines"]["judge"]["args"] = {"judge": 0.6}
    raw["annotators"] = {"judge": {"prompt": "first_error", "votes": 7, "wave": 2}}
    raw["consensus"] = {"witnesses": ["judge"], "vetoes": []}
    return RunConfig.check(raw, "test")


def sandboxed(folder: Path, name: str) -> RunConfig:
    """Steps that hold Python, run step by step; some raise, some never end."""
    rows = []
    ends = (
        "y = x + 1",
        "y = x / 0",
        "y = x * 2",
        "import socket; socket.create_connection(('::1', 9))",
    )
    for number in range(48):
        last = "while True:\n    pass" if number % 16 == 5 else ends[number % 4]
        steps = [f"```python\nx = {number}\n```\n", f"```python\n{last}\n```\n"]
        rows.append({"problem_id": "p", "steps": [*steps, f"So it is \\boxed{{{number}}}.\n"]})
    (folder / "one.jsonl").write_text(json.dumps({"id": "p", "question": "6 / 1?", "answer": "6"}))
    given = folder / "solutions.jsonl"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"problem_id": "problem_id", "steps": "steps"}
    return RunConfig.check(
        {
            "name": name,
            "runs_dir": str(folder / "runs"),
            "problems": {"path": str(folder / "one.jsonl")},
            "solutions": {"path": str(given), "columns": columns},
            "annotators": {"code": {"timeout_s": 2}},
            "consensus": {"witnesses": ["code"], "vetoes": []},
            "sandbox": {"workers": 2},
            "shard_size": 8,
        },
        "test",
    )


def at_a_url(folder: Path, name: str) -> RunConfig:
    """Kept at a URL, after each second."""
    raw = small_batch(folder, name, 12).model_dump(mode="json")
    return RunConfig.check(raw | {"remote": f"file://{folder}/store"}, "test")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few solutions identify no model of the witnesses, and a second is a long time here."""
    monkeypatch.setattr(learning, "SAME", 1.0)
    monkeypatch.setattr(remote_run, "KEEP_S", 0.1)
    monkeypatch.setattr(holder, "SETTLE_S", 0.0)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("what", "batch"),
    [
        ("bisection, judge and arithmetic", bisection),
        ("the bayesian search, with a pilot and hints", bayesian),
        ("a tree of rollouts", tree),
        ("a cascade", cascade),
        ("a judge's votes in waves", votes),
        ("code in the sandbox", sandboxed),
        ("a run kept at a URL", at_a_url),
    ],
)
def test_a_run_killed_at_random_instants_loses_nothing_and_repeats_nothing(
    tmp_path: Path, what: str, batch: Batch
) -> None:
    alone = batch(tmp_path, "alone")
    run_once(alone)  # what it imports, its children have
    (tmp_path / "timed").mkdir()
    timed, began = batch(tmp_path / "timed", "alone"), time.monotonic()
    run_in_child(timed, None)
    seconds, total = time.monotonic() - began, len(made_calls(timed))
    rows, dataset = rows_of(alone), dataset_of(alone)
    assert rows
    assert dataset
    rng, record = random.Random(f"{SEED} {what}"), Record()
    while record.at_work < KILLS:
        config = batch(tmp_path, f"killed-{record.runs}")
        struck(config, rng, seconds, total, record)
        compared(config, rows, dataset, record)
        assert (record.repeated, record.lost) == (0, 0)
    record.told(what)


RULES = (
    ["consensus.rule=majority", "consensus.vetoes=[]"],
    ["consensus.rule=veto", "consensus.witnesses=[judge]"],
    ["consensus.rule=agree", "dataset.views=[stepwise, first_error, math_shepherd, preference]"],
)


def relabelled(config: RunConfig, rules: list[str]) -> None:
    run = RunFolder(config.folder)
    by = changed(run, rules)
    relabel(by, run, make_annotators(by))


@pytest.mark.faults
def test_a_relabelling_killed_at_random_instants_is_ended_by_the_same_command(
    tmp_path: Path,
) -> None:
    whole = bisection(tmp_path, "whole")
    run_once(whole)

    def copy(name: str) -> RunConfig:
        config = whole.model_copy(update={"name": name})
        shutil.copytree(whole.folder, config.folder)
        return config

    alone = []
    for number, rules in enumerate(RULES):
        config, began = copy(f"alone-{number}"), time.monotonic()
        relabelled(config, rules)
        alone.append((time.monotonic() - began, rows_of(config), dataset_of(config)))
    assert len({json.dumps(rows, sort_keys=True) for _, rows, _ in alone}) == len(RULES)
    rng, record = random.Random(f"{SEED} relabel"), Record()
    while record.at_work < KILLS:
        number = record.runs % len(RULES)
        config = copy(f"killed-{record.runs}")
        _, rows, dataset = alone[number]
        struck(config, rng, alone[-1][0], 0, record, partial(relabelled, rules=RULES[number]))
        compared(config, rows, dataset, record)
        assert made_calls(config) == made_calls(whole)
        assert (record.repeated, record.lost) == (0, 0)
    record.told("`steplabel relabel`")


@pytest.mark.faults
def test_a_publication_killed_at_random_instants_is_ended_by_the_same_command(
    tmp_path: Path,
) -> None:
    """Over an earlier dataset, or to a place where there is nothing."""
    views = ["first_error", "stepwise", "soft", "math_shepherd", "evidence", "preference"]
    older, newer = small_batch(tmp_path, "older", 8), small_batch(tmp_path, "newer", 16)
    for config in (older, newer):
        raw = config.model_dump(mode="json")
        raw["dataset"]["views"] = views
        run_once(RunConfig.check(raw, "test"))
    files = dataset_files_of(newer.folder / "dataset")

    def to(place: Path, config: RunConfig) -> None:
        publish(dataset_files_of(config.folder / "dataset"), StoreTarget(f"file://{place}"))

    def there(place: Path) -> dict[str, str]:
        found = (path for path in place.rglob("*") if path.is_file())
        return {path.relative_to(place).as_posix(): sha256_of(path) for path in found}

    began = time.monotonic()
    to(tmp_path / "timed", newer)
    seconds = time.monotonic() - began
    rng, kills, runs = random.Random(f"{SEED} publish"), Counter[str](), 0
    while kills.total() < KILLS:
        place, runs = tmp_path / f"place-{runs}", runs + 1
        if runs % 2:
            to(place, older)
        for _ in range(MOST):
            kill = Kill(0, rng.uniform(0.0, 1.5 * seconds))
            if run_in_child(newer, kill, partial(to, place)):
                break
            card = there(place).get("README.md") == files[-1].sha256
            kills["after the card" if card else "before the card"] += 1
        to(place, newer)
        assert there(place) == {file.name: file.sha256 for file in files}
    stood = ", ".join(f"{when} {n}" for when, n in sorted(kills.items()))
    put_line(
        f"{KILLS} SIGKILLs at random instants: `steplabel publish` to a folder",
        f"nothing: the same command goes on. They struck: {stood}",
        f"{len(files)} files of {runs} datasets, the same to the byte",
    )
