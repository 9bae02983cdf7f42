"""What lies at the URL: a copy of what counts in a run's folder, listed in an index and known by its content.

A reader trusts the index alone, so a copy that was cut off is the one before. It trusts no name in it: what a
store holds may be anybody's. What people decided is never replaced: rows are put together.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pipeline.errors import RunError
from pipeline.files import read_json, replacing, sha256_of, write_json
from pipeline.publish import StoreTarget, dataset_files_of, publish
from pipeline.remote.holder import Holder
from pipeline.review.decisions import NAME, Decisions
from pipeline.urls import Place, is_inside, told

log = logging.getLogger(__name__)

FORMAT = 1
INDEX, SEEN = "index.json", ".remote.json"
FILES = (
    "config.yaml",
    "run.json",
    "inputs.json",
    "progress.json",
    "history.jsonl",
    "summary.json",
    "prices.json",
)
REVIEWS = "reviews"
FOLDERS = ("solutions", "verdicts", "calibrate", "cascade", "labels", "calls", REVIEWS)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVIEW = re.compile(rf"{REVIEWS}/{NAME.pattern}\.jsonl")
_JOURNAL = re.compile(r"journal-\d{6}\.jsonl")


class Kept(NamedTuple):
    """A file of the index."""

    sha256: str
    size: int

    def key(self, name: str) -> str:
        """Where its content lies, below the run's URL."""
        path = PurePosixPath(name)
        return str(path.parent / f"{self.sha256[:16]}-{path.name}")


