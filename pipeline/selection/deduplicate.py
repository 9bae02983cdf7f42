"""Of solutions with the same text, or nearly the same, one stays: the one whose content hashes lowest.

Near is a Jaccard similarity of word n-grams, estimated by MinHash (Broder 1997) with datasketch. What is
near to what is near is taken as one kind, so that the choice does not depend on the order of the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pipeline.config import DeduplicateConfig
from pipeline.errors import PrerequisiteError
from pipeline.join import Annotated
from pipeline.selection.rule import in_order
from pipeline.selection.words import hashed, ngrams, words

if TYPE_CHECKING:
    from datasketch import LeanMinHash

SAME = "the same problem and steps as another solution"
NEAR = "nearly the same text as another solution"


class Deduplicate:
    """In memory: 16 bytes a solution; for near ones 4 bytes a permutation more."""

    def __init__(self, config: DeduplicateConfig) -> None:
        self._config = config
        self._texts: dict[int, int] = {}
        self._problems: dict[int, int] = {}
        self._signatures: dict[int, LeanMinHash] = {}
        if config.near is not None:
            _needs_datasketch()

    def see(self, item: Annotated, number: int | None) -> None:
        if number is None:
            return
        question, steps = words(item.solution.question), words(item.solution.text)
        # Signs count among the same, unlike among the near: 1 + 1 is not 1 - 1.
        plain = [
            " ".join(text.casefold().split())
            for text in (item.solution.question, item.solution.text)
        ]
        self._texts[number] = hashed("\0".join(plain))
        self._problems[number] = hashed(plain[0])
        if self._config.near is not None:
            read = question + steps if self._config.across_problems else steps
            self._signatures[number] = self._signature(read)

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        left = in_order(left, keys)
        if self._config.exact:
            first: dict[int, int] = {}
            for number in left:
                if first.setdefault(self._texts[number], number) != number:
                    yield number, SAME
            left = list(first.values())
        if self._config.near is not None:
            yield from ((number, NEAR) for number in self._near(left))

    def _near(self, left: Sequence[int]) -> Iterator[int]:
        """All but the first of each kind, `left` being in order."""
        kinds = _Kinds(left)
        for one, other in self._pairs(left):
            alike = self._signatures[one].jaccard(self._signatures[other])
            if alike >= (self._config.near or 0):
                kinds.join(one, other)
        kept: set[int] = set()
        for number in left:
            kind = kinds.of(number)
            if kind in kept:
                yield number
            kept.add(kind)

    def _pairs(self, left: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Those that may be near: all of a problem, or across problems what falls into a bucket together."""
        if not self._config.across_problems:
            of_problem: defaultdict[int, list[int]] = defaultdict(list)
            for number in left:
                of_problem[self._problems[number]].append(number)
            for numbers in of_problem.values():
                yield from combinations(numbers, 2)
            return
        from datasketch import MinHashLSH

        index = MinHashLSH(threshold=self._config.near, num_perm=self._config.permutations)
        for number in left:
            signature = self._signatures[number]
            yield from ((other, number) for other in index.query(signature))
            index.insert(number, signature, check_duplication=False)

    def _signature(self, found: Sequence[str]) -> LeanMinHash:
        import xxhash
        from datasketch import LeanMinHash, MinHash

        sketch = MinHash(self._config.permutations, hashfunc=xxhash.xxh32_intdigest)
        grams = {gram.encode("utf-8", "replace") for gram in ngrams(found, self._config.ngram)}
        sketch.update_batch(sorted(grams))
        return LeanMinHash(sketch)


class _Kinds:
    """Disjoint sets of candidates; each is named by one of its members."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._parent = {number: number for number in numbers}

    def of(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def join(self, one: int, other: int) -> None:
        self._parent[self.of(one)] = self.of(other)


def _needs_datasketch() -> None:
    try:
        import datasketch  # noqa: F401
    except ImportError as error:
        raise PrerequisiteError(
            "dataset.select.deduplicate.near: datasketch is not installed; pip install 'steplabel[select]'"
        ) from error
