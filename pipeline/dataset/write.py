"""Writing the dataset's folder: all views, both splits, and the card, in bounded memory.

The items are read twice: once to count and to decide the split, once to write. The folder is built
beside the old one and takes its place when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DatasetConfig
from pipeline.dataset.card import CardFacts, card
from pipeline.dataset.files import SplitWriter
from pipeline.dataset.layout import SplitFacts
from pipeline.dataset.split import group, held_out
from pipeline.dataset.swap import new_name, put_in_place, recover
from pipeline.dataset.tally import Tally
from pipeline.dataset.view import View, load_view
from pipeline.errors import ConfigError, RunError
from pipeline.join import Annotated

CARD = "README.md"
TRAIN, TEST = "train", "test"


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """`rows`: view -> split -> number of rows. `files`: relative to `folder`."""

    folder: Path
    rows: Mapping[str, Mapping[str, int]]
    files: tuple[str, ...]
    tally: Tally


def write_dataset(
    items: Callable[[], Iterable[Annotated]],
    folder: Path,
    config: DatasetConfig,
    facts: CardFacts,
) -> DatasetSummary:
    """Write the dataset, in place of an older one. `items` is called twice and gives the same rows.

    Items without a label were left out of the run and are left out here. Raises ConfigError for an
    unknown view, RunError where `folder` holds what is no dataset of ours or can't be written.
    """
    views = [load_view(name) for name in config.views]
    names = [view.name for view in views]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"dataset.views: names each view once, at least one; it is {names}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        recover(folder)
        _only_ours(folder)
        tally = Tally()
        for item in items():
            tally.add(item)
        test = held_out(tally.problems, config.test_share)
        made = _write_views(items(), new_name(folder), views, test, config.rows_per_file)
        layout = list(zip(views, made, strict=True))
        new_name(folder).mkdir(exist_ok=True)
        text = card(facts, config.license, tally, layout)
        (new_name(folder) / CARD).write_text(text, encoding="utf-8")
        put_in_place(folder)
    except OSError as error:
        raise RunError(
            f"{folder}: can't be written: {error}; free space or choose another place"
        ) from error
    return DatasetSummary(
        folder,
        {view.name: {s: f.rows for s, f in splits.items()} for view, splits in layout},
        tuple(file for splits in made for split in splits.values() for file in split.files),
        tally,
    )


def _write_views(
    items: Iterable[Annotated],
    folder: Path,
    views: Sequence[View],
    test: frozenset[str],
    rows_per_file: int,
) -> list[dict[str, SplitFacts]]:
    """What was written, for each view: split -> files. Nothing is written where there are no rows,
    since `datasets` refuses to load an empty split."""
    open_files: list[dict[str, SplitWriter]] = [{} for _ in views]

    def writer(number: int, split: str) -> SplitWriter:
        view = views[number]
        schema = view.features.arrow_schema
        return SplitWriter(folder / view.name, split, schema, rows_per_file)

    for item in items:
        split = TEST if group(item.solution.question) in test else TRAIN
        for number, view in enumerate(views):
            for row in view.rows(item):
                if split not in open_files[number]:
                    open_files[number][split] = writer(number, split)
                open_files[number][split].add(row)
    return [
        {split: files[split].close() for split in (TRAIN, TEST) if split in files}
        for files in open_files
    ]


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
