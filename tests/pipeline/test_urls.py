"""Places by URL: what of them is shown, and what a store can't make us do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import InputError
from pipeline.urls import fetched, shown


@pytest.fixture
def store() -> Iterator[dict[str, object]]:
    """What lies at memory://, by name."""
    system = fsspec.filesystem("memory")
    system.pipe_file("/in/one.jsonl", b"1")
    yield system.store
    system.store.clear()


def test_a_folder_is_here_for_as_long_as_it_is_used(store: dict[str, object]) -> None:
    with fetched("memory://in") as place:
        assert (place / "one.jsonl").read_text() == "1"
    assert not place.exists()


@pytest.mark.parametrize("key", ["../../escaped", "a/../../../escaped", "a\0b"])
def test_a_key_can_t_name_a_file_outside_the_folder(
    store: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(inside))
    store[f"/in/{key}"] = store["/in/one.jsonl"]
    with pytest.raises(InputError, match="is no name of a file"), fetched("memory://in"):
        raise AssertionError
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:hush@host/x",
        "https://host/x?X-Amz-Signature=hush&page=2",
        "https://host/x?page=2&sig=hush",
        "https://host/x?AWSAccessKeyId=hush",
    ],
)
def test_what_opens_a_url_is_not_shown(url: str) -> None:
    assert "hush" not in shown(f"{url}: status 403")
    assert "host/x" in shown(url)
    assert shown("https://host/x?page=2") == "https://host/x?page=2"
