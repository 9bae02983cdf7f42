"""What a run says of itself while it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.relabel import changed, relabel
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.pipeline.dataset.items import batch


def test_a_kill_as_it_begins_leaves_no_finished_run_with_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path, "trial", batch(2))
    config = changed(run, [])
    other = config.model_copy(update={"seed": 7})
    for name in ("write_text", "write_json"):  # each is the last thing that it does
        with monkeypatch.context() as killed:
            killed.setattr(f"pipeline.run_folder.{name}", _killed)
            with pytest.raises(KeyboardInterrupt):
                run.begin(other, "f00d")
        is_as_before = changed(run, []).seed == config.seed
        assert is_as_before or run.info["state"] == "running"
    with pytest.raises(RunError, match="is not finished"):
        relabel(config, RunFolder(run.folder), [])


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
