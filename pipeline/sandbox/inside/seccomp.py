"""The system calls that a snippet may not make, as a filter that the kernel runs.

A second wall: namespaces, the lack of privileges and the limits hold without it. It shuts what a
calculation never needs and where kernels have had holes, and closes three doors that limits don't
cover: new user namespaces, sockets other than local ones, and memory that no limit counts (memfd,
System V segments).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import NamedTuple

_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_AF_UNIX = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_X32 = 0x40000000


class _Machine(NamedTuple):
    audit: int
    clone: int
    socket: int
    denied: tuple[int, ...]


_EVERYWHERE = (
    425, 426, 427,  # io_uring
    428, 429, 430, 431, 432, 433, 442,  # open_tree, move_mount, fsopen and on, mount_setattr
    438, 443, 447,  # pidfd_getfd, quotactl_fd, memfd_secret
)  # fmt: skip
_CLONE3 = 435

_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        clone=56,
        socket=41,
        denied=(
            29, 30, 31, 67, 64, 65, 66, 220, 68, 69, 70, 71, 240,  # System V and POSIX queues, memory
            101, 310, 311, 312, 279,  # ptrace, process_vm_*, kcmp, move_pages
            155, 161, 165, 166, 272, 308, 303, 304,  # mounts, roots, namespaces, file handles
            103, 135, 154, 159, 163, 164, 167, 168, 169, 170, 171, 172, 173, 179, 227, 305,  # the machine
            175, 176, 313, 246, 320,  # kernel modules, kexec
            248, 249, 250, 298, 300, 319, 321, 323,  # keys, perf, fanotify, memfd, bpf, userfaultfd
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        clone=220,
        socket=198,
        denied=(
            180, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197,
            117, 270, 271, 272, 239,
            39, 40, 41, 51, 97, 268, 264, 265,
            60, 89, 92, 112, 116, 142, 161, 162, 170, 171, 224, 225, 266,
            105, 106, 273, 104, 294,
            217, 218, 219, 241, 262, 279, 280, 282,
        ),
    ),
}  # fmt: skip


def supported() -> bool:
    return platform.machine() in _MACHINES


def program() -> bytes:
    """The filter for this machine: instructions of 8 bytes (code, jump if true, if false, value)."""
    machine = _MACHINES[platform.machine()]
    refuse = 0x00050000 | errno.EPERM

    def unless(code: int, value: int, verdict: int) -> list[tuple[int, int, int, int]]:
        return [(code, 0, 1, value), (_RETURN, 0, 0, verdict)]

    lines = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, machine.audit), (_RETURN, 0, 0, _KILL)]
    lines.append((_LOAD, 0, 0, _NUMBER))
    if platform.machine() == "x86_64":
        lines += unless(_AT_LEAST, _X32, _KILL)
    for number in (*machine.denied, *_EVERYWHERE):
        lines += unless(_EQUAL, number, refuse)
    # Without clone3, whose flags a filter can't see, the C library goes back to clone.
    lines += unless(_EQUAL, _CLONE3, 0x00050000 | errno.ENOSYS)
    lines += [(_EQUAL, 0, 4, machine.clone), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    lines += [*unless(_ANY_BIT, _NEW_NAMESPACES, refuse), (_RETURN, 0, 0, _ALLOW)]
    lines += [(_EQUAL, 0, 3, machine.socket), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    lines += [(_EQUAL, 1, 0, _AF_UNIX), (_RETURN, 0, 0, refuse)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install(libc: ctypes.PyDLL, filter_: bytes) -> None:
    """Put this process, and all that comes of it, under the filter. Raises OSError."""
    text = ctypes.create_string_buffer(filter_, len(filter_))
    head = struct.pack("@HP", len(filter_) // 8, ctypes.addressof(text))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {errno.errorcode.get(code, code)}")
