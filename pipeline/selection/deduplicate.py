"""Of solutions with the same steps, or nearly the same text, one stays: the one whose content hashes lowest.

The same steps with different labels is no duplicate: one label is wrong, nobody knows which, and all of them
go. Near texts with different labels are what a trainer learns from, so only those of one label are compared.
Near is a Jaccard similarity of word n-grams, estimated by MinHash (Broder 1997) with datasketch. What is
near to what is near is taken as one kind, so that the choice does not depend on the order of the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pipeline.columns import Reads
from pipeline.config import DeduplicateConfig
from pipeline.errors import PrerequisiteError
from pipeline.join import Annotated
from pipeline.selection.rule import in_order
from pipeline.selection.words import hashed, ngrams, words

if TYPE_CHECKING:
    from datasketch import LeanMinHash

SAME = "the same problem and steps as another solution"
NEAR = "nearly the same text as another solution"
CONFLICT = "the same problem and steps as another solution, which is labelled otherwise"


class Deduplicate:
    """In memory: 16 bytes a solution; for near ones 4 bytes a permutation more."""

    reads = Reads(solution=frozenset({"tests"}))

    def __init__(self, config: DeduplicateConfig) -> None:
        self._config = config
        self._texts: dict[int, int] = {}
        self._labels: dict[int, int | None] = {}
        self._problems: dict[int, int] = {}
        self._signatures: dict[int, LeanMinHash] = {}
        if config.near is not None:
            _needs_datasketch()

    def see(self, item: Annotated, number: int | None) -> None:
        if number is None or item.label is None:
            return
        both = (item.solution.question, item.solution.text)
        # Signs count among the same, unlike among the near: 1 + 1 is not 1 - 1.
        # Cuts count too, since a label is the number of a step.
        plain = [" ".join(item.solution.question.casefold().split())]
        if item.solution.tests is None:
            plain += [" ".join(step.casefold().split()) for step in item.solution.steps]
        else:  # a program, in which spaces and case tell
            plain += [step.rstrip() for step in item.solution.steps]
        self._texts[number] = hashed("\0".join(plain))
        self._labels[number] = item.label.first_error
        if self._config.near is not None:
            self._problems[number] = hashed(plain[0])
            read = both if self._config.across_problems else both[1:]
            self._signatures[number] = self._signature([w for text in read for w in words(text)])

    def removed(self, left: Sequence[int], keys: Sequence[Any]) -> Iterator[tuple[int, str]]:
        left = in_order(left, keys)
        if self._config.exact:
            first: dict[int, int] = {}
            conflicts = self._conflicts(left)
            for number in left:
                if self._texts[number] in conflicts:
                    yield number, CONFLICT
                elif first.setdefault(self._texts[number], number) != number:
                    yield number, SAME
            left = list(first.values())
        if self._config.near is not None:
            yield from ((number, NEAR) for number in self._near(left))

    def _conflicts(self, left: Sequence[int]) -> set[int]:
        labels: dict[int, int | None] = {}
        return {
            text
            for number in left
            if labels.setdefault(text := self._texts[number], self._labels[number])
            != self._labels[number]
        }

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
        """Of one label those that may be near: all of a problem, or across problems what falls into a
        bucket together."""
        alike: defaultdict[tuple[int | None, int], list[int]] = defaultdict(list)
        for number in left:
            problem = 0 if self._config.across_problems else self._problems[number]
            alike[self._labels[number], problem].append(number)
        for numbers in alike.values():
            if self._config.across_problems:
                yield from self._in_buckets(numbers)
            else:
                yield from combinations(numbers, 2)

    def _in_buckets(self, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        from datasketch import MinHashLSH

        index = MinHashLSH(threshold=self._config.near, num_perm=self._config.permutations)
        for number in numbers:
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