class Remote:
    """One run's copy."""

    def __init__(self, url: str, folder: Path, **options: Any) -> None:
        """`url` is the run's own. `options` go to fsspec. Raises as `urls.opened`."""
        self.folder = folder
        self.place = Place(url, **options)
        self.holder = Holder(self.place)
        self._mutex = threading.Lock()
        self._sums: dict[Path, tuple[tuple[int, int], str]] = {}
        self._index: dict[str, Any] | None = None

    def hold(self) -> None:
        """Raises InUseError, as `Holder.hold`."""
        self.holder.hold()
        for half in self.folder.glob(".keep-*"):
            shutil.rmtree(half)

    def fetch(self) -> int:
        """Make this folder what was kept, and more only in its calls and in what people decided; how many
        files that took. Nothing where it is the folder that the copy is of. Raises RunError for a copy that
        is damaged or of another version, and where a run is here that never had to do with it."""
        index = self.place.read(INDEX)
        seen = read_json(self.folder / SEEN) or {}
        known = seen.get("url") == str(self.place)
        if index is None:
            self._see()  # from now on it has
            return 0
        if index.get("format") != FORMAT:
            raise RunError(
                f"{self.place}: kept by a version with format {index.get('format')}, this one has "
                f"{FORMAT}; give this run another name"
            )
        files = self._files_of(index)
        if known and seen["serial"] == index["serial"]:
            self._index = index
            return 0
        if not known and any(path.suffix == ".parquet" for path in self._rows()):
            raise RunError(
                f"{self.folder}: holds a run that was never kept at {self.place}, where another one is; "
                "give this run another name, or move its folder away"
            )
        if not known:
            self._see()  # killed from here on, it is one that had to do with it
        brought = 0
        for name, kept in files.items():
            path = self.folder / name
            if path.is_file() and sha256_of(path) == kept.sha256:
                continue
            if _JOURNAL.fullmatch(path.name) and path.exists():
                path.rename(_unused(path))  # calls that the copy doesn't have
            if not self._get(name, kept):
                del index["files"][name]
                continue
            brought += 1
        for path in self._rows():
            if path.relative_to(self.folder).as_posix() not in index["files"]:
                path.unlink()  # of another past; what it rests on are calls
        self._index = index
        self._see()
        return brought

    def _get(self, name: str, kept: Kept) -> bool:
        """Whether its content is there, and now here; what people decided, beside what they did here."""
        key, path = kept.key(name), self.folder / name
        is_review = PurePosixPath(name).parts[0] == REVIEWS
        place = path.with_name(f".{path.name}.theirs") if is_review else path
        with told(str(self.place)):
            try:
                with replacing(place) as temporary:
                    self.place.fs.get_file(self.place.path(key), str(temporary))
                    if sha256_of(temporary) != kept.sha256:
                        raise RunError(
                            f"{self.place}/{key}: is not what was kept there; restore it, or delete it: what "
                            "was in it is made again"
                        )
                if is_review:
                    Decisions(path).take(place)
                    place.unlink()
            except FileNotFoundError:
                if name in FILES:
                    raise
                log.warning("%s/%s: it is gone; what was in it is made again", self.place, key)
                return False
        return True

    def keep(self) -> int:
        """Send what is new, and then the index; how many files that were. Raises RunError where somebody
        else has kept a run there meanwhile."""
        with self._mutex:
            return self._keep()

    def _keep(self) -> int:
        before = self._files_of(self._index)
        files: dict[str, Kept] = {}
        sent = 0
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".keep-") as aside:
            for path in self._local():
                name = path.relative_to(self.folder).as_posix()
                try:
                    source, sha256 = self._settled(path, Path(aside))
                except FileNotFoundError:
                    continue  # what took its place is among the parts, which come last
                kept = files[name] = Kept(sha256, source.stat().st_size)
                with told(str(self.place)):
                    if before.get(name) != kept and not self._is_there(kept.key(name), kept):
                        self._put(source, kept.key(name))
                        sent += 1
                if source != path:
                    source.unlink()
        if files == before:
            return 0
        self.holder.check()
        theirs = self.place.read(INDEX)
        if (theirs or {}).get("serial") != (self._index or {}).get("serial"):
            raise RunError(
                f"{self.place}: another machine has kept this run there meanwhile; nothing of it is "
                "touched. Run again, to go on from there"
            )
        me = self.holder.me
        listed = {name: kept._asdict() for name, kept in files.items()}
        serial = f"{time.time():.3f} {me['process']} {me['machine']}"
        self._index = {"format": FORMAT, "serial": serial, "files": listed}
        self.place.write(INDEX, self._index)
        self._see()
        used = {kept.key(name) for name, kept in files.items()}
        with told(str(self.place)):
            for name, kept in before.items():
                if kept.key(name) not in used:
                    with suppress(FileNotFoundError):
                        self.place.fs.rm_file(self.place.path(kept.key(name)))
        return sent

    def publish(self, dataset: Path, views: Collection[str]) -> None:
        """Raises InUseError where another process has taken over."""
        self.holder.check()
        target = StoreTarget(f"{self.place.url}/dataset")
        publish(dataset_files_of(dataset), target, views=views)

    def _local(self) -> Iterator[Path]:
        """What is kept, immutable parts last: a manifest that is read first names no part that is not
        there by then. They are looked for once all else was: calls that are compacted meanwhile go from
        a journal that is no more into a part that is new."""
        for name in FILES:
            if (self.folder / name).is_file():
                yield self.folder / name
        for parts in (False, True):
            for name in FOLDERS:
                for path in sorted((self.folder / name).rglob("*")):
                    its = path.relative_to(self.folder).as_posix()
                    if path.suffix == ".damaged" or not _is_of_run(its) or not path.is_file():
                        continue
                    is_part = path.suffix == ".parquet"
                    if is_part is parts and (not is_part or path.name.startswith("part-")):
                        yield path

    def _rows(self) -> list[Path]:
        """What is kept, but for the calls and what people decided."""
        others = ("calls", REVIEWS)
        return [
            path for path in self._local() if path.relative_to(self.folder).parts[0] not in others
        ]

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

    def _is_there(self, key: str, kept: Kept) -> bool:
        try:
            return bool(self.place.fs.size(self.place.path(key)) == kept.size)
        except FileNotFoundError:
            return False

    def _put(self, source: Path, key: str) -> None:
        path = self.place.path(key)
        self.place.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.place.fs.put_file(str(source), path)

    def _see(self) -> None:
        serial = (self._index or {}).get("serial")
        write_json(self.folder / SEEN, {"url": str(self.place), "serial": serial})

    def _files_of(self, index: dict[str, Any] | None) -> dict[str, Kept]:
        """Raises RunError for an index that is none, or names what is no file of a run."""
        if index is None:
            return {}
        files: dict[str, Kept] = {}
        try:
            for name, kept in index["files"].items():
                files[name] = Kept(str(kept["sha256"]), int(kept["size"]))
            str(index["serial"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{self.place}/{INDEX}: damaged: {error!r}; delete it") from error
        for name, file in files.items():
            if not (_is_of_run(name) and _SHA256.fullmatch(file.sha256)):
                raise RunError(
                    f"{self.place}/{INDEX}: names {name!r}, which is no file of a run; delete the index"
                )
        return files


def _is_of_run(name: str) -> bool:
    """Whether it is one of FILES, or lies in one of FOLDERS and is neither hidden nor a journal that we would
    not write."""
    path = PurePosixPath(name)
    if name in FILES:
        return True
    hidden = any(part.startswith(".") for part in path.parts)
    inside = is_inside(name) and len(path.parts) > 1 and path.parts[0] in FOLDERS
    if path.parts[:1] == (REVIEWS,):
        return inside and _REVIEW.fullmatch(name) is not None
    journal = path.suffix != ".jsonl" or path.parts[0] != "calls" or _JOURNAL.fullmatch(path.name)
    return inside and not hidden and bool(journal)


def _unused(path: Path) -> Path:
    """A name for a journal's file that no other has, after those of the copy."""
    numbers = [int(p.stem.split("-")[1]) for p in path.parent.glob("journal-*.jsonl")]
    return path.with_name(f"journal-{max([900_000, *numbers]) + 1:06d}.jsonl")
