"""A folder, or a bucket: any URL that fsspec opens (`s3://bucket/path` needs s3fs, `gs://` gcsfs)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from pipeline.publish.files import CARD, LocalFile
from pipeline.urls import opened, shown, told

_PIECE = 4 << 20


class StoreTarget:
    """Files are compared by what they hold: those of the right size are read and hashed. A file is written
    under another name and then given its own, so no half file is ever under it."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` go to fsspec's file system. Raises ConfigError, PrerequisiteError, or
        RunError where it can't be reached."""
        self.name = shown(url)
        self._views: set[str] = set()
        self._fs, self._root = opened(url, **options)

    def there(self, files: Sequence[LocalFile]) -> dict[str, bool]:
        ours = {file.name: file for file in files}
        self._views = {name.partition("/")[0] for name in ours if "/" in name}
        with self._told():
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
            names = {
                path.removeprefix(self._root).lstrip("/"): info for path, info in found.items()
            }
            return {
                name: name in ours
                and info["size"] == ours[name].size
                and self._hash(name) == ours[name].sha256
                for name, info in names.items()
            }

    def prepare(self) -> None:
        with self._told():
            self._fs.makedirs(self._root, exist_ok=True)

    def send(self, files: Sequence[LocalFile], remove: Sequence[str], message: str) -> None:
        with self._told():
            for file in files:
                path = self._path(file.name)
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                part = path + ".part"
                self._fs.put_file(str(file.path), part)
                self._fs.mv(part, path)
            for name in remove:
                self._fs.rm_file(self._path(name))

    def finish(self) -> None:
        """Remove what a killed call left half written of ours."""
        with self._told():
            for path in self._fs.find(self._root):
                name = path.removeprefix(self._root).lstrip("/")
                in_view = name.partition("/")[0] in self._views and name.endswith(".parquet.part")
                if in_view or name == f"{CARD}.part":
                    self._fs.rm_file(path)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _hash(self, name: str) -> str:
        digest = hashlib.sha256()
        with self._fs.open(self._path(name), "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def _told(self) -> AbstractContextManager[None]:
        return told(self.name, cure="check that it can be written to, and publish again")
