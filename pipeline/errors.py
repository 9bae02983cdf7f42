"""Every error a user can meet, in one tree.

StepLabelError
├── ConfigError        the run configuration is wrong: names the key and what would be right
├── InputError         a file, row or field that can't be read: names all three
├── PrerequisiteError  something is missing or not allowed here: names the command that cures it
├── RunError           a run folder that is damaged, or of another version
│   └── InUseError         another process works in it: names who, and since when
├── EngineError        a model engine failed
│   ├── BadRequestError    the request itself is refused; trying again can't help
│   └── EngineFaultError   the engine or the way to it failed; worth another try
│       └── BudgetSpentError   the run's dollars are spent; a larger budget goes on
└── InterruptedRun     a run was stopped, by its user or by SIGTERM; it can go on

The command line prints the message alone, without a traceback, and exits with `exit_code`.
"""

from __future__ import annotations


class StepLabelError(Exception):
    """Root of every error raised on purpose. `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(StepLabelError):
    exit_code = 2


class InputError(StepLabelError):
    exit_code = 3


class PrerequisiteError(StepLabelError):
    exit_code = 4


class RunError(StepLabelError):
    exit_code = 5


class InUseError(RunError):
    pass


class EngineError(StepLabelError):
    exit_code = 6


class BadRequestError(EngineError):
    pass


class EngineFaultError(EngineError):
    """`retry_after_s`: when the server wants to be asked again, where it said so. `away`: there was nobody
    to ask, whatever was asked. `busy`: it was asked more than it allows."""

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        *,
        away: bool = False,
        busy: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.away = away
        self.busy = busy


class BudgetSpentError(EngineFaultError):
    pass


class InterruptedRun(StepLabelError):
    exit_code = 130
