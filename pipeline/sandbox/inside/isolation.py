"""How a snippet's process is shut in: namespaces of its own, its limits, no privileges, a filter.

`fork_isolated` makes the process as the first of a new process namespace: it sees no process but its
own, and when it ends the kernel kills all that it left. Before it looks at the code that process calls
`shut_in`, which gives it the user 1000, a /tmp of its own, an empty /proc and its limits, and `close`,
which takes its privileges.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from typing import NamedTuple

from pipeline.sandbox.inside import seccomp
from pipeline.sandbox.inside.frames import Request

USER = 1000
MAX_OPEN_FILES = 64
_FILES_ON_DISK = 1024
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 4, 38, 36
_CAPABILITY_VERSION = 0x20080522
_CLONE_NUMBER = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL: the interpreter's lock is held over a fork
_api = ctypes.pythonapi


def _checked(what: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _prctl(what: str, option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _checked(what, _libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def drop_root(user: int) -> None:
    """Become `user` for good. The kernel keeps no count of root's processes."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def close_to_others() -> None:
    """No process of the same user may trace this one or read its memory."""
    _prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, 0)


def open_to_itself() -> None:
    """The files of this process in /proc are its own again, and not root's."""
    _prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Descendants whose parents died become this process's children."""
    _prctl("PR_SET_CHILD_SUBREAPER", _PR_SET_CHILD_SUBREAPER, 1)


def fork_isolated() -> int:
    """fork(2) into new user, process and mount namespaces. Raises OSError where they're forbidden."""
    flags = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNS | signal.SIGCHLD
    zero = ctypes.c_ulong(0)
    _api.PyOS_BeforeFork()
    pid = int(_libc.syscall(_CLONE, ctypes.c_ulong(flags), zero, zero, zero, zero))
    if pid == 0:
        _api.PyOS_AfterFork_Child()
        return 0
    code = ctypes.get_errno()
    _api.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, f"clone into new namespaces: {os.strerror(code)}")
    return pid


class Cell(NamedTuple):
    """`user` and `group` are the zygote's; `filter`: of system calls (`seccomp`)."""

    user: int
    group: int
    filter: bytes


def shut_in(cell: Cell, request: Request) -> None:
    """Shut in the process that `fork_isolated` made; what is left to do is `close`.

    Raises OSError where the machine does not let it; then no code may be run.
    """
    open_to_itself()
    _write("/proc/self/oom_score_adj", "1000")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{USER} {cell.user} 1")
    _write("/proc/self/gid_map", f"{USER} {cell.group} 1")
    closed = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("/tmp", closed, f"size={max(request.disk, 4096)},nr_inodes={_FILES_ON_DISK},mode=700")
    _mount("/proc", closed | _MS_RDONLY, "size=4096,nr_inodes=2,mode=555")
    os.chdir("/tmp")
    limit(request)


def close(cell: Cell) -> None:
    """No privilege is left to change anything of it, and no dangerous call. Raises OSError, as above."""
    _drop_privileges()
    seccomp.install(_libc, cell.filter)


def limit(request: Request, count_processes: bool = True) -> None:
    """The limits that each process has for itself. Those of the whole group are the zygote's watch.

    Without a user namespace the kernel counts the user's other processes too: `count_processes` is
    then off.
    """
    limits = {
        resource.RLIMIT_AS: virtual_bytes() + request.memory,
        resource.RLIMIT_CPU: request.cpu_s,
        resource.RLIMIT_FSIZE: request.file,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if count_processes:
        limits[resource.RLIMIT_NPROC] = request.processes
    for which, value in limits.items():
        resource.setrlimit(which, (value, value))


def virtual_bytes() -> int:
    """Address space of this process; read once, by the zygote, since a snippet has no /proc."""
    global _virtual_bytes
    if _virtual_bytes is None:
        with open("/proc/self/statm", encoding="ascii") as file:
            _virtual_bytes = int(file.read().split()[0]) * resource.getpagesize()
    return _virtual_bytes


_virtual_bytes: int | None = None


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode("ascii"))
    finally:
        os.close(file)


def _mount(where: str, flags: int, options: str) -> None:
    result = _libc.mount(
        b"tmpfs", where.encode(), b"tmpfs", ctypes.c_ulong(flags), options.encode("ascii")
    )
    _checked(f"a tmpfs on {where}", result)


def _drop_privileges() -> None:
    """The capabilities that a new user namespace begins with, and every way to new ones."""
    _prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)
    head = struct.pack("@Ii", _CAPABILITY_VERSION, 0)
    _checked("capset", _libc.capset(head, bytes(24)))


_CLONE = _CLONE_NUMBER.get(os.uname().machine, -1)
