"""Putting a whole folder in place of another at once.

Linux exchanges two names in one step, so a reader, or a run after a kill, finds the old folder or
the new one. Where the file system can't, the old one is moved aside first; a kill between the two
moves is mended by `recover`, which every writer calls before it begins.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

from pipeline.errors import RunError
from pipeline.files import sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def new_name(folder: Path) -> Path:
    """Where the new folder is built; hidden, and beside the old one, so on the same file system."""
    return folder.with_name(f".{folder.name}.new")


def _old_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def recover(folder: Path) -> None:
    """Undo what a killed writer left: half-built folders go, an old one moved aside comes back."""
    old = _old_name(folder)
    if old.exists():
        if folder.exists():
            shutil.rmtree(old)
        else:
            old.rename(folder)
    if new_name(folder).exists():
        shutil.rmtree(new_name(folder))


def put_in_place(folder: Path) -> None:
    """Make `new_name(folder)`, now complete, durable and let it take the place of `folder`."""
    new = new_name(folder)
    _sync(new)
    if not folder.exists():
        new.rename(folder)
    elif _exchange(new, folder):
        shutil.rmtree(new)
    else:
        folder.rename(_old_name(folder))
        new.rename(folder)
        shutil.rmtree(_old_name(folder))
    sync_folder(folder.parent)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where that is not to be had. Raises RunError."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise RunError(f"{other}: can't be replaced: {os.strerror(code)}")
