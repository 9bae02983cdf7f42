"""A run that is kept at a URL too (`remote:`), so that a machine without any state goes on with it.

The run's folder stays on a local disk: its journal is appended to and fsynced many times a second, and its
lock dies with its process, neither of which a store of objects can do. What lies at the URL is a copy of
what counts, renewed every KEEP_S and at the end of a start, however it ends:

    <remote>/<name>/index.json                 which files there are, key and sha256 of each; written last
                    <folder>/<sha256>-<file>   each file's content, never changed
                    dataset/                   the finished dataset, as `steplabel publish` puts it there
                    holder.json                who works with it

A reader trusts the index alone, so a copy that was cut off is the one before. Dataset and report are derived
and made anew. Calls made since the last copy are lost with their machine, and made again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pipeline.errors import InUseError, RunError, StepLabelError
from pipeline.files import read_json, replacing, sha256_of, write_json
from pipeline.publish import StoreTarget, dataset_files_of, publish
from pipeline.urls import opened, shown, told

log = logging.getLogger(__name__)

KEEP_S = 600.0
BEAT_S = 60.0
DEAD_S = 300.0
"""A holder that has not been heard of for so long has died."""
FORMAT = 1
INDEX, HOLDER, SEEN = "index.json", "holder.json", ".remote.json"
FILES = ("config.yaml", "run.json", "progress.json", "history.jsonl", "summary.json")
FOLDERS = ("solutions", "verdicts", "calibrate", "cascade", "labels", "calls")


class Kept(NamedTuple):
    """A file of the index. `key` is where its content lies, below the run's URL."""

    key: str
    sha256: str
    size: int


