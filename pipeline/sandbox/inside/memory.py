"""What a snippet's processes take together, as the zygote sees it from outside.

One process alone is held by its own limit (RLIMIT_AS). Several are added up here, pages that they
share counted once between them.
"""

from __future__ import annotations

import os


def group_fits(memory: int) -> bool:
    """Whether all the snippet's processes have at most `memory` bytes together.

    One that hides (PR_SET_DUMPABLE) may have any size: it doesn't fit.
    """
    if is_alone():
        return True
    total = 0
    for name in _processes():
        size = _proportional_kb(name)
        if size is None:
            return False
        total += size
    return total * 1024 <= memory


def is_alone() -> bool:
    """Whether the snippet has one process at most."""
    return len(_processes()) < 2


def _processes() -> list[str]:
    mine = {os.getpid(), 1}
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine]


def _proportional_kb(process: str) -> int | None:
    """KiB of one process, 0 where it has ended; None where it does not let itself be looked at.

    It is asked of its threads, since a process whose first thread has left (a zombie) shows no memory
    under its own name while the others go on.
    """
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return 0
    for thread in threads:
        try:
            with open(f"/proc/{process}/task/{thread}/smaps_rollup", encoding="ascii") as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except PermissionError:
            return None
        except OSError:
            continue  # this thread ended
    return 0
