"""Who is asked next: what a witness is expected to tell, for its price, whatever else is looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.consensus.cascade import (
    ALL_HEARD,
    BUDGET,
    SURE,
    Cascade,
    Choice,
    Facts,
    learn,
    within,
)
from pipeline.consensus.evidence import FIRST
from pipeline.consensus.expected import Expected, first_vote, tokens_of
from pipeline.consensus.information import chances, information
from pipeline.consensus.replay import replay
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Cost, Verdict, Vote
from pipeline.search.hints import RELATIONS, Reliability
from pipeline.search.priors import Array
from tests.benchmarks.consensus.cascade import learned_of
from tests.benchmarks.consensus.world import World, draw, right_one_time_in_five, tinymath_judge

WITNESSES = ("rollouts", "judge", "second", "arithmetic")
PAID = WITNESSES[:3]
PILOT = 300


@cache
def world() -> World:
    return draw(500, {"judge": tinymath_judge, "second": tinymath_judge})


@cache
def facts() -> Facts:
    pilot = world().items[:PILOT]
    return learn(pilot, [None] * PILOT, WITNESSES, learned_of(pilot, WITNESSES))


def cascade(confidence: float = 0.98, worth: float = 0.0) -> Cascade:
    return Cascade(facts(), WITNESSES, confidence, worth)


def posteriors(n_steps: int) -> st.SearchStrategy[Array]:
    weights = st.lists(st.floats(0.01, 1), min_size=n_steps + 1, max_size=n_steps + 1)
    return weights.map(lambda of: np.array([of]) / sum(of))


def reliabilities() -> st.SearchStrategy[Reliability]:
    rates = st.lists(st.floats(0.02, 1), min_size=2 * RELATIONS, max_size=2 * RELATIONS)
    shares = rates.map(lambda of: tuple(one / sum(of) for one in of))
    return st.builds(Reliability, shares, shares)


@settings(deadline=None)
@given(reliabilities(), st.integers(1, 12), st.booleans())
def test_what_a_witness_may_say_sums_to_one(
    reliability: Reliability, n_steps: int, several: bool
) -> None:
    alone, repeating = chances(reliability, n_steps, several)
    assert alone.shape == repeating.shape == ((1 + several) * (n_steps + 1), n_steps + 1)
    assert np.allclose(alone.sum(axis=0), 1.0)
    if several:  # by all votes or by some, whatever it repeats
        assert np.allclose(repeating[: n_steps + 1] + repeating[n_steps + 1 :], 1.0)


@settings(deadline=None)
@given(reliabilities(), st.data())
def test_no_witness_is_expected_to_tell_less_than_nothing_or_more_than_all(
    reliability: Reliability, data: st.DataObject
) -> None:
    posterior = data.draw(posteriors(6))
    (told,) = information(posterior, chances(reliability, 6, True)[0])
    everything = float(-(posterior * np.log2(posterior)).sum())
    assert 0 <= told <= everything + 1e-9


@settings(deadline=None)
@given(posteriors(5))
def test_one_that_says_the_same_whatever_is_true_tells_nothing(posterior: Array) -> None:
    deaf = np.tile(np.full((6, 1), 1 / 6), 6)
    assert information(posterior, deaf)[0] == pytest.approx(0, abs=1e-9)


@settings(deadline=None)
@given(posteriors(5))
def test_one_that_is_always_right_tells_all(posterior: Array) -> None:
    everything = float(-(posterior * np.log2(posterior)).sum())
    assert information(posterior, np.eye(6))[0] == pytest.approx(everything)


@settings(deadline=None)
@given(posteriors(6), reliabilities(), st.floats(0.05, 0.95))
def test_one_whose_words_are_garbled_tells_no_more(
    posterior: Array, reliability: Reliability, share: float
) -> None:
    clear, _ = chances(reliability, 6, False)
    garbled = (1 - share) * clear + share * clear.mean(axis=0)
    assert information(posterior, garbled)[0] <= information(posterior, clear)[0] + 1e-9


def parroted(part: Expected) -> Expected:
    right, wrong = (of._replace(reliability=replace(of.reliability, own=0.0)) for of in part.tells)
    return replace(part, tells=(right, wrong))


def test_one_that_only_repeats_isn_t_asked_after_the_one_it_repeats() -> None:
    learned = facts().learned
    priors = learned.priors
    for name in ("second", "second" + FIRST):
        parrot = replace(priors.reliability[name], own=0.0)
        priors = replace(priors, reliability={**priors.reliability, name: parrot})
    parts = {
        name: parroted(of) if name.startswith("second") else of
        for name, of in facts().parts.items()
    }
    told = Facts(replace(learned, priors=priors), parts, facts().panel_tokens)
    for item in world().items[PILOT:]:
        heard = {"arithmetic": item.verdicts["arithmetic"], "judge": item.verdicts["judge"]}
        (choice,) = Cascade(told, WITNESSES, 0.999, 0.0).choose(
            [Annotated(item.solution, heard, None)]
        )
        assert choice.part in (None, "rollouts")


def test_a_choice_does_not_depend_on_what_else_is_looked_at() -> None:
    items = [half_heard(item, number) for number, item in enumerate(world().items[PILOT:])]
    together = cascade().choose(items)
    assert cascade().choose(items[::-1]) == together[::-1]
    assert [cascade().choose([item])[0] for item in items[:40]] == together[:40]


def half_heard(item: Annotated, number: int) -> Annotated:
    """Some of the panel, another part for each solution."""
    verdicts = {"arithmetic": item.verdicts["arithmetic"]}
    if number % 2:
        verdicts["judge"] = first_vote(item.verdicts["judge"])
    if number % 3 == 0:
        verdicts["second"] = item.verdicts["second"]
    if number % 5 == 0:
        verdicts["rollouts"] = item.verdicts["rollouts"]
    return Annotated(item.solution, verdicts, None)


def test_a_first_vote_comes_before_the_rest_and_nothing_is_asked_twice() -> None:
    for number, item in enumerate(world().items[PILOT:]):
        known = half_heard(item, number)
        (choice,) = cascade(confidence=0.9999).choose([known])
        if choice.part is None:
            continue
        name = choice.part.removesuffix(FIRST)
        if choice.part.endswith(FIRST):
            assert name not in known.verdicts
        elif name in known.verdicts:
            assert len(known.verdicts[name].votes) == 1
        else:
            assert name == "rollouts"


def test_free_witnesses_are_not_asked_for() -> None:
    assert set(facts().parts) == {
        "rollouts",
        *(one + end for one in PAID[1:] for end in ("", FIRST)),
    }


def test_it_ends_where_it_is_sure_or_has_heard_all() -> None:
    for one in replay(world().items[PILOT:], cascade(0.99, worth=0.0)):
        (choice,) = cascade(0.99, worth=0.0).choose([one.item])
        assert (choice.part, choice.stop) == (None, one.stop)
        if one.stop == SURE:
            assert choice.sure >= 0.99
        if one.stop == ALL_HEARD:
            judges = [one.item.verdicts[name] for name in PAID[1:]]
            assert [len(verdict.votes) for verdict in judges] == [3, 3]


def test_what_it_hears_is_what_the_panel_said() -> None:
    items = world().items[PILOT:]
    for whole, one in zip(items, replay(items, cascade()), strict=True):
        for name, verdict in one.item.verdicts.items():
            assert verdict in (whole.verdicts[name], first_vote(whole.verdicts[name]))


def test_more_is_asked_for_a_higher_target_and_less_where_it_must_be_worth_more() -> None:
    items = world().items[PILOT:]

    def tokens(confidence: float, worth: float) -> int:
        return sum(
            tokens_of(one.item.verdicts) for one in replay(items, cascade(confidence, worth))
        )

    assert tokens(0.9, 0.0) < tokens(0.99, 0.0) <= tokens(0.99999, 0.0)
    assert tokens(0.98, 0.5) < tokens(0.98, 0.05) <= tokens(0.98, 0.0)


def test_of_two_at_one_price_the_better_judge_is_asked_first() -> None:
    judges = {"judge": right_one_time_in_five, "second": tinymath_judge, "third": tinymath_judge}
    items = draw(PILOT, judges).items
    witnesses = ("judge", "second", "third")
    learned = learned_of(items, witnesses)
    found = learn(items, [None] * PILOT, witnesses, learned)
    choices = Cascade(found, witnesses, 0.98, 0.0).choose([nothing_heard(i) for i in items])
    first = {choice.part for choice in choices if choice.part}
    assert first
    assert first <= {"second" + FIRST, "third" + FIRST}


def nothing_heard(item: Annotated) -> Annotated:
    return Annotated(item.solution, {}, None)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(1, 50)), min_size=1, max_size=20),
    st.floats(0, 300),
    st.randoms(use_true_random=False),
)
def test_a_budget_pays_for_those_that_promise_most_whatever_their_order(
    wanted: list[tuple[float, float]], left: float, random: object
) -> None:
    choices = [
        Choice(f"s{number}", "judge", None, 0.5, bits, tokens)
        for number, (bits, tokens) in enumerate(wanted)
    ]
    found = within(choices, left)
    paid = [one for one in found if one.part is not None]
    assert sum(one.tokens for one in paid) <= left
    assert all(one.stop == BUDGET for one in found if one.part is None)
    refused = [one.bits for one in found if one.part is None]
    assert not (paid and refused) or min(one.bits for one in paid) >= max(refused)
    random.shuffle(choices)  # type: ignore[attr-defined]
    again = {one.solution_id: one for one in within(choices, left)}
    assert [again[one.solution_id] for one in found] == found
    assert within(choices, None) == choices


def test_a_first_vote_pays_its_share_and_speaks_for_itself() -> None:
    votes = (Vote(2, "...."), Vote(NO_ERROR, "........"), Vote(NO_ERROR, "........"))
    verdict = Verdict("s", "judge", NO_ERROR, votes=votes, cost=Cost(1, 9, 3, 20, 1.0))
    first = first_vote(verdict)
    assert (first.first_error, first.votes, first.cost.completion_tokens) == (2, votes[:1], 4)
    alone = replace(verdict, votes=votes[:1])
    assert first_vote(alone) is alone


def test_what_was_learned_survives_its_file() -> None:
    assert Facts.of(json.loads(json.dumps(facts().to_json()))) == facts()


def test_a_judge_whose_first_vote_alone_is_the_whole_verdict_is_asked_once() -> None:
    """Of two votes both must be read: where the first can't be, the second isn't cast."""
    items = [
        Annotated(
            item.solution,
            item.verdicts
            | {
                name: replace(
                    item.verdicts[name],
                    first_error=None,
                    votes=(Vote(None, "?"),),
                    cost=Cost(1, 10, 0, 10),
                )
                for name in ("judge", "second")
            },
            None,
        )
        for item in world().items[PILOT : PILOT + 5]
    ]
    replayed = replay(items, cascade(confidence=0.999999))
    assert len(replayed) == len(items)
