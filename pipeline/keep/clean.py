"""Removal of what nothing in a run's folder refers to: looked for first, told, and then removed.

    temporary    files of writers that are gone
    damaged      parts that were set aside because their contents changed
    stray        parts that no manifest names
    rows         of other configurations, and of annotators that the present one doesn't have
    calls        that the present configuration can't ask for: another stage, model or seed

Killed at any instant the run is whole: a manifest ceases to name parts before they go, and recorded calls are
written anew before the old ones go. What a run that is not finished may still need is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.annotator import Annotator
from pipeline.config import RunConfig
from pipeline.consensus.evidence import FIRST
from pipeline.dataset.swap import recover
from pipeline.engine.calls import call_key, sample_request
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.engine.room import EngineRoom
from pipeline.errors import ConfigError, RunError, StepLabelError
from pipeline.lock import locked
from pipeline.records import content_hash
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder
from pipeline.shards import Store

TEMPORARY, DAMAGED, STRAY, ROWS, CALLS, ALL_CALLS = (
    "temporary",
    "damaged",
    "stray",
    "rows",
    "calls",
    "all calls",
)
KINDS = (TEMPORARY, DAMAGED, STRAY, ROWS, CALLS)
_OF_A_WRITER = re.compile(r"\..+\.(?P<pid>\d+)\.tmp|\.tmp-(?P<other>\d+)\.parquet")
_HALF_MADE = re.compile(r"\.keep-.+|\.[a-z]+\.(new|old)")
_DERIVED = ("dataset", "before")
_STORES = ("solutions", "verdicts", "calibrate", "cascade", "labels")
"""Folders of a run that have parts; what a user puts beside them is theirs."""

Wanted = Callable[[CallRecord], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """Something to remove. `path`: a file, or the folder of a store or of calls. `count` files, parts of rows
    or calls in it; `bytes` of calls are by their share of the file. `whole`: of a store, all of it."""

    kind: str
    path: Path
    count: int
    bytes: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """`found`: what can go; `left`: why other things were not looked for."""

    found: tuple[Found, ...]
    left: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.found)


def clean(
    run: RunFolder,
    config: RunConfig,
    annotators: Sequence[Annotator],
    *,
    remove: bool = False,
    kinds: Sequence[str] = KINDS,
    all_calls: bool = False,
) -> Survey:
    """What nothing refers to, and with `remove` its removal. `all_calls`: also those that resuming,
    replaying and making a stage anew need.

    Raises InUseError where another process works on the run, and RunError where a manifest is damaged.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ConfigError(f"--only {sorted(unknown)[0]}: should be one of {', '.join(KINDS)}")
    state = run.info["state"]
    with locked(run.folder):
        found = [*_temporary(run.folder), *_damaged(run.folder), *_stray(run)]
        left: list[str] = []
        wanted: dict[str, Wanted] = {}
        if state == "finished":
            found += _other_rows(run, config)
            if all_calls:
                found += _all_calls(run)
            else:
                try:
                    wanted = _wanted(config, annotators)
                except StepLabelError as error:
                    left.append(f"calls: it can't be told which are needed: {error}")
                else:
                    found += _other_calls(run, wanted)
        else:
            left.append(
                f"rows and calls of other configurations: the run is {state}, and may need them; finish it "
                "first (the same `steplabel run` command continues it)"
            )
        found = [one for one in found if one.kind in (*kinds, ALL_CALLS)]
        if remove:
            for one in found:
                _remove(one, wanted)
    return Survey(tuple(found), tuple(left))


def _files(folder: Path) -> Iterator[Path]:
    """Files and half-made folders below a run, those of what is derived aside; links are not followed."""
    for here, folders, names in os.walk(folder):
        for name in [name for name in folders if _HALF_MADE.fullmatch(name)]:
            folders.remove(name)
            yield Path(here, name)
        if Path(here) == folder:
            folders[:] = [name for name in folders if name not in _DERIVED]
        for name in names:
            if not (path := Path(here, name)).is_symlink():
                yield path


def _temporary(folder: Path) -> Iterator[Found]:
    for path in _files(folder):
        if _HALF_MADE.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            if path.name.endswith(".old") and not path.with_name(path.name[1:-4]).exists():
                continue  # the only copy there is: the next writer puts it back
            inside = [one for one in path.rglob("*") if one.is_file()]
            yield Found(TEMPORARY, path, len(inside), sum(one.stat().st_size for one in inside))
        elif found := _OF_A_WRITER.fullmatch(path.name):
            pid = int(found["pid"] or found["other"])
            if not Path(f"/proc/{pid}").exists():
                yield Found(TEMPORARY, path, 1, path.stat().st_size)


