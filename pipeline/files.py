"""Writing files so that a reader, or a run after a crash, sees all of a file or none of it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import RunError


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on success it is fsynced and renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n")


def read_json(path: Path) -> Any:
    """Parsed JSON, or None where there is no such file. Raises RunError on damage."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise RunError(f"{path}: damaged: {error}; delete it and run again") from error


def read_object(path: Path, keys: Collection[str] = ()) -> dict[str, Any] | None:
    """The same of a file that holds an object, with these keys at least."""
    found = read_json(path)
    if found is None:
        return None
    if not isinstance(found, dict):
        raise RunError(f"{path}: damaged: no JSON object; delete it and run again")
    if missing := [key for key in keys if key not in found]:
        raise RunError(f"{path}: damaged: lacks {', '.join(missing)}; delete it and run again")
    return found


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


@contextmanager
def disk_told(folder: Path) -> Iterator[None]:
    """A disk that is full, over quota, read-only or broken, as a RunError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise RunError(
            f"{folder}: can't be written: {os.strerror(error.errno)}; what was written is whole, and when "
            "that is cured the same command goes on"
        ) from error


def make_folder(folder: Path) -> None:
    """Raises RunError where it can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(f"{folder}: can't be written: {error.strerror}; choose another runs_dir")
