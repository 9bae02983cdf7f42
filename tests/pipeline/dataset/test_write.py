"""The folder on disk: whole or old, split by problem, and written in the way that was promised."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.config import DatasetConfig
from pipeline.dataset import (
    VIEWS,
    CardFacts,
    DatasetSummary,
    dataset_fingerprint,
    load_view,
    swap,
    write_dataset,
)
from pipeline.dataset.swap import recover
from pipeline.errors import RunError
from pipeline.files import sha256_of
from pipeline.join import Annotated
from tests.pipeline.dataset.items import batch, in_memory, item

FACTS = CardFacts(name="trial")


def write(folder: Path, items: list[Annotated], **config: object) -> DatasetSummary:
    return write_dataset(in_memory(items), folder, DatasetConfig(**config), FACTS)  # type: ignore[arg-type]


def contents(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_files_are_numbered_and_rows_are_counted(tmp_path: Path) -> None:
    made = write(tmp_path / "d", batch(), rows_per_file=30)
    assert contents(tmp_path / "d") == {"README.md", *made.files}
    assert "evidence/train-00000-of-00003.parquet" in made.files
    for view, splits in made.rows.items():
        for split, rows in splits.items():
            files = (tmp_path / "d" / view).glob(f"{split}-*.parquet")
            assert rows == sum(pq.read_metadata(file).num_rows for file in files)


def test_all_solutions_of_a_problem_are_in_one_split(tmp_path: Path) -> None:
    write(tmp_path / "d", batch())
    sides = [
        {i for p in (tmp_path / "d/evidence").glob(f"{split}-*") for i in ids(p)}
        for split in ("train", "test")
    ]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]


def test_solutions_that_lie_apart_are_compared_as_if_they_lay_together(tmp_path: Path) -> None:
    """A run that grows has a problem's later solutions in later parts."""
    items = [
        item(problem, attempt, first_error, steps=("Two and two\n", f"{text} {problem}.\n"))
        for attempt, (first_error, text) in enumerate(
            [(1, "make 5"), (-1, "make 4"), (-1, "are 4")]
        )
        for problem in range(6)
    ]
    together = sorted(items, key=lambda one: one.solution.question)
    rows = []
    for name, order in (("apart", items), ("together", together)):
        write(tmp_path / name, order, views=("preference",))
        files = sorted((tmp_path / name / "preference").iterdir())
        rows.append([row for file in files for row in pq.read_table(file).to_pylist()])
    assert len(rows[0]) == 6
    assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))


def ids(path: Path) -> list[str]:
    return pq.read_table(path, columns=["problem_id"]).column(0).to_pylist()


def test_parquet_files_are_compressed_indexed_and_carry_the_features(tmp_path: Path) -> None:
    write(tmp_path / "d", batch())
    file = pq.ParquetFile(tmp_path / "d/stepwise/train-00000-of-00001.parquet")
    column = file.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert column.has_column_index
    assert b"huggingface" in file.schema_arrow.metadata


def test_an_old_dataset_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "d", batch(), rows_per_file=10)
    made = write(tmp_path / "d", batch(5))
    assert contents(tmp_path / "d") == {"README.md", *made.files}
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_failing_writer_leaves_the_old_dataset_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    write(tmp_path / "d", batch())
    before = contents(tmp_path / "d")
    calls = []

    def items() -> Iterator[Annotated]:
        calls.append(1)
        yield from batch(2)
        if len(calls) == 2:
            raise RunError("the disk went away")

    with pytest.raises(RunError, match="went away"):
        write_dataset(
            lambda reads: in_memory(items())(reads), tmp_path / "d", DatasetConfig(), FACTS
        )
    assert contents(tmp_path / "d") == before
    write(tmp_path / "d", batch(3))
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_dataset_moved_aside_by_a_killed_run_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "d", batch(2))
    before = contents(tmp_path / "d")
    (tmp_path / "d").rename(tmp_path / ".d.old")
    recover(tmp_path / "d")
    assert contents(tmp_path / "d") == before


