"""Publishing to a folder and to a store that fsspec reaches."""

from __future__ import annotations

import shutil
import traceback
from pathlib import Path
from typing import NoReturn

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pipeline.config import DatasetConfig
from pipeline.dataset import CardFacts, view_names, write_dataset
from pipeline.errors import ConfigError, RunError, StepLabelError
from pipeline.files import sha256_of
from pipeline.publish import StoreTarget, dataset_files_of, publish
from tests.pipeline.dataset.items import batch, in_memory


def written(folder: Path, problems: int = 8) -> Path:
    items = batch(problems)
    write_dataset(in_memory(items), folder, DatasetConfig(rows_per_file=10), CardFacts("published"))
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file()}


def test_a_folder_ends_with_the_same_files(tmp_path: Path) -> None:
    source = written(tmp_path / "d")
    publish(dataset_files_of(source), StoreTarget(f"file://{tmp_path}/out"))
    assert contents(tmp_path / "out") == contents(source)


def test_what_a_kill_left_half_written_is_mended(tmp_path: Path) -> None:
    source, out = written(tmp_path / "d"), tmp_path / "out"
    publish(dataset_files_of(source), StoreTarget(f"file://{out}"))
    (out / "README.md").unlink()
    first = next((out / "evidence").iterdir())
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    (out / "evidence" / "train-00000-of-00009.parquet.part").write_bytes(b"half")
    change = publish(dataset_files_of(source), StoreTarget(f"file://{out}"))
    assert {file.name for file in change.send} == {f"evidence/{first.name}", "README.md"}
    assert contents(out) == contents(source)


def test_a_view_that_became_empty_is_emptied_there_too(tmp_path: Path) -> None:
    source, out = written(tmp_path / "d"), tmp_path / "out"
    publish(dataset_files_of(source), StoreTarget(f"file://{out}"))
    views = view_names(DatasetConfig())
    shutil.rmtree(source / "stepwise")
    publish(dataset_files_of(source), StoreTarget(f"file://{out}"), views=views)
    assert contents(out) == contents(source)


def test_files_of_others_stay(tmp_path: Path) -> None:
    source, out = written(tmp_path / "d", 8), tmp_path / "out"
    (out / "thesis").mkdir(parents=True)
    (out / "thesis" / "data.parquet").write_text("years of work")
    (out / "thesis" / "more.parquet.part").write_text("and more")
    (out / "notes.txt").write_text("mine")
    publish(dataset_files_of(source), StoreTarget(f"file://{out}"))
    publish(dataset_files_of(written(tmp_path / "e", 2)), StoreTarget(f"file://{out}"))
    expected = contents(tmp_path / "e")
    found = contents(out)
    assert found.keys() == expected.keys() | {
        "thesis/data.parquet",
        "thesis/more.parquet.part",
        "notes.txt",
    }


def test_a_store_of_objects_works_as_a_folder_does(tmp_path: Path) -> None:
    source = written(tmp_path / "d")
    publish(dataset_files_of(source), StoreTarget("memory://bucket/labels"))
    store = fsspec.filesystem("memory")
    found = {path.removeprefix("/bucket/labels/") for path in store.find("/bucket/labels")}
    assert found == set(contents(source))
    again = publish(dataset_files_of(source), StoreTarget("memory://bucket/labels"))
    assert again.send == ()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    change = publish(
        dataset_files_of(written(tmp_path / "d")),
        StoreTarget(f"file://{tmp_path}/out"),
        dry_run=True,
    )
    assert change.send
    assert not (tmp_path / "out").exists()


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no URL that fsspec knows"):
        StoreTarget("nowhere://x")


@pytest.mark.parametrize("url", ["file://out", "file://./out", "local://out"])
def test_a_folder_is_named_by_its_whole_path(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"such as file://{tmp_path}/out"):
        StoreTarget(url)


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no dataset"):
        dataset_files_of(tmp_path)


SECRET = "s3cr:e@t"


@pytest.mark.parametrize(
    "url", [f"ftp://me:{SECRET}@127.0.0.1:9/x", f"nowhere://me:{SECRET}@host/x"]
)
def test_no_password_of_a_url_is_told(url: str) -> None:
    with pytest.raises(StepLabelError, match=r"://\*\*\*@") as raised:
        StoreTarget(url)
    assert "s3cr" not in "".join(traceback.format_exception(raised.value))


def test_a_store_that_refuses_at_the_end_is_told_without_a_password(tmp_path: Path) -> None:
    url = f"memory://me:{SECRET}@host/refuses"
    target = StoreTarget(url)
    assert target.name == "memory://***@host/refuses"

    class Refuses(MemoryFileSystem):
        def find(self, *_: object, **__: object) -> NoReturn:
            raise PermissionError(f"{url} is not yours")

    target._fs = Refuses()
    with pytest.raises(RunError, match=r"is not yours.*publish again") as raised:
        target.finish()
    assert "s3cr" not in str(raised.value)
