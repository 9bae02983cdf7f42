"""What a snippet may use, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pipeline.errors import ConfigError
from pipeline.sandbox.inside.frames import ExecutionStatus

MAX_CODE_BYTES = 1 << 20
MAX_STDIN_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one snippet, all its processes together unless it says otherwise.

    `wall_s`, `cpu_s` (of each process; whole seconds): longer is a timeout.
    `memory_mb`: MiB beyond what the loaded packages take; more is oom.
    `disk_mb`: MiB of files in its /tmp; `file_mb`: MiB of each. More is an OSError in the snippet.
    `output_kb`: KiB of standard output, and as much of standard error; more and it is killed.
    `processes`: threads are counted too; one more can't be started.
    Raises ConfigError where one of them isn't positive.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_mb: int = 512
    disk_mb: int = 16
    file_mb: int = 8
    output_kb: int = 256
    processes: int = 8

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 0 < getattr(self, one.name) <= 1_000_000:
                raise ConfigError(
                    f"limits.{one.name}: {getattr(self, one.name)}; should be over 0, and at most a million"
                )


@dataclass(frozen=True, slots=True)
class Execution:
    """How one snippet ended. Its texts are the snippet's own, or built on them: hostile.

    `reason`: the exception that ended it, the limit it broke, or why it was refused; "" when OK.
    `line`: its line that raised, from 1, where it is known.
    `wall_s` and `cpu_s` are those of its process alone, without the way there and back.
    """

    status: ExecutionStatus
    reason: str = ""
    line: int | None = None
    stdout: str = ""
    stderr: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status is ExecutionStatus.OK

    @property
    def tells(self) -> bool:
        """Whether it says something about the code: it ran to its end, or failed by itself."""
        return self.status in (ExecutionStatus.OK, ExecutionStatus.ERROR)