WRITER = """
import sys
from pathlib import Path
from pipeline.config import DatasetConfig
from pipeline.dataset import CardFacts, write_dataset
from tests.pipeline.dataset.items import batch, in_memory
small, large = batch(3), batch(6)
print("ready", flush=True)
while True:
    for items in (small, large):
        write_dataset(in_memory(items), Path(sys.argv[1]), DatasetConfig(), CardFacts("killed"))
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_instant_leaves_a_whole_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    root = Path(__file__).resolve().parents[3]
    instants = random.Random(0)
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(folder)]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            while not folder.exists():
                time.sleep(0.01)
            time.sleep(instants.uniform(0.0, 0.5))
            os.kill(writer.pid, signal.SIGKILL)
        rows = sum(pq.read_metadata(p).num_rows for p in folder.glob("evidence/*.parquet"))
        assert rows in (12, 24)
        assert (folder / "README.md").read_text().endswith("\n")
    write(folder, batch(2))
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_folder_with_foreign_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"thesis.tex: was not written by steplabel"):
        write(tmp_path / "d", batch(2))


@pytest.mark.parametrize("views", [(), ("stepwise", "stepwise")])
def test_views_that_are_none_or_named_twice_are_refused_at_once(views: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each view once"):
        DatasetConfig(views=views)


def test_a_view_without_rows_is_left_out(tmp_path: Path) -> None:
    made = write(tmp_path / "d", [item(i, first_error=None) for i in range(4)])
    assert made.rows["stepwise"] == {}
    assert not (tmp_path / "d/stepwise").exists()
    assert made.rows["evidence"].keys() == {"train", "test"}


def test_where_names_can_not_be_exchanged_the_old_folder_is_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    write(tmp_path / "d", batch(5), rows_per_file=10)
    made = write(tmp_path / "d", batch(2))
    assert contents(tmp_path / "d") == {"README.md", *made.files}
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def hashes(folder: Path) -> dict[str, str]:
    return {name: sha256_of(folder / name) for name in contents(folder)}


def test_two_exports_of_one_run_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, batch(), rows_per_file=30, views=tuple(VIEWS))
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_what_a_selection_leaves_out_is_in_evidence_alone_with_the_reason(tmp_path: Path) -> None:
    items = batch()
    rules = {"balance": {"by": ["outcome"]}}
    made = write(tmp_path / "d", items, views=("stepwise", "evidence"), select=rules)
    gone = sum(made.left_out.values())
    assert gone > 0
    labelled = sum(one.label is not None and one.label.kept for one in items)
    assert sum(made.rows["stepwise"].values()) == labelled - gone
    assert sum(made.rows["evidence"].values()) == len(items)
    table = pq.read_table(tmp_path / "d/evidence", columns=["left_out"])
    assert sum(reason is not None for reason in table.column(0).to_pylist()) == gone
    (reason,) = made.left_out
    assert f"{gone:,}" in (tmp_path / "d/README.md").read_text()
    assert reason.startswith("balance: too many of outcome")


def test_the_card_says_of_which_labelled_solutions_a_view_has_no_row(tmp_path: Path) -> None:
    items = [*batch(2), item(9, steps=("Две банки\n", "ещё две"))]
    write(tmp_path / "d", items, views=("math_shepherd",), test_share=0)
    assert "1 where a text of its own holds" in (tmp_path / "d/README.md").read_text()


def test_a_view_of_a_newer_version_makes_the_dataset_anew() -> None:
    config = DatasetConfig(views=("stepwise",))
    before = dataset_fingerprint(config)
    newer = replace(load_view("stepwise"), version=99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.dataset.stepwise.VIEW", newer)
        assert dataset_fingerprint(config) != before
    assert dataset_fingerprint(config) == before
