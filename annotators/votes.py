"""From votes to a verdict, and when the votes still to come can't change it.

The rules, each of the votes that could be read:

- `majority`: wrong is what more than half call wrong (critics on ProcessBench, arXiv 2412.06559;
  SPARK's consistency at each step, arXiv 2512.03244); a tie decides nothing.
- `half`: wrong is what half or more call wrong (CAPO's majority, arXiv 2508.02298).
- `intersection`: wrong is what every vote calls wrong (CAPO's intersection).
- `mean`: wrong is a step whose mean score is below .5, a vote on it being 1 or 0 (CAPO's average, read
  as BiPRM reads its fused scores, arXiv 2508.01682); a mean of just .5 decides nothing.

The first error is the first wrong step. By the first three there is none only if as many votes find
none: CAPO gives no penalty where votes that object name nothing together, and here that is undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from annotators.parsing import Reading
from pipeline.records import NO_ERROR, Vote

REFUSED = "request refused"
"""How the reason of a vote begins that the engine would not cast."""


UNREAD = "too few votes could be parsed"


class Finding(NamedTuple):
    """`first_error` is None when undecided, `reason` then says why. `scores`: by the rule `mean`, the
    share of votes that call each step right."""

    first_error: int | None
    reason: str | None = None
    scores: tuple[float | None, ...] = ()


def wrong_steps(reading: Reading) -> frozenset[int]:
    if isinstance(reading, frozenset):
        return reading
    return frozenset() if reading == NO_ERROR else frozenset({reading})


def first_error(reading: Reading) -> int:
    return min(wrong_steps(reading), default=NO_ERROR)


def majority(readings: Sequence[Reading], n_steps: int) -> Finding:
    return _by_count(readings, len(readings) // 2 + 1)


def half(readings: Sequence[Reading], n_steps: int) -> Finding:
    return _by_count(readings, (len(readings) + 1) // 2)


def intersection(readings: Sequence[Reading], n_steps: int) -> Finding:
    return _by_count(readings, len(readings), "the votes call no step wrong together")


def _by_count(
    readings: Sequence[Reading], needed: int, otherwise: str = "no majority among the votes"
) -> Finding:
    """The first step that `needed` votes call wrong; no error where as many, and more than half, find
    none."""
    named = Counter(step for reading in readings for step in wrong_steps(reading))
    wrong = [step for step, count in named.items() if count >= needed]
    if wrong:
        return Finding(min(wrong))
    clean = sum(not wrong_steps(reading) for reading in readings)
    if clean >= needed and 2 * clean > len(readings):
        return Finding(NO_ERROR)
    return Finding(None, otherwise)


def mean(readings: Sequence[Reading], n_steps: int) -> Finding:
    scores = tuple(_share_right(readings, step) for step in range(n_steps))
    for step, score in enumerate(scores):
        if score is None or score == 0.5:
            return Finding(None, "as many votes for a step as against it", scores)
        if score < 0.5:
            return Finding(step, None, scores)
    return Finding(NO_ERROR, None, scores)


def _share_right(readings: Sequence[Reading], step: int) -> float | None:
    """Of the votes that speak of the step: one that names a first error is silent after it."""
    speaking = [
        step not in wrong_steps(reading)
        for reading in readings
        if isinstance(reading, frozenset) or reading == NO_ERROR or step <= reading
    ]
    return sum(speaking) / len(speaking) if speaking else None


RULES: dict[str, Callable[[Sequence[Reading], int], Finding]] = {
    "majority": majority,
    "half": half,
    "intersection": intersection,
    "mean": mean,
}


@dataclass
class Ballot:
    """The votes on one solution of `n_steps` steps: `size` are to be cast, and a verdict takes
    `needed` that could be read."""

    rule: str
    size: int
    needed: int
    n_steps: int
    votes: list[Vote] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def cast(self, vote: Vote, reading: Reading | None) -> None:
        """A vote without a reading is a missing one: neither "no error" nor a wrong step."""
        self.votes.append(vote)
        if reading is not None:
            self.readings.append(reading)

    def finding(self) -> Finding:
        return self._decide(self.readings)

    def refusal(self) -> str | None:
        """Why, where the engine refused every vote."""
        reasons = {vote.reason or "" for vote in self.votes}
        refused = bool(reasons) and all(reason.startswith(REFUSED) for reason in reasons)
        return min(reasons) if refused else None

    def left(self) -> int:
        """Votes still worth asking for: none once they can't change the finding, whatever they say."""
        left = self.size - len(self.votes)
        return 0 if self._settled(left) else left

    def _settled(self, left: int) -> bool:
        """Rules count votes, so if anything can change the finding, all the votes left saying one and
        the same thing can: naming a step that was named, or the first that was not, or no error."""
        if left == 0:
            return True
        named = {step for reading in self.readings for step in wrong_steps(reading)}
        unnamed = next((step for step in range(self.n_steps) if step not in named), None)
        saying = {NO_ERROR, *named} | ({unnamed} if unnamed is not None else set())
        now = self.finding().first_error
        return all(
            self._decide([*self.readings, *[reading] * left]).first_error == now
            for reading in saying
        )

    def _decide(self, readings: Sequence[Reading]) -> Finding:
        found = RULES[self.rule](readings, self.n_steps) if readings else Finding(None)
        if len(readings) >= self.needed:
            return found
        unread = len(self.votes) > len(self.readings)
        return Finding(None, found.reason if found.reason and not unread else UNREAD)
