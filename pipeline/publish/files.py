"""The files of a dataset's folder, and what of them is still to be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RunError
from pipeline.files import sha256_of

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """`name` is relative to the dataset, with slashes."""

    name: str
    path: Path
    size: int
    sha256: str

    @property
    def git_id(self) -> str:
        """By which git knows a small file that it keeps itself."""
        head = f"blob {self.size}\0".encode()
        return hashlib.sha1(head + self.path.read_bytes(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done: files to send, names to remove, and how many files are there as they should be."""

    send: tuple[LocalFile, ...]
    remove: tuple[str, ...]
    same: int

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.send)


def dataset_files_of(
    folder: Path, written: Mapping[str, str] | None = None
) -> tuple[LocalFile, ...]:
    """The card and the Parquet files of the views; the card is the last. `written`: the sha256 of each as it
    was written, where that is known; a card may have been edited since. Raises RunError where the folder
    holds no whole dataset."""
    if not (folder / CARD).is_file():
        raise RunError(f"{folder}: holds no dataset; `steplabel run` writes it at the end of a run")
    if half := [path for path in folder.glob("*/*") if path.suffix == ".unnamed"]:
        raise RunError(f"{half[0]}: is half written; run `steplabel run` again")
    paths = [*sorted(folder.glob("*/*.parquet")), folder / CARD]
    files = tuple(
        LocalFile(
            str(path.relative_to(folder).as_posix()), path, path.stat().st_size, sha256_of(path)
        )
        for path in paths
    )
    there = {file.name: file.sha256 for file in files}
    for name, sha256 in (written or {}).items():
        if name != CARD and there.get(name) != sha256:
            what = "its contents changed" if name in there else "it is gone"
            raise RunError(f"{folder / name}: {what}; the command that wrote it writes it anew")
    return files


def changes(
    files: Sequence[LocalFile], there: Mapping[str, bool], empty: Collection[str] = ()
) -> Change:
    """`there`: name of each file of the target -> is it the same as ours of that name? Of what we don't
    have only Parquet files in the folders of our views are ours to remove, of those too that are `empty`."""
    ours = {file.name for file in files}
    views = {name.partition("/")[0] for name in ours if "/" in name} | set(empty)
    stale = (
        name
        for name in there
        if name not in ours and name.partition("/")[0] in views and name.endswith(".parquet")
    )
    return Change(
        tuple(file for file in files if not there.get(file.name, False)),
        tuple(sorted(stale)),
        sum(there.get(file.name, False) for file in files),
    )


def batches(files: Sequence[LocalFile], most: int, most_bytes: int) -> Iterator[list[LocalFile]]:
    """Some files at a time, in order: at most so many and so many bytes, but one at least; the card is
    alone in the last."""
    batch: list[LocalFile] = []
    for file in files:
        full = len(batch) == most or sum(f.size for f in batch) + file.size > most_bytes
        if batch and (full or file.name == CARD):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch
