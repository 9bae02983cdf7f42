"""A hint is a likelihood over the first error whose trust is learned, and never more than that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Outcome
from pipeline.search.bayesian import Bayesian, BayesianOptions, BayesianStrategy
from pipeline.search.belief import Belief, Seen
from pipeline.search.fit import fit_priors
from pipeline.search.hints import (
    KINDS,
    RELATIONS,
    START,
    ZONES,
    Hint,
    Reliability,
    heard,
    heard_all,
    kinds_of,
    possible,
    repeated,
)
from pipeline.search.priors import BROAD
from pipeline.search.protocol import Known, PilotSearch

WRONG = Outcome.INCORRECT


def judge(*answers: int) -> Hint:
    return Hint("judge", answers)


def trusted(clean: float, flawed: float) -> Reliability:
    """One whose votes always agree, right so often, and elsewhere else evenly."""
    alarms = ((1 - clean) / ZONES,) * ZONES
    never = (0.0,) * RELATIONS
    missed = (1 - flawed) / (RELATIONS - 1)
    return Reliability(
        (clean, *alarms, *never), (missed, flawed, *(missed,) * (RELATIONS - 2), *never)
    )


@given(st.integers(1, 12), st.booleans())
def test_over_all_answers_that_could_be_given_the_chances_sum_to_one(
    steps: int, split: bool
) -> None:
    """For each first error, over the answers of one vote (or of a majority of two in three)."""
    total = np.zeros(steps + 1)
    rates = np.array([START.clean] + [START.flawed] * steps)
    half = slice(KINDS // 2, None) if split else slice(0, KINDS // 2)
    for answer in range(-1, steps):
        other = -1 if answer >= 0 else 0
        hint = judge(answer, answer, other) if split else judge(answer)
        total += np.exp(heard(kinds_of(hint, steps), START))
    allowed = possible(steps) * rates
    assert total == pytest.approx(allowed[:, half].sum(axis=1) / allowed.sum(axis=1))


@given(st.integers(1, 12), st.floats(0, 1), st.data())
def test_beside_others_the_chances_sum_to_one_too(
    steps: int, own: float, data: st.DataObject
) -> None:
    """Over the answers of one vote: what others named is repeated as often as they named it."""
    others = data.draw(st.lists(st.integers(-1, steps - 1), min_size=1, max_size=4))
    speaks = replace(trusted(0.7, 0.6), own=own)
    total = np.zeros(steps + 1)
    for answer in range(-1, steps):
        share = others.count(answer) / len(others)
        total += np.exp(heard(kinds_of(judge(answer), steps), speaks, share))
    assert total == pytest.approx(np.ones(steps + 1), abs=1e-9)


@given(st.integers(2, 9), st.integers(0, 8))
def test_one_that_only_repeats_tells_nothing(steps: int, named: int) -> None:
    first, parrot = Hint("a", (named % steps,)), Hint("b", (named % steps,) * 3)
    reliability = trusted(0.8, 0.7)
    alone = heard_all([first], {"a": reliability}, steps).wrong
    known = {"a": reliability, "b": replace(reliability, own=0.0)}
    beside = heard_all([parrot, first], known, steps).wrong
    assert beside - beside.max() == pytest.approx(alone - alone.max())


def test_the_first_by_name_repeats_nobody_and_the_others_those_before_them() -> None:
    said = [Hint("c", (2,)), Hint("a", (1,)), Hint("b", (1, 1, 2)), Hint("d", ()), Hint("e", (1,))]
    assert repeated(said) == {"b": 1.0, "c": 0.0, "e": pytest.approx(2 / 3)}


@given(st.lists(st.integers(-3, 12), max_size=5), st.integers(1, 9))
def test_whatever_is_said_the_posterior_is_a_distribution(answers: list[int], steps: int) -> None:
    told = heard_all([judge(*answers)], {"judge": START}, steps)
    nothing = Seen(np.zeros(steps + 1), np.zeros(steps + 1))
    belief = Belief(BROAD, nothing, told)
    assert belief.posterior.sum() == pytest.approx(1.0)
    assert np.isfinite(belief.posterior).all()


def test_one_that_says_nothing_or_is_not_known_changes_nothing() -> None:
    known = {"judge": START}
    assert not heard_all([judge()], known, 5).wrong.any()
    assert not heard_all([judge(7)], known, 5).wrong.any()
    assert not heard_all([Hint("stranger", (2,))], known, 5).wrong.any()


def test_a_tie_is_shared_between_those_named() -> None:
    told = heard_all([judge(1, 3)], {"judge": START}, 5).wrong
    assert told[1 + 1] == pytest.approx(told[1 + 3], abs=0.5)
    assert min(told[2], told[4]) > max(told[3], told[5])


def test_a_trusted_hint_saves_the_rollouts() -> None:
    sure = trusted(clean=0.96, flawed=0.95)
    told = heard_all([judge(4)], {"judge": sure}, 9)
    assert Belief(BROAD, wrong_outcome(9), told).posterior[1 + 4] > 0.9
    facts = {"judge": sure}
    priors = BayesianStrategy(BayesianOptions())._priors
    strategy = BayesianStrategy(
        BayesianOptions(), type(priors)(**vars(priors) | {"reliability": facts})
    )
    search = strategy.start(9, WRONG, Known(hints=(judge(4),)))
    assert search.next() == []
    assert search.finding().first_error == 4
    assert strategy.start(9, WRONG).next()


def test_the_rollouts_own_likelihood_holds_no_hint() -> None:
    """A verdict carries its own evidence alone, so that none is counted twice when it is fused."""
    plain = Bayesian(BayesianOptions(), BROAD, 6, WRONG)
    priors = type(BROAD)(**vars(BROAD) | {"reliability": {"judge": START}})
    hinted = Bayesian(BayesianOptions(), priors, 6, WRONG, Known(hints=(judge(2),)))
    assert hinted.finding().log_likelihood == plain.finding().log_likelihood
    assert hinted.finding().confidence != plain.finding().confidence


def test_trust_is_learned_without_gold() -> None:
    """A judge right on nine flawed solutions of ten, and one that names steps at random; rollouts
    that show where the error is."""
    rng = np.random.default_rng(3)
    pilot = []
    for number in range(300):
        right, wrong = np.zeros(9), np.zeros(9)
        error = -1 if number % 2 else int(rng.integers(8))
        (wrong if error >= 0 else right)[8] = 1
        for prefix in range(8):
            good = error < 0 or prefix <= error
            right[prefix] = rng.binomial(3, 0.7 if good else 0.01)
            wrong[prefix] = 3 - right[prefix]
        said = error if rng.random() < 0.9 else int(rng.integers(-1, 8))
        hints = (judge(said), Hint("dice", (int(rng.integers(-1, 8)),)))
        pilot.append((Seen(right, wrong), hints))
    fitted = fit_priors([seen for seen, _ in pilot], [hints for _, hints in pilot])
    assert fitted.reliability["judge"].flawed[1] == pytest.approx(0.9, abs=0.08)
    assert fitted.reliability["judge"].clean[0] == pytest.approx(0.9, abs=0.08)
    assert fitted.reliability["dice"].flawed[1] < 0.25


def test_a_judge_that_stumbles_over_one_kind_of_step_is_found_out() -> None:
    """It names the step before the last of every third solution without an error; rollouts, and a
    second judge that is mostly right, say that there is none."""
    rng = np.random.default_rng(5)
    pilot = []
    for number in range(600):
        right, wrong = np.zeros(9), np.zeros(9)
        error = -1 if number % 2 else int(rng.integers(8))
        (wrong if error >= 0 else right)[8] = 1
        said = 6 if error < 0 and rng.random() < 1 / 3 else error
        other = error if rng.random() < 0.8 else int(rng.integers(-1, 8))
        pilot.append((Seen(right, wrong), (judge(said), Hint("second", (other,)))))
    found = fit_priors([seen for seen, _ in pilot], [hints for _, hints in pilot])
    assert found.reliability["judge"].clean[4] == pytest.approx(1 / 3, abs=0.08)
    assert max(found.reliability["judge"].clean[1:4]) < 0.03


def test_what_is_learned_survives_json() -> None:
    import json

    strategy = BayesianStrategy(BayesianOptions())
    searches = [PilotSearch(4, WRONG, (), Known(hints=(judge(1),))) for _ in range(5)]
    facts = strategy.learn(searches)
    again = strategy.knowing(json.loads(json.dumps(facts)))
    assert json.loads(json.dumps(again.learn(searches))) == json.loads(json.dumps(facts))
    told = Known(hints=(judge(1),))
    one = again.start(4, WRONG, told).belief().posterior
    two = strategy.knowing(facts).start(4, WRONG, told).belief().posterior
    assert one == pytest.approx(two)


def wrong_outcome(steps: int) -> Seen:
    wrong = np.zeros(steps + 1)
    wrong[-1] = 1
    return Seen(np.zeros(steps + 1), wrong)


def test_hints_and_rollouts_that_contradict_each_other_leave_it_unsure() -> None:
    """A judge that is nearly always right names the second step; every rollout after the fourth is
    right all the same."""
    sure = trusted(clean=0.9, flawed=0.9)
    seen = wrong_outcome(6)
    told = heard_all([judge(1)], {"judge": sure}, 6)
    before = Belief(BROAD, seen, told).posterior
    seen.right[4] += 6
    after = Belief(BROAD, seen, told).posterior
    assert after.sum() == pytest.approx(1.0)
    assert before[2] > 0.9 > after[2]
