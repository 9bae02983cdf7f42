"""What reviewers decided, as one more witness: a verdict a solution, a vote a reviewer.

Where all who decided name the same first error, it is that. Where they don't, it is nobody's: how often
each of a few people errs can't be learned from the handful of solutions that two of them saw, so neither
is believed. "Unsure" says nothing. "No error" beside a wrong final answer can't be a label, and may mean
that the known answer is wrong: it is told, and teaches nothing.

Their names stay in `reviews/`: a verdict is published with the dataset, and says only what each vote was
made by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from shutil import rmtree
from typing import NamedTuple

from pipeline.consensus.labels import WRONG_ANSWER
from pipeline.records import NO_ERROR, Outcome, Solution, Verdict, Vote, content_hash
from pipeline.review.decisions import Decision, Standing, reviewers
from pipeline.run_folder import RunFolder

REVIEW = "review"
"""The witness's name; no annotator may have it."""
VERSION = 1
UNSURE = "no reviewer was sure"


class Agreed(NamedTuple):
    """A first error that people named, and how many times likelier than by chance alone its solution was
    to be drawn for them."""

    first_error: int
    drawn: float


def by_solution(said: Mapping[str, Standing]) -> dict[str, list[Decision]]:
    """The decisions that stand, of each solution; in the order of the reviewers' names."""
    found: dict[str, list[Decision]] = {}
    for _, of_one in sorted(said.items()):
        for solution, decision in of_one.items():
            found.setdefault(solution, []).append(decision)
    return found


def verdict_of(solution: Solution, decisions: Iterable[Decision]) -> Verdict:
    """Of all that was decided on one solution."""
    votes = tuple(map(_vote, decisions))
    named = sorted({vote.first_error for vote in votes if vote.first_error is not None})
    reason = _why_none(solution, named)
    return Verdict(solution.id, REVIEW, None if reason else named[0], reason, votes=votes)


def _why_none(solution: Solution, named: Sequence[int]) -> str | None:
    """Why the first errors that were named make none; None where they do."""
    if not named:
        return UNSURE
    if len(named) > 1:
        told = ("no error" if one == NO_ERROR else f"step {one}" for one in named)
        return f"reviewers disagree: {', '.join(told)}"
    if named[0] >= len(solution.steps):
        return f"step {named[0]} is named, of {len(solution.steps)}"
    if named[0] == NO_ERROR and solution.outcome is Outcome.INCORRECT:
        return WRONG_ANSWER
    return None


def _vote(decision: Decision) -> Vote:
    by = "after a look at what the witnesses say" if decision.shown else "by the steps alone"
    reason = None if decision.first_error is not None else "unsure"
    return Vote(decision.first_error, f"a person, {by}", reason)


def taken(run: RunFolder, wanted: bool = True) -> dict[str, Agreed] | None:
    """What reviewers agree on, by solution, and all that they decided kept as the verdicts of `REVIEW`,
    beside those of the annotators. None where nobody reviewed, or it isn't `wanted`. Raises RunError at
    a damaged row."""
    store = run.verdicts(REVIEW)
    decisions = by_solution(reviewers(run.reviews)) if wanted else {}
    if not decisions and not store.folder.is_dir():
        return None
    told = [[one, [(d.first_error, d.shown) for d in of]] for one, of in sorted(decisions.items())]

    def verdicts() -> Iterator[Verdict]:
        for solution in run.solutions.read(Solution):
            if solution.id in decisions and solution.outcome is not Outcome.UNDECIDED:
                yield verdict_of(solution, decisions[solution.id])

    if not decisions:
        rmtree(store.folder)
        return None
    solutions = sorted(part.sha256 for part in run.solutions.parts())
    store.replace_all(content_hash(VERSION, solutions, told), verdicts(), Verdict)
    known = {}
    for verdict in store.read(Verdict):
        if verdict.first_error is not None:
            times = max(one.drawn for one in decisions[verdict.solution_id])
            known[verdict.solution_id] = Agreed(verdict.first_error, times)
    return known
