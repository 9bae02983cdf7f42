"""Publishing to a Hub that speaks the client's protocol: complete after any kill, private, and silent about
tokens."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, write_dataset
from pipeline.errors import ConfigError, PrerequisiteError, RunError
from pipeline.files import sha256_of
from pipeline.publish import HubTarget, dataset_files_of, publish
from pipeline.publish.files import LocalFile
from tests.conftest import ROOT
from tests.pipeline.dataset.items import batch, in_memory
from tests.pipeline.publish.hub_server import READ_ONLY, TOKEN

PUBLISHER = """
import sys
from pathlib import Path
from pipeline.publish import HubTarget, dataset_files_of, publish
files = dataset_files_of(Path(sys.argv[1]))
target = HubTarget("me/labels", endpoint=sys.argv[2], token=sys.argv[3])
publish(files, target, on_sent=lambda file: print("sent", flush=True), batch_files=1)
"""


class Server:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"

    @property
    def repos(self) -> Any:
        path = self.folder / "state.json"
        return json.loads(path.read_text())["repos"] if path.exists() else {}

    @property
    def commits(self) -> Any:
        return json.loads((self.folder / "state.json").read_text())["log"]

    def target(self, token: str = TOKEN, **more: Any) -> HubTarget:
        return HubTarget("me/labels", endpoint=self.url, token=token, **more)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_DISABLE_XET", True
    )  # git LFS is served here
    command = [sys.executable, "-m", "tests.pipeline.publish.hub_server", str(tmp_path / "hub")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(tmp_path / "hub", int(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return written(tmp_path / "d", 20)


def written(folder: Path, problems: int) -> Path:
    items = batch(problems)
    config = DatasetConfig(views=tuple(VIEWS), rows_per_file=20)
    write_dataset(in_memory(items), folder, config, CardFacts("published"))
    return folder


def check_complete(server: Server, dataset: Path, branch: str | None = None) -> None:
    """Each file once, with the checksum of what we have, and nothing else."""
    repo = server.repos["me/labels"]
    found = (repo if branch is None else repo["branches"][branch])["files"]
    assert found.keys() == {file.name for file in dataset_files_of(dataset)}
    for name, file in found.items():
        stored = server.folder / "lfs" / (file.get("lfs") or file)["oid"]
        assert sha256_of(stored) == sha256_of(dataset / name)


def test_a_dataset_gets_there_in_bounded_commits_the_card_last(
    server: Server, dataset: Path
) -> None:
    sent: list[str] = []
    publish(
        dataset_files_of(dataset),
        server.target(tag="v1"),
        on_sent=lambda file: sent.append(file.name),
        batch_files=5,
    )
    check_complete(server, dataset)
    assert max(server.commits) <= 5
    assert sent[-1] == "README.md"
    repo = server.repos["me/labels"]
    assert repo["private"] is True
    assert repo["tags"] == {"v1": repo["commits"][-1]}


def test_a_second_time_nothing_is_sent(server: Server, dataset: Path) -> None:
    files = dataset_files_of(dataset)
    publish(files, server.target())
    before = server.repos
    again = publish(files, server.target())
    assert (again.send, again.remove, again.same) == ((), (), len(files))
    assert server.repos == before


def test_a_smaller_dataset_takes_the_place_of_a_larger_one(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    publish(dataset_files_of(dataset), server.target())
    smaller = written(tmp_path / "smaller", 4)
    publish(dataset_files_of(smaller), server.target())
    check_complete(server, smaller)


def test_a_new_branch_holds_nothing_of_main_s_dataset(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    publish(dataset_files_of(dataset), server.target())
    smaller = dataset_files_of(written(tmp_path / "smaller", 4))
    planned = publish(smaller, server.target(revision="next"), dry_run=True)
    assert publish(smaller, server.target(revision="next")) == planned
    assert planned.remove
    check_complete(server, tmp_path / "smaller", "next")
    check_complete(server, dataset)


def test_a_file_of_another_dataset_that_comes_meanwhile_is_told(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    smaller, others = written(tmp_path / "smaller", 4), dataset_files_of(dataset)
    names = {file.name for file in dataset_files_of(smaller)}
    extra = [file for file in others if file.name not in names][:1]

    def meanwhile(file: LocalFile) -> None:
        if file.name == "README.md":
            server.target().send(extra, (), "Add one of another dataset")

    with pytest.raises(RunError, match=r"of another dataset is still there.*publish again"):
        publish(dataset_files_of(smaller), server.target(), on_sent=meanwhile)
    publish(dataset_files_of(smaller), server.target())
    check_complete(server, smaller)


def test_a_tag_that_names_other_data_is_an_error(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    publish(dataset_files_of(dataset), server.target(tag="v1"))
    publish(dataset_files_of(dataset), server.target(tag="v1"))
    tags = server.repos["me/labels"]["tags"]
    smaller = written(tmp_path / "smaller", 4)
    with pytest.raises(RunError, match=r"the tag v1 is taken.*another --tag"):
        publish(dataset_files_of(smaller), server.target(tag="v1"))
    assert server.repos["me/labels"]["tags"] == tags
    publish(dataset_files_of(smaller), server.target(tag="v2"))
    repo = server.repos["me/labels"]
    assert repo["tags"] == tags | {"v2": repo["commits"][-1]}


def test_a_dry_run_changes_nothing(server: Server, dataset: Path) -> None:
    files = dataset_files_of(dataset)
    change = publish(files, server.target(), dry_run=True)
    assert change.send == files
    assert server.repos == {}


@pytest.mark.slow
def test_killed_ten_times_it_ends_complete(server: Server, tmp_path: Path) -> None:
    """Each time after some more files, and at some instant of the next one; there are files enough that
    it never gets to the card."""
    dataset = written(tmp_path / "long", 80)
    instants = random.Random(0)
    command = [sys.executable, "-c", PUBLISHER, str(dataset), server.url, TOKEN]
    environment = os.environ | {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    for _ in range(10):
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for _ in range(instants.choice([1, 1, 2])):
                assert process.stdout.readline() == b"sent\n"
            time.sleep(instants.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert "README.md" not in server.repos["me/labels"]["files"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    check_complete(server, dataset)


@pytest.mark.parametrize(
    ("token", "said"), [("hf_unknown", "does not know this token"), (READ_ONLY, "may not write")]
)
def test_a_wrong_token_is_a_clear_error_that_does_not_tell_it(
    token: str, said: str, server: Server, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(PrerequisiteError, match=said) as raised:
        publish(dataset_files_of(dataset), server.target(token))
    assert token not in str(raised.value)
    assert token not in caplog.text
    assert server.repos == {}


def test_no_token_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(PrerequisiteError, match="no token for the Hub; log in with"):
        HubTarget("me/labels")


def test_no_token_is_in_a_log(
    server: Server, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    publish(dataset_files_of(dataset), server.target())
    assert TOKEN not in caplog.text


def test_a_hub_that_is_not_there_is_an_error_that_says_how_to_go_on(dataset: Path) -> None:
    target = HubTarget("me/labels", endpoint="http://127.0.0.1:9", token=TOKEN)
    with pytest.raises(RunError, match="publish again"):
        publish(dataset_files_of(dataset), target)


@pytest.mark.parametrize("name", ["labels", "a/b/c", "/labels", "me/"])
def test_a_name_that_is_no_repository_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        HubTarget(name, token=TOKEN)
