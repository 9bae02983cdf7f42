"""What a run says of its pace, and of what is left."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.engine.limits import EngineStats
from pipeline.files import write_json
from pipeline.progress import Progress


def test_time_left_goes_by_the_pace_of_this_attempt(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    before = {"rows_done": 100, "rows_total": 100, "seconds": 36000.0, "load_seconds": 600.0}
    write_json(path, {"judge": before})
    progress = Progress(path)
    progress.begin("judge", 200, 50)  # half of those rows were made anew by other settings
    assert progress.stages["judge"].eta_seconds() is None
    time.sleep(0.3)
    progress.row("judge", 10)
    progress.spent("judge", EngineStats(), load_seconds=0.2)
    stage = progress.stages["judge"]
    worked = stage.seconds - 36000.0 - 0.2
    assert worked > 0
    assert stage.eta_seconds() == pytest.approx(140 * worked / 10, abs=0.01)


def test_a_stage_that_goes_on_in_an_attempt_keeps_its_pace(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    for rows in (20, 10):
        progress.begin("judge", rows, 0)
        time.sleep(0.1)
        progress.row("judge", rows // 2)
        progress.spent("judge", EngineStats(), load_seconds=0.0)
        if rows == 20:
            progress.end("judge", all_done=True)
    stage = progress.stages["judge"]
    assert (stage.rows_done, stage.rows_total) == (25, 30)
    assert stage.seconds >= 0.2
    assert stage.eta_seconds() == pytest.approx(5 * stage.seconds / 25, abs=0.01)
