"""Running Python that models wrote, in isolation: `async with Sandbox() as sandbox: await sandbox.run(code)`.

A pool of zygotes has SymPy and NumPy loaded. While one is idle it forks a process for the next snippet,
and shuts it in, so that a check takes milliseconds. Three walls stand between a snippet and the machine:

1. bubblewrap around each zygote: process, network, IPC and host-name namespaces, no network device,
   and a file system of a read-only Python, the system's libraries and the loaded packages.
2. For each snippet a user, process and mount namespace: it is process 1 and sees no other, has user 1000
   and no capability, an empty /tmp of limited size and an empty /proc. When it ends the kernel kills
   what it left behind, and its files are gone with their mount.
3. Limits (memory, processor, files, output, processes, wall clock) and a filter of system calls.

It protects
- the machine's files, network, processes and environment from being read or changed, and its memory,
  disk and processors from being used up beyond the limits;
- the pool: a snippet holds none of its pipes, can't signal, trace or see the zygote, and a reply counts
  only with the random number of its own request;
- each snippet from those before it: nothing that one leaves is there for the next.

It does not protect
- from holes in the kernel: who must be safe from those runs steplabel in a virtual machine;
- one part of a snippet from another, nor the pieces that `run_in_turn` runs: code that is run together
  with its tests can look at them, or leave before they run. Whoever judges by tests must have them say a
  word that the code can't know;
- from learning about the machine: processor, kernel version, the time, which packages are there;
- from the processor's side channels, nor the host while a few snippets fill all limits at once: that
  is workers x (memory + disk) at most.

On Linux 5.14 and newer `processes` counts a snippet's own; before, all of its zygote's user.
Where user namespaces are forbidden `Sandbox` raises PrerequisiteError. `unsafe_local=True` goes on without
the first two walls and the filter: a snippet then is any program that this user starts.
"""

from pipeline.sandbox.inside.frames import ExecutionStatus
from pipeline.sandbox.limits import MAX_CODE_BYTES, Execution, Limits
from pipeline.sandbox.pool import PACKAGES, Sandbox
from pipeline.sandbox.turns import run_in_turn

__all__ = [
    "MAX_CODE_BYTES",
    "PACKAGES",
    "Execution",
    "ExecutionStatus",
    "Limits",
    "Sandbox",
    "run_in_turn",
]
