"""What a view reads of a run on disk is enough: the files are those of a reading of everything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.columns import EVERYTHING, Reads
from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, View, load_view, write_dataset
from pipeline.errors import ConfigError, RunError
from pipeline.files import sha256_of
from pipeline.join import Annotated, Join, annotated
from pipeline.records import Label, ProbeCount, Solution, Verdict, Vote
from pipeline.run_folder import RunFolder
from tests.pipeline.dataset.items import batch, in_memory

SELECT = {"disagreement": {}, "consistency": {}, "deduplicate": {"near": None}, "balance": {}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Verdicts of every kind, in parts that are cut otherwise than the solutions and lie in another order;
    some are missing, some were made again; some solutions have no label."""
    run = RunFolder(tmp_path_factory.mktemp("run"))
    items = batch(15, 4)
    solutions = [replace(one.solution, level="5", known=(ProbeCount(1, 1, 2),)) for one in items]
    run.solutions.open("v1")
    for at in range(0, len(items), 11):
        run.solutions.write(solutions[at : at + 11], Solution)
    for number, name in enumerate(("arithmetic", "judge", "rollouts")):
        said = [one.verdicts[name] for one in items[::-1]]
        store = run.verdicts(name)
        store.open("v1")
        store.write(said[number : number + 20], Verdict)
        store.write(said[number + 20 : -number or None], Verdict)
        again = [replace(one, votes=(Vote(one.first_error, "Again."),)) for one in said[20:25]]
        store.write(again, Verdict)
    labels = [one.label for one in items if one.label is not None and one.solution.index != 2]
    run.labels.replace_all("v1", labels, Label)
    return run


def evidence_rows(item: Annotated) -> Iterator[dict[str, Any]]:
    """As records say it, a row at a time."""
    one, label = item.solution, item.label
    assert label is not None
    row = one.to_row() | {"problem": one.question, "gold_answer": one.gold}
    row |= {"final_answer": one.answer, "left_out": item.left_out, "label": label.first_error}
    row |= {name: value for name, value in label.to_row().items() if name != "first_error"}
    row["verdicts"] = [verdict.to_row() for _, verdict in sorted(item.verdicts.items())]
    yield {name: row[name] for name in load_view("evidence").features}


def everything(name: str) -> View:
    """The view, where it is given all there is, as records."""
    view = replace(load_view(name), reads=EVERYTHING)
    return view if view.table is None else replace(view, table=None, rows=evidence_rows)


for _name in VIEWS:
    setattr(sys.modules[__name__], _name, everything(_name))


def sums(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file()}


def write(run: RunFolder, folder: Path, views: list[str], **select: Any) -> dict[str, str]:
    """The sums of the files."""
    config = DatasetConfig.model_validate({"views": views, "select": select})
    write_dataset(Join(run).batches, folder, config, CardFacts("trial"))
    return sums(folder)


@pytest.fixture(scope="module")
def lean(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write(run, tmp_path_factory.mktemp("lean") / "d", list(VIEWS))


FULL = [f"{__name__}:{name}" for name in VIEWS]


def test_the_files_are_byte_for_byte_those_of_a_reading_of_everything(
    run: RunFolder, tmp_path: Path, lean: dict[str, str]
) -> None:
    assert lean == write(run, tmp_path / "full", FULL)
    assert len(lean) > len(VIEWS)


def test_so_they_are_behind_a_selection(run: RunFolder, tmp_path: Path) -> None:
    selected = write(run, tmp_path / "lean", list(VIEWS), **SELECT)
    assert selected == write(run, tmp_path / "full", FULL, **SELECT)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_written_alone_is_the_same_as_among_all(
    run: RunFolder, tmp_path: Path, lean: dict[str, str], view: str
) -> None:
    alone = write(run, tmp_path / "alone", [view])
    del alone["README.md"]
    assert alone
    assert alone.items() <= lean.items()


def test_the_card_counts_verdicts_as_records_tell_them(run: RunFolder, tmp_path: Path) -> None:
    config = DatasetConfig(views=("stepwise",))
    tally = write_dataset(Join(run).batches, tmp_path / "d", config, CardFacts("trial")).tally
    items = [one for one in annotated(run) if one.label is not None]
    for name in ("arithmetic", "judge", "rollouts"):
        said = [one.verdicts[name] for one in items if name in one.verdicts]
        assert tally.seen[name] == len(said)
        assert tally.decided[name] == sum(verdict.decided for verdict in said)
    kinds = {
        "arithmetic": {"executed checks", "judge votes"},
        "rollouts": {"rollouts from prefixes"},
    }
    assert tally.evidence["arithmetic"] == kinds["arithmetic"]
    assert tally.evidence["rollouts"] == kinds["rollouts"] | {"judge votes"}
    assert tally.evidence["judge"] == {"judge votes", "a score for each step"}


def test_a_part_of_an_older_version_is_read_with_the_defaults(tmp_path: Path) -> None:
    run, (one, *_) = RunFolder(tmp_path), batch(1)
    for store, row, kind, newer in (
        (run.solutions, one.solution, Solution, ["run", "known", "cost"]),
        (run.verdicts("judge"), one.verdicts["judge"], Verdict, ["scores", "cost"]),
        (run.labels, one.label, Label, ["agreed", "reason"]),
    ):
        store.open("v1")
        path = store.folder / store.write([row], kind).file  # type: ignore[list-item]
        pq.write_table(pq.read_table(path).drop_columns(newer), path)
    (found,) = annotated(run)
    assert found.solution == replace(one.solution, cost=type(one.solution.cost)())
    config = DatasetConfig(views=("evidence", "stepwise"))
    write_dataset(Join(run).batches, tmp_path / "lean", config, CardFacts("trial"))
    write_dataset(in_memory([found]), tmp_path / "full", config, CardFacts("trial"))
    for view in config.views:
        assert sums(tmp_path / "lean" / view) == sums(tmp_path / "full" / view)


def test_a_part_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    run, (one, *_) = RunFolder(tmp_path), batch(1)
    run.solutions.open("v1")
    run.labels.open("v1")
    file = run.solutions.write([one.solution], Solution).file
    (run.solutions.folder / file).write_bytes(b"not parquet")
    with pytest.raises(RunError, match=rf"{file}: damaged"):
        write_dataset(Join(run).batches, tmp_path / "d", DatasetConfig(), CardFacts("trial"))


hasty = replace(load_view("stepwise"), reads=Reads(label=frozenset({"first_error"})))


def test_a_view_that_looks_at_what_it_does_not_read_is_an_error(
    run: RunFolder, tmp_path: Path
) -> None:
    config = DatasetConfig(views=(f"{__name__}:hasty",))
    with pytest.raises(ConfigError, match=r"stepwise: looks at `steps` of a Solution"):
        write_dataset(Join(run).batches, tmp_path / "d", config, CardFacts("trial"))
