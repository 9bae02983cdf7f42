"""A run's folder on two machines that keep it at the same place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.remote import Remote, holder


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "SETTLE_S", 0.0)


def folder_of(path: Path, **files: str) -> Path:
    """A run's folder with these files in it; `_` parts folders, and a part's name begins with `part`."""
    for name, text in files.items():
        place = path / "solutions" / (f"{name}.parquet" if name.startswith("part") else name)
        place = place.with_name(place.name.replace("part", "part-", 1))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return path


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in (folder / "solutions").glob("*") if p.is_file()}


def elsewhere(remote: Remote) -> Remote:
    """As if its process were one of another machine."""
    remote.holder.me = {"process": 7, "started": "1", "machine": "another"}
    return remote


def pair(tmp_path: Path) -> tuple[Remote, Remote]:
    """One on another machine, and one here."""
    one, two = (Remote(f"file://{tmp_path}/store", tmp_path / name) for name in ("one", "two"))
    return elsewhere(one), two
