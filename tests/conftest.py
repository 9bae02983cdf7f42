"""What several tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

    from tests.browser import Tab
    from tests.nightly import Up

settings.register_profile("steplabel", deadline=None)  # no test asserts a time
settings.load_profile("steplabel")

ROOT = Path(__file__).resolve().parent.parent

VLLM = ("tests/pipeline/engine/test_models.py", "tests/flows/test_vllm_server.py")
"""Files that start a real vLLM, which takes all cores there are: in one process, one after another."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    from xdist.scheduler import LoadFileScheduling

    class OneVllm(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "vllm" if nodeid.startswith(VLLM) else super()._split_scope(nodeid)

    return OneVllm(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest run only where they are asked for: `make test-faults`, or `-m faults`. Files with long
    ones come first: some are run at once, and no process shall wait at the end for the others."""
    if "faults" not in config.option.markexpr:
        longest = [item for item in items if item.get_closest_marker("faults")]
        config.hook.pytest_deselected(items=longest)
        items[:] = [item for item in items if not item.get_closest_marker("faults")]
    long = {
        item.path
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("vllm")
    }
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that are not shipped (GSM8K, ProcessBench, PRM800K, …)."""
    folder = Path(os.environ.get("STEPLABEL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(
            "public data sets absent: set STEPLABEL_TEST_DATA to the folder that holds them"
        )
    return folder


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    from tests.browser import browser

    with browser() as found:
        yield found


@pytest.fixture(scope="session")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A Prefect server and worker, started as a user does, with one deployment; each test's runs have
    names of their own."""
    from tests.nightly import Up, running

    with running(Up(tmp_path_factory.mktemp("nightly"))) as one:
        yield one
