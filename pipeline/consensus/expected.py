"""What a witness is expected to say and to cost, learned from a pilot that heard all of them.

A judge is heard in two parts: its first vote, then the others. How each errs is counted under the
posterior of the whole panel, so that no gold is needed (Dawid and Skene, 1979), and apart for right and
wrong outcomes, since rollouts tell nothing of a right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pipeline.consensus.evidence import FIRST, Evidence, certain, posteriors_of
from pipeline.consensus.learning import Learned
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Cost, Outcome, Verdict
from pipeline.search.fit import PULL
from pipeline.search.hints import START, Hint, Reliability, counted, kinds_of, repeated
from pipeline.search.priors import Array
from pipeline.told import answers_of

RIGHT, WRONG = range(2)
"""Places of what is told apart by the outcome."""


class Tells(NamedTuple):
    """How often a witness says what, the share of solutions of which it says nothing, and its sampled
    tokens for each step of a solution."""

    reliability: Reliability
    silent: float
    tokens: float


@dataclass(frozen=True)
class Expected:
    """What one part of a witness tells of solutions with a right and with a wrong outcome. `leading`: where
    its votes differ, the share of them that name what most name; 1 for one without votes."""

    tells: tuple[Tells, Tells]
    leading: float = 1.0


def expected_of(
    pilot: Sequence[Annotated],
    truth: Sequence[int | None],
    witnesses: Sequence[str],
    learned: Learned,
) -> dict[str, Expected]:
    """Of each witness that costs tokens, and of its first vote (`FIRST`) where it casts several. `pilot`: all
    witnesses were heard; `truth`: the first error of each, where gold says it."""
    rows = [Evidence.of(item, witnesses, learned.counting) for item in pilot]
    posteriors = certain(posteriors_of(rows, learned.priors), truth)
    parts: dict[str, Expected] = {}
    for name in witnesses:
        verdicts = [item.verdicts[name] for item in pilot if name in item.verdicts]
        if len(verdicts) < len(pilot) or not any(v.cost.completion_tokens for v in verdicts):
            continue
        if name in learned.counting:
            said = [_names(verdict) for verdict in verdicts]
            parts[name] = _expected(Errs(rows, posteriors), pilot, verdicts, said)
            continue
        errs = Errs(rows, posteriors, name, learned.priors.reliability[name].own)
        if any(len(verdict.votes) > 1 for verdict in verdicts):
            first = [first_vote(verdict) for verdict in verdicts]
            said = [answers_of(verdict) for verdict in first]
            parts[name + FIRST] = _expected(errs, pilot, first, said)
        parts[name] = _expected(
            errs, pilot, verdicts, [answers_of(verdict) for verdict in verdicts]
        )
    return parts


def with_first_votes(
    learned: Learned,
    pilot: Sequence[Annotated],
    truth: Sequence[int | None],
    witnesses: Sequence[str],
) -> Learned:
    """How each witness's first vote errs, beside how all its votes do."""
    rows = [Evidence.of(item, witnesses, learned.counting) for item in pilot]
    posteriors = certain(posteriors_of(rows, learned.priors), truth)
    reliability = dict(learned.priors.reliability)
    for name in witnesses:
        verdicts = [item.verdicts.get(name) for item in pilot]
        if name in reliability and any(v is not None and len(v.votes) > 1 for v in verdicts):
            said = [() if v is None else answers_of(first_vote(v)) for v in verdicts]
            errs = Errs(rows, posteriors, name, reliability[name].own)
            reliability[name + FIRST] = errs(said)
    return replace(learned, priors=replace(learned.priors, reliability=reliability))


class Errs(NamedTuple):
    """How a witness errs beside the others (`rows`), expected under posteriors over the first error. `own`:
    how often it speaks for itself after others spoke."""

    rows: Sequence[Evidence]
    posteriors: Sequence[Array]
    name: str = ""
    own: float = 1.0

    def __call__(
        self,
        said: Sequence[tuple[int, ...]],
        among: Iterable[int] | None = None,
        drawn_to: Reliability = START,
    ) -> Reliability:
        """In its own voice, where its answers to each row are those `said`, of the rows `among`."""
        clean, flawed = PULL * np.array(drawn_to.clean), PULL * np.array(drawn_to.flawed)
        own = replace(drawn_to, own=self.own)
        for row in range(len(said)) if among is None else among:
            if not said[row]:
                continue
            hint, posterior = Hint(self.name, said[row]), self.posteriors[row]
            beside = [other for other in self.rows[row].hints if other.name != self.name]
            repeats = repeated([*beside, hint]).get(self.name, np.nan)
            told = kinds_of(hint, len(posterior) - 1)[None]
            of_clean, of_flawed, _ = counted(told, own, posterior[None], np.array([repeats]))
            clean, flawed = clean + of_clean, flawed + of_flawed
        return Reliability(_shares(clean), _shares(flawed), self.own)


def first_vote(verdict: Verdict) -> Verdict:
    """What a judge's verdict would be had it cast one vote alone, at its share of the price."""
    if len(verdict.votes) < 2:
        return verdict
    vote = verdict.votes[0]
    written = sum(len(one.rationale) for one in verdict.votes)
    share = len(vote.rationale) / written if written else 1 / len(verdict.votes)
    cost = verdict.cost
    return replace(
        verdict,
        first_error=vote.first_error,
        reason=vote.reason,
        votes=(vote,),
        scores=(),
        cost=Cost(
            1,
            cost.prompt_tokens,
            cost.cached_tokens,
            round(share * cost.completion_tokens),
            share * cost.seconds,
        ),
    )


def _expected(
    errs: Errs,
    pilot: Sequence[Annotated],
    verdicts: Sequence[Verdict],
    said: Sequence[tuple[int, ...]],
) -> Expected:
    overall = errs(said)
    tells = []
    for outcome in (Outcome.CORRECT, Outcome.INCORRECT):
        of = [row for row, item in enumerate(pilot) if item.solution.outcome is outcome]
        silent = sum(not said[row] for row in of)
        tokens = sum(verdicts[row].cost.completion_tokens for row in of)
        steps = sum(len(pilot[row].solution.steps) for row in of)
        tells.append(
            Tells(errs(said, of, overall), silent / max(1, len(of)), tokens / max(1, steps))
        )
    split = [Hint("", answers) for answers in said if len(set(answers)) > 1]
    shares = [one.answers.count(one.top) / len(one.answers) for one in split]
    return Expected((tells[RIGHT], tells[WRONG]), float(np.mean(shares)) if shares else 1.0)


def _names(verdict: Verdict) -> tuple[int, ...]:
    """The first error that rollouts make likeliest by themselves, or that their search names."""
    if verdict.log_likelihood is not None:
        return (int(np.argmax(verdict.log_likelihood)) + NO_ERROR,)
    return () if verdict.first_error is None else (verdict.first_error,)


def tokens_of(verdicts: Mapping[str, Verdict]) -> int:
    return sum(verdict.cost.completion_tokens for verdict in verdicts.values())


def _shares(weights: Array) -> tuple[float, ...]:
    return tuple((weights / weights.sum()).tolist())
