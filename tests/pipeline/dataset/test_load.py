"""`datasets.load_dataset` reads every view back, in an interpreter that knows nothing of us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, load_view, write_dataset
from tests.pipeline.dataset.items import batch, in_memory, item, rows_of

LOADER = """
import importlib.util, json, os, sys
sys.path[:] = [p for p in sys.path if p and not os.path.exists(os.path.join(p, "pipeline"))]
from datasets import get_dataset_config_names, load_dataset
found = {"ours": importlib.util.find_spec("pipeline.records") is not None if
         importlib.util.find_spec("pipeline") else False,
         "configs": get_dataset_config_names(sys.argv[1]), "views": {}, "features": {}}
for view in found["configs"]:
    data = load_dataset(sys.argv[1], view)
    found["views"][view] = {split: list(rows) for split, rows in data.items()}
    found["features"][view] = {s: str(rows.features) for s, rows in data.items()}
print(json.dumps(found))
"""


def load(folder: Path, scratch: Path) -> dict[str, Any]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(scratch / "hf"),
        "HF_DATASETS_CACHE": str(scratch / "cache"),
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADER, str(folder)],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_every_column_of_every_view_comes_back(tmp_path: Path) -> None:
    items = batch()
    config = DatasetConfig(rows_per_file=30, views=tuple(VIEWS))
    made = write_dataset(in_memory(items), tmp_path / "d", config, CardFacts("trial"))
    (tmp_path / "scratch").mkdir()
    found = load(tmp_path / "d", tmp_path / "scratch")
    assert found["ours"] is False
    assert sorted(found["configs"]) == sorted(VIEWS)
    for view, splits in found["views"].items():
        written = rows_of(load_view(view), items)
        expected = json.loads(json.dumps(written))
        rows = [row for split in splits.values() for row in split]
        assert sorted(map(str, rows)) == sorted(map(str, ordered(expected, view)))
        assert {split: len(rows) for split, rows in splits.items()} == made.rows[view]
        assert set(found["features"][view].values()) == {str(load_view(view).features)}
    check_stepwise(found["views"]["stepwise"]["train"])


def ordered(rows: list[dict[str, Any]], view: str) -> list[dict[str, Any]]:
    """Keys in the order of the features, as datasets gives them, in nested rows too."""

    def like(value: Any, feature: Any) -> Any:
        inner = getattr(feature, "feature", None)
        if inner is not None and value is not None:
            return [like(element, inner) for element in value]
        if isinstance(feature, dict) and value is not None:
            return {key: like(value[key], kind) for key, kind in feature.items()}
        return value

    features = load_view(view).features
    return [{key: like(row[key], kind) for key, kind in features.items()} for row in rows]


def check_stepwise(rows: list[dict[str, Any]]) -> None:
    """The stepwise type as TRL documents it: a prompt, completions, and a label for each."""
    assert rows
    for row in rows:
        assert list(row) == ["prompt", "completions", "labels"]
        assert isinstance(row["prompt"], str)
        assert all(isinstance(text, str) for text in row["completions"])
        assert all(isinstance(label, bool) for label in row["labels"])
        assert len(row["completions"]) == len(row["labels"]) > 0
        assert all(row["labels"][:-1])


@pytest.mark.slow
def test_a_dataset_without_labels_still_loads(tmp_path: Path) -> None:
    items = [item(0, first_error=None)]
    write_dataset(in_memory(items), tmp_path / "d", DatasetConfig(), CardFacts("none"))
    (tmp_path / "scratch").mkdir()
    found = load(tmp_path / "d", tmp_path / "scratch")
    assert found["configs"] == ["evidence"]
    assert len(found["views"]["evidence"]["train"]) == 1
