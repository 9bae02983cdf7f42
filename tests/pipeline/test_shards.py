"""Parts are whole or absent, whatever happens to the folder between two runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.lock import locked
from pipeline.records import Label
from pipeline.shards import Store, chunked


def rows(*ids: int) -> list[Label]:
    return [Label(f"s{i}", -1, (1, 1)) for i in ids]


def ids(store: Store) -> list[str]:
    return sorted(label.solution_id for label in store.read(Label))


def store_with(folder: Path, *parts: list[Label]) -> Store:
    store = Store(folder)
    store.open("v1")
    for part in parts:
        store.write(part, Label)
    return store


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1, 2), rows(3))
    assert list(store.read(Label)) == rows(1, 2, 3)


def test_a_field_that_was_not_asked_for_is_not_there(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1, 2))
    found = list(store.read(Label, {"solution_id", "first_error"}))
    assert [(label.solution_id, label.first_error) for label in found] == [("s1", -1), ("s2", -1)]
    with pytest.raises(AttributeError):
        found[0].step_labels  # noqa: B018 - to ask for it is what is tested


def test_another_fingerprint_starts_empty_and_the_old_rows_come_back_with_theirs(
    tmp_path: Path,
) -> None:
    store = store_with(tmp_path, rows(1))
    store.open("v2")
    assert ids(store) == []
    store.open("v1")
    assert ids(store) == ["s1"]


def test_writing_the_same_rows_again_does_not_double_them(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1, 2), rows(1, 2))
    assert ids(store) == ["s1", "s2"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
def test_a_damaged_part_is_set_aside_and_the_others_stay(tmp_path: Path, damage: str) -> None:
    store = store_with(tmp_path, rows(1), rows(2))
    path = tmp_path / store.parts()[0].file
    data = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        data[10] ^= 255
        path.write_bytes(data[:20] if damage == "truncate" else data)
    store.open("v1")
    assert ids(store) == ["s2"]


def test_a_manifest_line_torn_by_a_kill_is_dropped(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1))
    with store.manifest.open("a") as file:
        file.write('{"file": "part-')
    assert ids(store) == ["s1"]
    store.open("v1")
    store.write(rows(2), Label)
    assert ids(store) == ["s1", "s2"]


def test_a_damaged_manifest_line_is_an_error_with_its_place(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1))
    store.manifest.write_text("garbage\n" + store.manifest.read_text())
    with pytest.raises(RunError, match=r"manifest.jsonl: line 1"):
        store.open("v1")


def test_derived_rows_are_replaced_as_a_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.replace_all("a", rows(1, 2), Label)
    store.replace_all("b", rows(3), Label)
    assert ids(store) == ["s3"]
    assert len(list(tmp_path.glob("part-*.parquet"))) == 1


def test_derived_rows_that_are_done_are_not_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.replace_all("a", rows(1), Label)

    def never():
        raise AssertionError("made again")
        yield

    store.replace_all("a", never(), Label)
    assert ids(store) == ["s1"]


def test_derived_rows_with_a_damaged_part_are_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.replace_all("a", rows(1), Label)
    next(tmp_path.glob("part-*.parquet")).unlink()
    store.replace_all("a", rows(1), Label)
    assert ids(store) == ["s1"]


def test_rows_that_are_dropped_are_gone_and_the_others_stay(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1, 2), rows(3), rows(4))
    before = {part.file for part in store.parts()}
    store.drop({"s2", "s3"}, Label)
    assert ids(store) == ["s1", "s4"]
    assert {path.name for path in tmp_path.glob("*.parquet")} == {p.file for p in store.parts()}
    assert len(before & {part.file for part in store.parts()}) == 1
    store.open("v1")
    assert ids(store) == ["s1", "s4"]


def test_a_locked_folder_names_its_holder(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(RunError, match=r"in use by process \d+"),
        locked(tmp_path),
    ):
        pass


def test_chunks_hold_every_item_once() -> None:
    assert list(chunked(range(5), 2)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize(
    "name", ["../../theirs.parquet", "/tmp/theirs.parquet", "part-../../a.parquet", "", 7, None]
)
def test_a_manifest_can_t_name_a_file_outside_its_folder(
    tmp_path: Path, name: object, torn: bool
) -> None:
    theirs = tmp_path / "theirs.parquet"
    theirs.write_bytes(b"theirs")
    store = store_with(tmp_path / "verdicts" / "judge", rows(1))
    entry = asdict(store.parts()[0]) | {"file": name}
    lines = [json.dumps(entry)] + ([] if torn else [store.manifest.read_text().strip()])
    store.manifest.write_text("\n".join(lines) + "\n")
    for read in (store.parts, lambda: store.open("v1"), lambda: list(store.read(Label))):
        with pytest.raises(RunError, match=r"manifest.jsonl: line 1: file: .* is no part"):
            read()
    assert theirs.read_bytes() == b"theirs"


def test_a_part_that_was_replaced_while_it_was_read_is_not_called_damaged(tmp_path: Path) -> None:
    store = store_with(tmp_path, rows(1), rows(2))
    reading = Store(tmp_path).read(Label)
    next(reading)
    store.replace_all("v2", rows(3), Label)
    with pytest.raises(RunError, match="is gone; where a run or relabel is at work"):
        next(reading)
