"""`steplabel doctor`: what is here, what is missing, and the command that cures it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.shown import plain
from pipeline.doctor import State, examine
from pipeline.errors import PrerequisiteError

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.MISSING: "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for a program")] = False,
) -> None:
    """Look at this machine: Python, packages, vLLM, processor, GPU, memory, disk, sandbox, Prefect,
    models. Changes nothing.

    "note" is something that works less well or that only some parts need; "missing" stops a run. The
    exit code is 4 when anything is missing, else 0.

    \b
    steplabel doctor
    steplabel doctor --json
    """
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        table = Table("what", "", "found", "cure", header_style="bold")
        for one in findings:
            state = Text(one.state, style=_STYLES[one.state])
            table.add_row(one.what, state, Text(plain(one.detail)), Text(plain(one.cure)))
        Console().print(table)
    missing = [finding for finding in findings if finding.state is State.MISSING]
    if missing:
        cures = "; ".join(f"{one.what}: {one.cure}" for one in missing)
        raise PrerequisiteError(f"{len(missing)} missing. {cures}")
