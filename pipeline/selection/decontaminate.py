"""Problems of test sets are not trained on: a problem that shares n words in a row with one goes.

The words are evened out (`pipeline.selection.words`). n is 13 by default, as in GPT-3's paper (Brown et
al. 2020, arXiv 2005.14165, appendix C); a test problem of fewer words counts when it is the whole
problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.columns import Reads
from pipeline.config import DecontaminateConfig
from pipeline.errors import InputError
from pipeline.inputs.files import read_rows
from pipeline.inputs.rejected import Rejected
from pipeline.inputs.rows import field, has
from pipeline.join import Annotated
from pipeline.selection.words import hashed, ngrams, words


class Decontaminate:
    """In memory: 8 bytes and a set's entry for each n-gram of the test sets."""

    reads = Reads()

    def __init__(self, config: DecontaminateConfig) -> None:
        self._size = config.ngram
        self._tests = {path: _grams(path, config) for path in config.against}
        self._found: dict[int, str] = {}

    def see(self, item: Annotated, number: int | None) -> None:
        if number is None:
            return
        grams = {hashed(gram) for gram in ngrams(words(item.solution.question), self._size)}
        for path, tests in self._tests.items():
            if not grams.isdisjoint(tests):
                self._found[number] = path
                return

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        for number in left:
            if number in self._found:
                name = Path(self._found[number]).name
                yield number, f"its problem shares {self._size} words in a row with {name}"


def _grams(path: str, config: DecontaminateConfig) -> set[int]:
    """Raises InputError where no row has a problem: an unread test set would protect from nothing."""
    found: set[int] = set()
    bad = ""
    for row in read_rows(path):
        if isinstance(row, Rejected):
            bad = bad or str(row)
            continue
        column = next((name for name in config.columns if has(row.data, name)), None)
        text = field(row, column) if column is not None else None
        if not isinstance(text, str):
            bad = bad or f"row {row.number} has no text under {', '.join(config.columns)}"
            continue
        found.update(hashed(gram) for gram in ngrams(words(text), config.ngram))
    if not found or bad:
        raise InputError(
            f"dataset.select.decontaminate.against: {path}: {bad or 'no problem is in it'}; name its column "
            "under dataset.select.decontaminate.columns, or mend the row"
        )
    return found
