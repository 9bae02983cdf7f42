"""Rows of a file or a folder: which files are read, and by what.

Every reader yields `Row` or `Rejected`, in the file's order, one row at a time.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import InputError
from pipeline.inputs.rejected import Rejected
from pipeline.inputs.rows import Row
from pipeline.inputs.tables import read_arrow, read_csv, read_parquet
from pipeline.inputs.texts import read_json, read_jsonl
from pipeline.urls import fetched, is_url, shown

Reader = Callable[[Path], Iterator[Row | Rejected]]

READERS: dict[str, Reader] = {
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".parquet": read_parquet,
}


def read_rows(path: str) -> Iterator[Row | Rejected]:
    """Rows of the file or folder at `path`, which may be a URL. Raises InputError when there is nothing to
    read."""
    if not is_url(path):
        yield from _read(path)
        return
    with fetched(path, _may_be_read) as here:
        place, name = str(here), shown(path).rstrip("/")
        try:
            for row in _read(place):
                yield replace(row, file=row.file.replace(place, name, 1))
        except InputError as error:
            raise InputError(str(error).replace(place, name)) from error


def _may_be_read(name: str) -> bool:
    return Path(name).suffix == ".arrow" or _kind(Path(name)) is not None


def _read(path: str) -> Iterator[Row | Rejected]:
    place = Path(path).expanduser()
    if not place.exists():
        near = ""
        if place.parent.is_dir():
            names = [p.name for p in place.parent.iterdir()]
            close = difflib.get_close_matches(place.name, names, n=1)
            near = f"; did you mean {str(place.parent / close[0])!r}?" if close else ""
        raise InputError(f"{path}: no such file or folder{near or '; check the path'}")
    for file, reader in _files(place):
        try:
            if file.stat().st_size == 0:
                yield Rejected(
                    str(file), None, None, "the file is empty; it should hold a row or more"
                )
                continue
            yield from reader(file)
        except OSError as error:
            yield Rejected(
                str(file),
                None,
                None,
                f"can't be read: {error.strerror or error}; check its permissions",
            )


def _files(place: Path) -> list[tuple[Path, Reader]]:
    if place.is_dir():
        return _folder(place)
    if not place.is_file():
        raise InputError(f"{place}: not a regular file; name a file or a folder")
    return [(place, _reader_of(place))]


def _folder(place: Path) -> list[tuple[Path, Reader]]:
    if (place / "dataset_dict.json").is_file():
        splits = _listed(place / "dataset_dict.json", "splits")
        return [pair for split in splits for pair in _folder(place / split)]
    if (place / "state.json").is_file():
        entries = _listed(place / "state.json", "_data_files")
        return [(place / name, read_arrow) for name in entries]
    files = sorted(
        p
        for p in place.rglob("*")
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(place).parts)
    )
    readable = [(p, READERS[kind]) for p in files if (kind := _kind(p)) and not _about(p)]
    if not readable:
        raise InputError(
            f"{place}: no file to read in this folder; it should hold {', '.join(READERS)} files, "
            "or be a folder that datasets' save_to_disk wrote"
        )
    return readable


def _about(path: Path) -> bool:
    return path.name in ("dataset_info.json", "dataset_infos.json", "state.json")


def _listed(path: Path, key: str) -> list[str]:
    """Names in one of the small JSON files of a `datasets` folder."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))[key]
        names = [e["filename"] if isinstance(e, dict) else e for e in entries]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"{path}: damaged ({error!r}); save the dataset again with save_to_disk"
        ) from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise InputError(f"{path}: {key} names {name!r}, which is no file of this folder")
        if not (path.parent / name).exists():
            raise InputError(
                f"{path}: {key} names {name!r}, which is missing; copy the whole folder"
            )
    return names


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    return next((kind for kind in READERS if name.endswith(kind)), None)


def _reader_of(path: Path) -> Reader:
    kind = _kind(path)
    if kind is None:
        raise InputError(
            f"{path}: can't tell what kind of file this is; its name should end in "
            f"{', '.join(READERS)}"
        )
    return READERS[kind]