def _damaged(folder: Path) -> Iterator[Found]:
    for path in _files(folder):
        if path.suffix == ".damaged" and path.is_file():
            yield Found(DAMAGED, path, 1, path.stat().st_size)


def _stores(run: RunFolder) -> Iterator[Store]:
    for name in _STORES:
        for path in sorted((run.folder / name).rglob("manifest.jsonl")):
            inside = path.relative_to(run.folder).parts
            is_one_of_many = len(inside) > 2 or name in ("solutions", "labels")
            if is_one_of_many and not any(_HALF_MADE.fullmatch(p) for p in inside):
                yield Store(path.parent)


def _stray(run: RunFolder) -> Iterator[Found]:
    for store in _stores(run):
        named = {part.file for part in store.all_parts()}
        for path in sorted(store.folder.glob("part-*.parquet")):
            if path.name not in named and not path.is_symlink():
                yield Found(STRAY, path, 1, path.stat().st_size)


def _other_rows(run: RunFolder, config: RunConfig) -> Iterator[Found]:
    for store in _stores(run):
        unneeded, whole = store.all_parts(), True
        if _is_of(store.folder.relative_to(run.folder), config):
            current, whole = store.fingerprint, False
            unneeded = [p for p in unneeded if current is not None and p.fingerprint != current]
        if unneeded or whole:
            size = sum(part.bytes for part in unneeded)
            yield Found(ROWS, store.folder, len(unneeded), size, whole)


def _is_of(folder: Path, config: RunConfig) -> bool:
    """Whether the configuration has the stage whose store this is."""
    first, *rest = folder.parts
    if first == "cascade" and config.cascade is None:
        return False
    if first in ("verdicts", "calibrate") or rest[:1] in (["panel"], ["asked"]):
        return rest[-1].removesuffix(FIRST) in (*config.annotators, REVIEW)
    return True


def _wanted(config: RunConfig, annotators: Sequence[Annotator]) -> dict[str, Wanted]:
    """Of each stage that calls a model, which of its records the configuration can ask for. Models are not
    loaded. Raises what finding their fingerprints raises."""
    room = EngineRoom(config, attempt=0)
    roles = {one.name: one.role for one in annotators if one.role}
    if config.solutions is None:
        roles["generate"] = "generator"
    return {stage: _is_asked(room.fingerprint(role), config.seed) for stage, role in roles.items()}


def _is_asked(fingerprint: str, seed: int) -> Wanted:
    def wanted(record: CallRecord) -> bool:
        if record.fingerprint != fingerprint:
            return False
        if record.kind != "sample":
            return True
        if record.prompt_text is not None and content_hash(record.prompt_text) != record.text_hash:
            return True  # its text could not be recorded as it was, so its key can't be made again
        return record.key == call_key(fingerprint, sample_request(record), seed)

    return wanted


def _other_calls(run: RunFolder, wanted: Mapping[str, Wanted]) -> Iterator[Found]:
    for folder in _call_folders(run):
        is_wanted = wanted.get(folder.name, _never)
        journal = CallJournal(folder, read_only=True)
        try:
            records = len(journal)
            unneeded = sum(not is_wanted(record) for record in journal.records())
        finally:
            journal.close()
        if unneeded:
            size = sum(path.stat().st_size for path in _records_of(folder))
            yield Found(CALLS, folder, unneeded, size * unneeded // records)


def _never(_: CallRecord) -> bool:
    return False


def _all_calls(run: RunFolder) -> Iterator[Found]:
    for folder in _call_folders(run):
        if files := _records_of(folder):
            size = sum(path.stat().st_size for path in files)
            yield Found(ALL_CALLS, folder, len(files), size)


def _call_folders(run: RunFolder) -> list[Path]:
    calls = run.calls("any").parent
    if not calls.is_dir():
        return []
    return sorted(path for path in calls.iterdir() if path.is_dir() and not path.is_symlink())


def _records_of(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("part-*.parquet")), *sorted(folder.glob("journal-*.jsonl"))]


def _remove(found: Found, wanted: Mapping[str, Wanted]) -> None:
    path = found.path
    try:
        if found.kind == ROWS:
            store = Store(path)
            store.forget_others(None if found.whole else store.fingerprint)
            if found.whole:
                shutil.rmtree(path)
        elif found.kind == CALLS:
            journal = CallJournal(path)
            try:
                journal.keep_only(wanted.get(path.name, _never))
            finally:
                journal.close()
        elif found.kind == ALL_CALLS:
            for file in _records_of(path):
                file.unlink()
        elif not path.is_dir():
            path.unlink()
        elif path.name.endswith((".new", ".old")):
            recover(path.with_name(path.name[1:-4]))
        else:
            shutil.rmtree(path)
    except OSError as error:
        raise RunError(f"{path}: can't be removed: {error.strerror or error}") from error