class Remote:
    """One run's copy."""

    def __init__(self, url: str, folder: Path, **options: Any) -> None:
        """`url` is the run's own. `options` go to fsspec. Raises as `urls.opened`."""
        self.url = url.rstrip("/")
        self.folder = folder
        self._me = {"process": os.getpid(), "host": os.uname().nodename}
        self._mutex = threading.RLock()
        self._fs, self._root = opened(self.url, **options)
        self._sums: dict[Path, tuple[tuple[int, int], str]] = {}
        self._index: dict[str, Any] | None = None

    def hold(self) -> None:
        """Raises InUseError where another process works with it, or has died on another machine less than
        DEAD_S ago."""
        found = self._read(HOLDER)
        if found and self._may_live(found):
            raise InUseError(
                f"{shown(self.url)}: in use by process {found['process']} on {found['host']}; wait for it "
                "(`--wait` does), or give this run another name; one that died is known to be dead after "
                f"{DEAD_S / 60:.0f} min"
            )
        self.beat()
        for half in self.folder.glob(".keep-*"):
            shutil.rmtree(half)

    def _may_live(self, found: dict[str, Any]) -> bool:
        who = {name: found[name] for name in self._me}
        here = who["host"] == self._me["host"]
        dead = here and not Path(f"/proc/{who['process']}").exists()
        return who != self._me and not dead and time.time() - found["at"] < DEAD_S

    def beat(self) -> None:
        with self._mutex:
            self._write(HOLDER, self._me | {"at": time.time()})

    def let_go(self) -> None:
        with told(self.url):
            self._fs.rm_file(self._path(HOLDER))

    def fetch(self) -> int:
        """Bring what this folder lacks; how many files that were. Nothing where it is the folder that the
        copy is of. Raises RunError for a copy that is damaged or of another version."""
        self._index = self._read(INDEX)
        if self._index is None:
            return 0
        if self._index["format"] != FORMAT:
            raise RunError(
                f"{shown(self.url)}: kept by a version with format {self._index['format']}, this one has "
                f"{FORMAT}; give this run another name"
            )
        if (read_json(self.folder / SEEN) or {}).get("serial") == self._index["serial"]:
            return 0
        brought = 0
        for name, kept in _files_of(self._index).items():
            if name not in FILES and not _is_inside(name):
                raise RunError(
                    f"{shown(self.url)}/{INDEX}: names {name!r}, which is no file of a run; delete the index"
                )
            path = self.folder / name
            if path.is_file() and sha256_of(path) == kept.sha256:
                continue
            if path.suffix == ".jsonl" and path.parent.parent.name == "calls" and path.exists():
                path.rename(_unused(path))  # calls that the copy doesn't have
            with told(self.url), replacing(path) as temporary:
                self._fs.get_file(self._path(kept.key), str(temporary))
                if sha256_of(temporary) != kept.sha256:
                    raise RunError(f"{shown(self.url)}/{kept.key}: is not what was kept there")
            brought += 1
        self._see()
        return brought

    def keep(self) -> int:
        """Send what is new, and then the index; how many files that were. Raises RunError where somebody
        else has kept a run there meanwhile."""
        with self._mutex:
            return self._keep()

    def _keep(self) -> int:
        before = _files_of(self._index)
        files: dict[str, Kept] = {}
        sent = 0
        with told(self.url), tempfile.TemporaryDirectory(dir=self.folder, prefix=".keep-") as aside:
            for path in self._local():
                name = path.relative_to(self.folder).as_posix()
                try:
                    source, sha256 = self._settled(path, Path(aside))
                except FileNotFoundError:
                    continue  # what took its place is among the parts, which come last
                folder = PurePosixPath(name).parent
                kept = Kept(
                    str(folder / f"{sha256[:16]}-{path.name}"), sha256, source.stat().st_size
                )
                files[name] = kept
                if before.get(name) != kept and not self._is_there(kept):
                    self._put(source, kept.key)
                    sent += 1
                if source != path:
                    source.unlink()
        if files == before:
            return 0
        theirs = self._read(INDEX)
        if (theirs or {}).get("serial") != (self._index or {}).get("serial"):
            raise RunError(
                f"{shown(self.url)}: another machine has kept this run there meanwhile; nothing of it is "
                "touched. Run again, to go on from there"
            )
        serial = f"{time.time():.3f} {self._me['process']} {self._me['host']}"
        listed = {name: kept._asdict() for name, kept in files.items()}
        self._index = {"format": FORMAT, "serial": serial, "files": listed}
        self._write(INDEX, self._index)
        self._see()
        stale = {kept.key for kept in before.values()} - {kept.key for kept in files.values()}
        with told(self.url):
            for key in stale:
                with suppress(FileNotFoundError):
                    self._fs.rm_file(self._path(key))
        return sent

    def publish(self, dataset: Path) -> None:
        publish(dataset_files_of(dataset), StoreTarget(f"{self.url}/dataset"))

    def _local(self) -> Iterator[Path]:
        """What is kept, immutable parts last: a manifest that is read first names no part that is not
        there by then."""
        parts: list[Path] = []
        for name in FILES:
            if (self.folder / name).is_file():
                yield self.folder / name
        for name in FOLDERS:
            for path in sorted((self.folder / name).rglob("*")):
                if path.name.startswith(".") or path.suffix == ".damaged":
                    continue
                if path.suffix != ".parquet" and path.is_file():
                    yield path
        for name in FOLDERS:
            parts += sorted((self.folder / name).rglob("part-*.parquet"))
        yield from parts

    def _settled(self, path: Path, aside: Path) -> tuple[Path, str]:
        """A file that doesn't change any more, and its sha256: a part itself, of any other a copy."""
        if path.suffix != ".parquet":
            copy = aside / path.name
            shutil.copyfile(path, copy)
            return copy, sha256_of(copy)
        stat = path.stat()
        version = stat.st_size, stat.st_mtime_ns
        if self._sums.get(path, ((0, 0), ""))[0] != version:
            self._sums[path] = version, sha256_of(path)
        return path, self._sums[path][1]

    def _is_there(self, kept: Kept) -> bool:
        try:
            return bool(self._fs.size(self._path(kept.key)) == kept.size)
        except FileNotFoundError:
            return False

    def _put(self, source: Path, key: str) -> None:
        path = self._path(key)
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.put_file(str(source), path)

    def _see(self) -> None:
        write_json(self.folder / SEEN, {"serial": (self._index or {}).get("serial")})

    def _read(self, name: str) -> dict[str, Any] | None:
        with told(self.url):
            self._fs.invalidate_cache()
            try:
                raw = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        try:
            return dict(json.loads(raw))
        except ValueError as error:
            raise RunError(f"{shown(self.url)}/{name}: damaged: {error}; delete it") from error

    def _write(self, name: str, value: dict[str, Any]) -> None:
        """Whole or not at all, also where a store is a folder."""
        with told(self.url):
            self._fs.makedirs(self._root, exist_ok=True)
            half = self._path(f"{name}.half")
            self._fs.pipe_file(half, json.dumps(value, indent=1).encode())
            self._fs.mv(half, self._path(name))

    def _path(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{key}"


@asynccontextmanager
async def remote_run(url: str | None, folder: Path, wait: bool) -> AsyncIterator[Remote | None]:
    """The run's copy, held, fetched, and kept from time to time and at the end; None without a URL."""
    if url is None:
        yield None
        return
    remote = await asyncio.to_thread(Remote, url, folder)
    await _held(remote, wait)
    beating: asyncio.Task[None] | None = None
    try:
        if brought := await asyncio.to_thread(remote.fetch):
            log.info("%s: %d files fetched", shown(url), brought)
        beating = asyncio.create_task(_beat(remote))
        try:
            yield remote
        except BaseException:
            await _end(beating)
            await _try_to_keep(remote)
            raise
        await _end(beating)
        await asyncio.to_thread(remote.keep)
    finally:
        if beating is not None:
            await _end(beating)
        with suppress(StepLabelError):
            await asyncio.to_thread(remote.let_go)


async def _held(remote: Remote, wait: bool) -> None:
    waited = False
    while True:
        try:
            await asyncio.to_thread(remote.hold)
            return
        except InUseError as error:
            if not wait:
                raise
            if not waited:
                log.warning("waiting: %s", error)
            waited = True
            await asyncio.sleep(BEAT_S / 4)


async def _beat(remote: Remote) -> None:
    """Say that this process is alive, and keep what it has made."""
    kept = time.monotonic()
    while True:
        await asyncio.sleep(BEAT_S)
        try:
            await asyncio.to_thread(remote.beat)
            if time.monotonic() - kept >= KEEP_S:
                kept = time.monotonic()
                await asyncio.to_thread(remote.keep)
        except (StepLabelError, OSError) as error:
            log.warning("not kept for now: %s", error)


async def _try_to_keep(remote: Remote) -> None:
    try:
        await asyncio.to_thread(remote.keep)
    except (StepLabelError, OSError) as error:
        log.warning("not kept: %s", error)


async def _end(task: asyncio.Task[None]) -> None:
    """A copy under way ends by itself; the next one waits for it."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _files_of(index: dict[str, Any] | None) -> dict[str, Kept]:
    return {name: Kept(**kept) for name, kept in (index or {}).get("files", {}).items()}


def _is_inside(name: str) -> bool:
    """Whether it lies in one of the folders that are kept: what a store holds may be anybody's."""
    path = PurePosixPath(name)
    return ".." not in path.parts and len(path.parts) > 1 and path.parts[0] in FOLDERS


def _unused(path: Path) -> Path:
    """A name for a journal's file that no other has, after those of the copy."""
    numbers = [int(p.stem.split("-")[1]) for p in path.parent.glob("journal-*.jsonl")]
    return path.with_name(f"journal-{max([900_000, *numbers]) + 1:06d}.jsonl")
