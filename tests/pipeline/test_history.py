"""The lines that finished runs leave, also after a kill."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.history import history
from tests.test_resume import small_batch


def test_each_start_that_finishes_leaves_a_line(tmp_path: Path) -> None:
    for problems in (2, 3, 3):
        config = small_batch(tmp_path, problems=problems)
        asyncio.run(run_batch(config, make_annotators(config)))
    lines = history(config.folder)
    assert [(line.attempt, line.solutions) for line in lines] == [(1, 8), (2, 12), (3, 12)]
    assert lines[0].sampled_tokens < lines[1].sampled_tokens == lines[2].sampled_tokens


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    asyncio.run(run_batch(config, make_annotators(config)))
    file = config.folder / "history.jsonl"
    whole = file.read_text()
    file.write_text(whole + json.dumps(json.loads(whole))[:40])
    asyncio.run(run_batch(config, make_annotators(config)))
    assert [line.attempt for line in history(config.folder)] == [1, 2]


def test_a_run_that_grew_by_its_limit_has_the_same_configuration(tmp_path: Path) -> None:
    for limit, seed in ((2, 3), (3, 3), (3, 4)):
        raw = small_batch(tmp_path, problems=3).model_dump(mode="json") | {"seed": seed}
        raw["problems"]["limit"] = limit
        config = RunConfig.check(raw, "test")
        asyncio.run(run_batch(config, make_annotators(config)))
    grown, further, other = history(config.folder)
    assert grown.config == further.config != other.config
    assert grown.solutions < further.solutions
