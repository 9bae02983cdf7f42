"""What annotators that ran before say of a solution, for one that takes it as a hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from pipeline.errors import EngineFaultError
from pipeline.records import Solution, Status, Verdict, content_hash
from pipeline.search.hints import Hint
from pipeline.shards import Store


class Told:
    """Hints by solution, from the verdicts of the annotators that `stores` name.

    A solution that one of them has no verdict of, since its engine failed, gets none from here: what
    is said of it would depend on when. Raises EngineFaultError then, so that a later run tries again.
    """

    def __init__(self) -> None:
        self._hints: dict[str, dict[str, Hint]] = {}
        self._all_spoke = True
        self.fingerprint: str | None = None

    @classmethod
    def by(cls, stores: Mapping[str, Store]) -> Self:
        told = cls()
        for name, store in stores.items():
            told._hints[name] = {v.solution_id: hint_of(name, v) for v in store.read(Verdict)}
        if stores:
            told.fingerprint = content_hash({n: s.fingerprint for n, s in stores.items()})
        return told

    @classmethod
    def so_far(cls, verdicts: Mapping[str, Iterable[Verdict]], fingerprint: str) -> Self:
        """By the latest of each annotator's verdicts, where not every one was asked of every solution."""
        told = cls()
        told._all_spoke = False
        told.fingerprint = fingerprint
        for name, of in verdicts.items():
            told._hints[name] = {v.solution_id: hint_of(name, v) for v in of}
        return told

    def __call__(self, solution: Solution) -> tuple[Hint, ...]:
        for name, hints in self._hints.items():
            if self._all_spoke and solution.id not in hints:
                raise EngineFaultError(f"{name} has no verdict of this solution yet")
        found = (hints.get(solution.id) for hints in self._hints.values())
        return tuple(hint for hint in found if hint is not None and hint.answers)


def hint_of(name: str, verdict: Verdict) -> Hint:
    """Scores without a vote or a check are the policy's own chances, which fall at a fatal step."""
    of_fatal = bool(verdict.scores) and not verdict.votes and not verdict.checks
    return Hint(name, answers_of(verdict), of_fatal)


def answers_of(verdict: Verdict) -> tuple[int, ...]:
    """The first error that each of its votes names, or that it names, or the first step that a check
    contradicts; none where it is undecided."""
    if verdict.votes:
        named = (vote.first_error for vote in verdict.votes)
        return tuple(first_error for first_error in named if first_error is not None)
    if verdict.first_error is not None:
        return (verdict.first_error,)
    contradicted = [c.step for c in verdict.checks if c.status is Status.CONTRADICTED]
    return (min(contradicted),) if contradicted else ()
