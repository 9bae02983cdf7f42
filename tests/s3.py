"""An S3-compatible server as a process of its own: moto's, which holds its buckets in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from pipeline.config import RunConfig
from tests.nightly import free_port, until

BUCKET = "labels"
URL = f"s3://{BUCKET}"


def in_bucket(batch: RunConfig) -> RunConfig:
    """The batch, its problems and its run in the bucket."""
    store().put_file(batch.problems.path, f"{BUCKET}/{batch.name}/in/problems.jsonl")
    raw = batch.model_dump(mode="json") | {"remote": f"{URL}/runs"}
    raw["problems"]["path"] = f"{URL}/{batch.name}/in/problems.jsonl"
    return RunConfig.check(raw, "test")


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """The environment in which `s3://` is that server, with one empty bucket."""
    pytest.importorskip("moto", reason="moto is not installed: pip install 'moto[server]'")
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'steplabel[s3]'")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "sk-this-is-a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in environment}
    try:
        until("the S3 server answers", lambda: _answers(url))
        os.environ.update(environment)
        store().mkdir(BUCKET)
        yield environment
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        server.kill()
        server.wait()


def store() -> Any:
    """s3fs, without what it remembers of another server."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return s3fs.S3FileSystem()


def _answers(url: str) -> bool | None:
    try:
        return True if httpx.get(url).status_code == 200 else None
    except httpx.HTTPError:
        return None
