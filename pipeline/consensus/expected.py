"""What a witness is expected to say and to cost, learned from a pilot that heard all of them.

A judge is heard in two parts: its first vote, then the others. How each errs is counted under the
posterior of the whole panel, so that no gold is needed (Dawid and Skene, 1979), and apart for right and
wrong outcomes, since rollouts tell nothing of a right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pipeline.consensus.evidence import FIRST, Evidence, certain, posteriors_of
from pipeline.consensus.learning import Learned
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Cost, Outcome, Verdict
from pipeline.search.belief import Array
from pipeline.search.fit import PULL
from pipeline.search.hints import START, Hint, Reliability, counted, kinds_of
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
        counting = name in learned.counting
        own = learned.priors.reliability[name].own if name in learned.priors.reliability else 1.0
        if any(len(verdict.votes) > 1 for verdict in verdicts):
            first = [first_vote(verdict) for verdict in verdicts]
            parts[name + FIRST] = _expected(pilot, first, posteriors, own, counting)
        parts[name] = _expected(pilot, verdicts, posteriors, own, counting)
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
            steps = [len(item.solution.steps) for item in pilot]
            found = errs(said, steps, posteriors)
            reliability[name + FIRST] = replace(found, own=reliability[name].own)
    return replace(learned, priors=replace(learned.priors, reliability=reliability))


def errs(
    said: Sequence[tuple[int, ...]],
    steps: Sequence[int],
    posteriors: Sequence[Array],
    drawn_to: Reliability = START,
) -> Reliability:
    """How often answers are of each kind, expected under posteriors over the first error."""
    clean, flawed = PULL * np.array(drawn_to.clean), PULL * np.array(drawn_to.flawed)
    for answers, n_steps, posterior in zip(said, steps, posteriors, strict=True):
        if answers:
            told = kinds_of(Hint("", answers), n_steps)[None]
            of_clean, of_flawed, _ = counted(told, drawn_to, posterior[None])
            clean, flawed = clean + of_clean, flawed + of_flawed
    return Reliability(_shares(clean), _shares(flawed), drawn_to.own)


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
    pilot: Sequence[Annotated],
    verdicts: Sequence[Verdict],
    posteriors: Sequence[Array],
    own: float,
    counting: bool,
) -> Expected:
    said = [_names(verdict) if counting else answers_of(verdict) for verdict in verdicts]
    steps = [len(item.solution.steps) for item in pilot]
    overall = errs(said, steps, posteriors)
    tells = []
    for outcome in (Outcome.CORRECT, Outcome.INCORRECT):
        of = [row for row, item in enumerate(pilot) if item.solution.outcome is outcome]
        reliability = errs(
            [said[row] for row in of],
            [steps[row] for row in of],
            [posteriors[row] for row in of],
            overall,
        )
        silent = sum(not said[row] for row in of)
        tokens = sum(verdicts[row].cost.completion_tokens for row in of)
        tells.append(
            Tells(
                replace(reliability, own=own),
                silent / max(1, len(of)),
                tokens / max(1, sum(steps[row] for row in of)),
            )
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
