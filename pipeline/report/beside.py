"""A large run's report, made by a process of its own while this one writes the dataset: both only read rows.

It ends with the process that began it, and what it makes becomes the report only there. Where it comes to
nothing (killed, out of memory, an error) the report is made by this process after all, which then says why.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.collecting import seldom_collecting
from pipeline.config import RunConfig
from pipeline.files import sync_folder
from pipeline.report.write import report_stands, write_report
from pipeline.run_folder import RunFolder

WORTH_IT = 10_000
"""Solutions: a report of fewer takes about as long as a process takes to start."""


@contextmanager
def report_beside(
    config: RunConfig, run: RunFolder, names: Sequence[str], summary: Mapping[str, Any]
) -> Iterator[Callable[[], None]]:
    """Gives what waits until the run's page is there, or writes it. `summary`: what the page says of the
    run, as plain data."""
    made = run.folder / ".report.beside.html"
    stands = report_stands(config, run, names)
    process = None
    if not stands and _processes(config, run) > 1:
        process = _begun((config, run.folder, made, names, summary))

    def written() -> None:
        if stands:
            return
        if process is not None and process.wait() == 0 and made.is_file():
            os.replace(made, run.report)
            sync_folder(run.folder)
        else:
            write_report(config, run, run.report, names, summary=summary)

    try:
        yield written
    finally:
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
        for left in run.folder.glob(f"*{made.name}*"):  # of one that was killed, too
            left.unlink(missing_ok=True)


def _processes(config: RunConfig, run: RunFolder) -> int:
    if sum(part.rows for part in run.solutions.parts()) < WORTH_IT:
        return 1
    return config.processes or len(os.sched_getaffinity(0))


def _begun(task: tuple[Any, ...]) -> subprocess.Popen[bytes]:
    """A program of its own, not a fork or a spawn: those would take threads along, or run the caller's
    script again."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.report.beside"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdin is not None
    try:
        pickle.dump(task, process.stdin)
        process.stdin.flush()
    except OSError:
        pass  # it is gone already, which `written` finds out
    return process


def _end_with_parent() -> None:
    """Its end of the pipe is closed when it ends, however it does."""
    os.read(0, 1)
    os._exit(1)


def main() -> None:
    task: tuple[RunConfig, Path, Path, Sequence[str], Mapping[str, Any]]
    task = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that began this one wrote it
    config, folder, path, names, summary = task
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with seldom_collecting():
        write_report(config, RunFolder(folder), path, names, summary=summary)


if __name__ == "__main__":
    main()
