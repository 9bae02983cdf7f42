"""Rows of a file or a folder: which files are read, and by what.

Every reader yields `Row` or `Rejected`, in the file's order, one row at a time.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import InputError
from pipeline.inputs.rejected import Rejected
from pipeline.inputs.rows import Row
from pipeline.inputs.tables import read_arrow, read_csv, read_parquet
from pipeline.inputs.texts import read_json, read_jsonl
from pipeline.urls import fetched, is_url, shown

log = logging.getLogger(__name__)

Reader = Callable[[Path], Iterator[Row | Rejected]]

READERS: dict[str, Reader] = {
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl,
    ".ndjson": read_jsonl,
    ".ndjson.gz": read_jsonl,
    ".json": read_json,
    ".json.gz": read_json,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".tsv": read_csv,
    ".tsv.gz": read_csv,
    ".parquet": read_parquet,
}


def read_rows(path: str) -> Iterator[Row | Rejected]:
    """Rows of the file or folder at `path`, which may be a URL. Raises InputError when there is nothing to
    read."""
    if not is_url(path):
        yield from _read(path)
        return
    unread: list[str] = []

    def wanted(name: str) -> bool:
        if not _may_be_read(name):
            unread.append(name)
        return _may_be_read(name)

    with fetched(path, wanted) as here:
        place, name = str(here), shown(path).rstrip("/")
        _tell_unread(name, unread)
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
    found = list(_found(place))
    readable = [(path, reader) for path, reader in found if reader is not None]
    if not readable:
        raise InputError(
            f"{place}: no file to read in this folder; it should hold {', '.join(READERS)} files, "
            "or be a folder that datasets' save_to_disk wrote"
        )
    unread = [path.relative_to(place) for path, reader in found if reader is None]
    _tell_unread(str(place), [str(path) for path in unread])
    return readable


def _found(place: Path) -> Iterator[tuple[Path, Reader | None]]:
    """The files of a folder, and of those in it, each with what reads it."""
    if (place / "dataset_dict.json").is_file():
        for split in _listed(place / "dataset_dict.json", "splits"):
            yield from _found(place / split)
    elif (place / "state.json").is_file():
        for name in _listed(place / "state.json", "_data_files"):
            yield place / name, read_arrow
    else:
        for path in sorted(place.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                yield from _found(path)
            elif not _about(path):
                kind = _kind(path) if path.is_file() else None
                yield path, None if kind is None else READERS[kind]


def _tell_unread(place: str, names: list[str]) -> None:
    """One line of all files that may hold rows and are not read."""
    named = [name for name in names if Path(name).stem.upper() not in ("LICENSE", "README")]
    if named:
        log.warning(
            "%s: left out, of a kind that isn't read in a folder: %s", place, ", ".join(named)
        )


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
