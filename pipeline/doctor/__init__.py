"""What this machine has, what it lacks, and the command that cures each lack.

Every check is a function that changes nothing and gives findings; `examine` runs them all.
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.doctor.finding import Finding, State
from pipeline.doctor.machine import grading, graphics, processor, room, sandbox
from pipeline.doctor.services import prefect, shipped_models
from pipeline.doctor.software import engine, packages, python

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout, whose `data` folder holds the shipped models."""


def examine() -> list[Finding]:
    """All findings."""
    return [
        *python(),
        *packages(),
        *engine(),
        *processor(),
        *graphics(),
        *room(),
        *sandbox(),
        *grading(),
        *prefect(os.environ),
        *shipped_models(ROOT),
    ]


__all__ = ["Finding", "State", "examine"]
