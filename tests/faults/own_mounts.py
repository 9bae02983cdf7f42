"""A forked child with mounts of its own: a small disk, or a folder that can only be read. No privilege is
needed where user namespaces are allowed."""

from __future__ import annotations

import ctypes
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_READ_ONLY, _REMOUNT, _BIND, _PRIVATE = 1, 32, 4096, (1 << 18) | (1 << 14)
_NOT_ALLOWED = 77
_libc = ctypes.CDLL(None, use_errno=True)


def in_child(act: Callable[[], None]) -> None:
    """`act` in a child whose mounts nobody else sees. Skips where that isn't allowed here."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act() if _apart() else os._exit(_NOT_ALLOWED)
            status = 0
        except BaseException:  # noqa: BLE001 - the child has no one else to tell
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == _NOT_ALLOWED:
        pytest.skip("neither root nor user namespaces here, so no disk of the test's own")
    assert status == 0, f"the child ended with {status}"


def _apart() -> bool:
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW_MOUNTS) != 0:
        if _libc.unshare(_NEW_USER | _NEW_MOUNTS) != 0:
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return _mount(None, Path("/"), None, _PRIVATE)


def small_disk(folder: Path, size: int) -> None:
    assert _mount("tmpfs", folder, "tmpfs", 0, f"size={size}"), "no tmpfs"


def read_only(folder: Path) -> None:
    assert _mount(str(folder), folder, None, _BIND)
    assert _mount(None, folder, None, _REMOUNT | _BIND | _READ_ONLY)


def writable_again(folder: Path) -> None:
    assert _libc.umount2(str(folder).encode(), 0) == 0


def _mount(what: str | None, where: Path, kind: str | None, how: int, data: str = "") -> bool:
    words = [None if word is None else word.encode() for word in (what, str(where), kind)]
    done = _libc.mount(*words, ctypes.c_ulong(how), data.encode() or None)
    return bool(done == 0)
