"""Which problems are held out: by a hash of the question, so that all of its solutions are on one
side, under whatever ids it came, and a problem stays on its side when the batch grows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pipeline.records import content_hash


@lru_cache(maxsize=1024)  # a problem's solutions mostly come one after the other
def group(question: str) -> str:
    """What is held out together: questions that differ in spaces and case alone."""
    return content_hash(" ".join(question.casefold().split()))


def position(group: str) -> float:
    """Where a group lies in [0, 1); the test split takes those below its share."""
    return int(content_hash("split", group, length=13), 16) / 16**13


def held_out(labelled: Mapping[str, bool], share: float) -> frozenset[str]:
    """Groups of the test split. `labelled`: group -> has it a solution with a label?

    With a share above 0 and two problems or more neither side is empty, and where two problems or
    more are labelled, both sides have a labelled one.
    """
    if share == 0 or len(labelled) < 2:
        return frozenset()
    order = sorted(labelled, key=lambda problem: (position(problem), problem))
    with_label = [problem for problem in order if labelled[problem]]
    test = {problem for problem in order if position(problem) < share}
    if with_label and test.issuperset(with_label):
        test.discard(with_label[-1])
    if len(with_label) > 1 and test.isdisjoint(with_label):
        test.add(with_label[0])
    if not test:
        test.add(next(problem for problem in order if not labelled[problem]))
    if len(test) == len(order):
        test.discard(order[-1])
    return frozenset(test)
