"""Writing the dataset's folder: all views, both splits, and the card, in bounded memory.

The rows are read twice, each time only the columns that are needed: the questions and what is labelled, to
decide the split; then what the views show, to write it. A problem's solutions wait for its last one where
a view compares them. A selection reads what its rules ask for once more.
The folder is built beside the old one and takes its place when it is whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.arrow import Record
from pipeline.columns import Joined, Reads
from pipeline.config import DatasetConfig
from pipeline.dataset.card import card
from pipeline.dataset.facts import CardFacts
from pipeline.dataset.files import SplitWriter
from pipeline.dataset.layout import ViewFacts
from pipeline.dataset.split import group, held_out
from pipeline.dataset.swap import new_name, put_in_place, recover
from pipeline.dataset.tally import READS, Tally
from pipeline.dataset.view import View, load_view
from pipeline.errors import ConfigError, RunError
from pipeline.files import sha256_of
from pipeline.join import Annotated, items_of
from pipeline.records import content_hash
from pipeline.selection import Selection, select
from pipeline.selection.select import fingerprint as selection_fingerprint

Source = Callable[[Reads], Iterable[Joined]]
"""Gives the rows of a run, of these columns."""
_SPLIT = Reads(solution=frozenset({"question"}), label=frozenset({"first_error"}))
CARD = "README.md"
TRAIN, TEST = "train", "test"
VERSION = 4
"""Raise it when files or card come out otherwise from the same rows."""


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """`rows`: view -> split -> number of rows. `files`: relative to `folder`. `left_out`: by the
    selection, reason -> solutions."""

    folder: Path
    rows: Mapping[str, Mapping[str, int]]
    files: tuple[str, ...]
    tally: Tally
    left_out: Mapping[str, int]


def sums_of(made: DatasetSummary) -> dict[str, str]:
    """The sha256 of each file."""
    return {name: sha256_of(made.folder / name) for name in (*made.files, CARD)}


def view_names(config: DatasetConfig) -> tuple[str, ...]:
    """Of the views, and so of their folders. Raises ConfigError for an unknown one."""
    return tuple(load_view(name).name for name in config.views)


def dataset_fingerprint(config: DatasetConfig) -> str:
    """What the dataset depends on beside labels and configuration: the views' versions, and the files
    that a selection reads. Raises ConfigError for an unknown view."""
    views = [(view.name, view.version) for view in map(load_view, config.views)]
    return content_hash(VERSION, views, selection_fingerprint(config.select))


def write_dataset(
    source: Source,
    folder: Path,
    config: DatasetConfig,
    facts: CardFacts,
) -> DatasetSummary:
    """Write the dataset, in place of an older one. `source` is called two or three times and gives the
    same rows, such as `Join(run).batches`.

    Solutions without a label were left out of the run and are left out here. Raises ConfigError for an
    unknown view, RunError where `folder` holds what is no dataset of ours or can't be written, and what
    `selection.select` raises.
    """
    views = [load_view(name) for name in config.views]
    names = [view.name for view in views]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"dataset.views: names each view once, at least one; it is {names}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        recover(folder)
        _only_ours(folder)
        chosen = select(partial(_items, source), config.select)
        problems, solutions_of = _problems(source, chosen)
        tally = Tally(problems=len(problems))
        test = held_out(problems, config.test_share)
        writers = [_ViewWriter(view, new_name(folder), config.rows_per_file) for view in views]
        _write_views(source, chosen, writers, test, solutions_of, tally)
        layout = [writer.close() for writer in writers]
        new_name(folder).mkdir(exist_ok=True)
        text = card(facts, config.license, tally, layout, chosen)
        (new_name(folder) / CARD).write_text(text, encoding="utf-8")
        put_in_place(folder)
    except OSError as error:
        raise RunError(
            f"{folder}: can't be written: {error}; free space or choose another place"
        ) from error
    return DatasetSummary(
        folder,
        {made.view.name: {s: f.rows for s, f in made.splits.items()} for made in layout},
        tuple(file for made in layout for split in made.splits.values() for file in split.files),
        tally,
        chosen.counts,
    )


def _items(source: Source, reads: Reads) -> Iterator[Annotated]:
    for batch in source(reads):
        yield from items_of(batch.labelled(), reads)


def _problems(source: Source, chosen: Selection) -> tuple[dict[str, bool], Counter[str]]:
    """Problem (see `split.group`) -> has it a solution with a label that is not left out? And how many
    solutions it has."""
    found: dict[str, bool] = {}
    solutions_of: Counter[str] = Counter()
    for batch in source(_SPLIT):
        batch = batch.labelled()
        assert batch.labels is not None
        solutions, labels = batch.solutions.batch, batch.labels.batch
        kept = labels.column("first_error").is_valid().to_pylist()
        columns = solutions.column("id").to_pylist(), solutions.column("question").to_pylist()
        for key, question, is_kept in zip(*columns, kept, strict=True):
            problem = group(question)
            found[problem] = found.get(problem, False) or (is_kept and key not in chosen.reasons)
            solutions_of[problem] += 1
    return found, solutions_of


class _ViewWriter:
    """The files of one view, and why it has no rows of some solutions. Nothing is written where there
    are no rows, since `datasets` refuses to load an empty split."""

    def __init__(self, view: View, folder: Path, rows_per_file: int) -> None:
        self.view = view
        self._folder = folder / view.name
        self._rows_per_file = rows_per_file
        self._files: dict[str, SplitWriter] = {}
        self._none: Counter[str] = Counter()

    def write_batch(self, batch: Joined, left_out: Sequence[str | None], tests: Any) -> None:
        """`tests`: for each solution, is it of the test split?"""
        assert self.view.table is not None
        rows = self.view.table(batch, left_out)
        shown = np.array([self.view.audits or reason is None for reason in left_out], bool)
        for split, here in ((TRAIN, shown & ~tests), (TEST, shown & tests)):
            if here.any():
                self._file(split).add_table(rows if here.all() else rows.filter(pa.array(here)))

    def write(self, split: str, item: Annotated) -> None:
        view = self.view
        if item.left_out is not None and not view.audits:
            return
        some = False
        for row in view.rows(item):
            self._add(split, row)
            some = True
        if not some and view.of_problem is None and item.label is not None and item.label.kept:
            self._none[view.why_none(item)] += 1

    def write_problem(self, split: str, items: Sequence[Annotated]) -> None:
        """`items`: all solutions to one problem."""
        assert self.view.of_problem is not None
        shown = [item for item in items if self.view.audits or item.left_out is None]
        for row in self.view.of_problem(shown):
            self._add(split, row)

    def close(self) -> ViewFacts:
        splits = {s: self._files[s].close() for s in (TRAIN, TEST) if s in self._files}
        return ViewFacts(self.view, splits, dict(self._none.most_common()))

    def _add(self, split: str, row: Mapping[str, Any]) -> None:
        self._file(split).add(row)

    def _file(self, split: str) -> SplitWriter:
        if split not in self._files:
            schema = self.view.features.arrow_schema
            self._files[split] = SplitWriter(self._folder, split, schema, self._rows_per_file)
        return self._files[split]


def _write_views(
    source: Source,
    chosen: Selection,
    writers: Sequence[_ViewWriter],
    test: frozenset[str],
    solutions_of: Mapping[str, int],
    tally: Tally,
) -> None:
    """All views in one reading; what they show is counted."""
    by_batch = [writer for writer in writers if writer.view.table is not None]
    by_item = [writer for writer in writers if writer.view.table is None]
    reads = reduce(or_, (writer.view.reads for writer in by_item), _SPLIT)
    every = reduce(or_, (writer.view.reads for writer in by_batch), reads | READS)

    def items() -> Iterator[Annotated]:
        for batch in source(every):
            batch = batch.labelled()
            tally.add(batch)
            solutions = batch.solutions.batch
            left_out = [chosen.reasons.get(one) for one in solutions.column("id").to_pylist()]
            if by_batch:
                questions = solutions.column("question").to_pylist()
                tests = np.array([group(question) in test for question in questions], bool)
                for writer in by_batch:
                    writer.write_batch(batch, left_out, tests)
            if by_item:
                yield from items_of(batch, reads, left_out)

    comparing = [writer for writer in by_item if writer.view.of_problem is not None]
    waiting: dict[str, list[Annotated]] = {}
    for item in items():
        problem = group(item.solution.question)
        split = TEST if problem in test else TRAIN
        for writer in by_item:
            with _unread_told(writer.view):
                writer.write(split, item)
        if not comparing:
            continue
        together = waiting.setdefault(problem, [])
        together.append(item)
        if len(together) == solutions_of[problem]:  # its last, wherever they lie
            for writer in comparing:
                with _unread_told(writer.view):
                    writer.write_problem(split, together)
            del waiting[problem]


@contextmanager
def _unread_told(view: View) -> Iterator[None]:
    try:
        yield
    except AttributeError as error:
        if not isinstance(error.obj, Record | Annotated):
            raise
        raise ConfigError(
            f"dataset.views: {view.name}: looks at `{error.name}` of a {type(error.obj).__name__}, which "
            "its `reads` doesn't name"
        ) from error


def _only_ours(folder: Path) -> None:
    """Refuse to replace a folder that holds anything but a dataset written by this function."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunError(f"{folder}: is no folder; move it away")
    for path in folder.iterdir():
        ours = path.name == CARD if path.is_file() else path.is_dir() and _is_view(path)
        if not ours:
            raise RunError(f"{path}: was not written by steplabel; move it away, it would be lost")


def _is_view(folder: Path) -> bool:
    return all(path.suffix in (".parquet", ".unnamed") for path in folder.iterdir())
