"""Problems, the run and the dataset in a bucket, on a real S3-compatible server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.inputs import read_problems
from pipeline.remote import Remote
from pipeline.review.decisions import Decision, Kind, decisions_of
from pipeline.run_folder import RunFolder
from tests.killing import finished_calls, made_calls, rows_of, run_once
from tests.nightly import ROOT, slow_batch, undisturbed, until
from tests.s3 import BUCKET, URL, in_bucket, s3, store
from tests.test_resume import small_batch


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3() as environment:
        yield environment


@pytest.mark.slow
def test_a_night_s_run_on_a_machine_without_state_goes_on_from_the_bucket(
    server: dict[str, str], tmp_path: Path
) -> None:
    local = small_batch(tmp_path, "local", 4)
    run_once(local)
    config = in_bucket(small_batch(tmp_path, "bucket", 4))
    run_once(config)
    assert rows_of(config) == rows_of(local)
    made = made_calls(config)
    shutil.rmtree(config.folder)

    grown = in_bucket(small_batch(tmp_path, "bucket", 6))
    run_once(grown)
    assert not set(made) & set(made_calls(grown))
    everything = small_batch(tmp_path, "everything", 6)
    run_once(everything)
    assert rows_of(grown) == rows_of(everything)

    bucket, folder = store(), grown.folder / "dataset"
    there = {
        p.removeprefix(f"{BUCKET}/runs/bucket/dataset/"): bucket.cat_file(p)
        for p in bucket.find(f"{BUCKET}/runs/bucket/dataset")
    }
    here = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    assert there == here


@pytest.mark.slow
def test_killed_with_its_machine_a_run_loses_what_was_not_kept_and_nothing_else(
    server: dict[str, str], tmp_path: Path
) -> None:
    config = in_bucket(slow_batch(tmp_path, "lost", 0.1))
    path = tmp_path / "lost.yaml"
    path.write_text(config.to_yaml())
    often = "import pipeline.remote.run as r; r.KEEP_S = 0.3; from flows.cli import main; main()"
    command = [sys.executable, "-c", often, "run", str(path), "--no-prefect"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as first:
        index = f"{BUCKET}/runs/lost/index.json"
        until("verdicts are kept", lambda: b"verdicts/rollouts/part" in _content(index))
        first.send_signal(signal.SIGKILL)
    shutil.rmtree(config.folder)
    run_once(config)
    assert rows_of(config) == undisturbed(config.model_copy(update={"remote": None}))
    assert len(made_calls(config)) < len(finished_calls(config))
    assert RunFolder(config.folder).info["attempt"] == 2


def test_what_people_decided_is_in_the_bucket_too(server: dict[str, str], tmp_path: Path) -> None:
    one, two = (Remote(f"{URL}/runs/reviewed", tmp_path / name) for name in ("one", "two"))
    row = Decision("a", Kind.NAMED, 1, 1.0, False, 1.0, "2026-01-01T00:00:00.000+00:00")
    decisions_of(one.folder / "reviews", "ann").append(row)
    one.fetch()
    one.keep()
    two.fetch()
    assert decisions_of(two.folder / "reviews", "ann").rows() == [row]


def _content(path: str) -> bytes:
    bucket = store()
    return bytes(bucket.cat_file(path)) if bucket.exists(path) else b""


def test_a_folder_in_a_bucket_is_read_and_a_bad_row_is_named_by_its_address(
    server: dict[str, str], tmp_path: Path
) -> None:
    config = small_batch(tmp_path, problems=2)
    bucket = store()
    bucket.put_file(config.problems.path, f"{BUCKET}/many/one.jsonl")
    bucket.pipe_file(
        f"{BUCKET}/many/two.jsonl", b'{"question": "1 + 1?", "answer": "2"}\n{"question": 3}\n'
    )
    bucket.pipe_file(f"{BUCKET}/many/readme.txt", b"not a row")
    found = read_problems(config.problems.model_copy(update={"path": f"{URL}/many"}))
    assert len(found.rows) == 3
    assert found.rejected[0].file == f"{URL}/many/two.jsonl"
    with pytest.raises(InputError, match="no such file or folder"):
        read_problems(config.problems.model_copy(update={"path": f"{URL}/nothing"}))
