"""What several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that are not shipped (GSM8K, ProcessBench, PRM800K, …)."""
    folder = Path(os.environ.get("STEPLABEL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            "public data sets absent: set STEPLABEL_TEST_DATA to the folder that holds them"
        )
    return folder
