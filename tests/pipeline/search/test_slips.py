"""Where the first wrong step isn't the one that rollouts see: those between it and the fatal one, and a
policy that is lost before it errs. And gold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.search.batches import batches, posteriors
from pipeline.search.belief import ASTRAY, Belief, Seen
from pipeline.search.fit import fit_priors
from pipeline.search.hints import START, Hint, heard_all
from pipeline.search.priors import BROAD, Priors, Slip


def priors_with(**changes: object) -> Priors:
    return Priors(**(vars(BROAD) | changes))  # type: ignore[arg-type]


counts = st.integers(1, 9).flatmap(
    lambda steps: st.tuples(
        *(st.lists(st.integers(0, 9), min_size=steps + 1, max_size=steps + 1) for _ in range(2))
    )
)
slips = st.tuples(*(st.floats(0.01, 1) for _ in range(4))).map(
    lambda weights: Slip(*(one / sum(weights) for one in weights))
)


def seen(both: tuple[list[int], list[int]]) -> Seen:
    right, wrong = (np.array(one, dtype=float) for one in both)
    right[-1] = 0
    wrong[-1] = 1
    return Seen(right, wrong)


@given(counts, slips)
def test_the_posterior_sums_to_one(both: tuple[list[int], list[int]], slip: Slip) -> None:
    belief = Belief(priors_with(slip=slip), seen(both))
    assert belief.posterior.sum() == pytest.approx(1.0)
    assert belief.fatal.sum() == pytest.approx(1.0)
    chances = belief.chances()
    assert ((chances >= 0) & (chances <= 1 + 1e-9)).all()


@given(counts)
def test_none_is_the_same_as_no_slip(both: tuple[list[int], list[int]]) -> None:
    none = Belief(BROAD, seen(both))
    never = Belief(priors_with(slip=Slip(1.0, 1e-15, 1e-15)), seen(both))
    assert never.posterior == pytest.approx(none.posterior, abs=1e-9)
    assert never.fatal == pytest.approx(none.fatal, abs=1e-9)


@given(slips, st.integers(1, 12))
@example(Slip(0.7, 0.1, 0.1, 0.1), 1100)
def test_every_wrong_step_leads_somewhere(slip: Slip, steps: int) -> None:
    assert slip.relation(steps).sum(axis=1) == pytest.approx(np.ones(steps + 1))


def test_a_judge_is_heard_before_the_rollouts_fatal_step_only_where_slips_are_known() -> None:
    """Rollouts say that step 4 is fatal; the judge names step 2."""
    right, wrong = np.zeros(8), np.zeros(8)
    right[[3, 4]], wrong[[5, 6, 7]] = 8, (8, 8, 1)
    told = heard_all([Hint("judge", (2, 2, 2))], {"judge": START}, 7)
    strict = Belief(BROAD, Seen(right, wrong), told).posterior
    slipping = priors_with(slip=Slip(0.6, 0.3, 0.1))
    loose = Belief(slipping, Seen(right, wrong), told).posterior
    assert strict[1 + 2] < 0.05 < loose[1 + 2]


@given(counts, slips, st.integers(0, 8))
def test_without_slips_a_hint_of_the_fatal_step_is_one_of_the_wrong_step(
    both: tuple[list[int], list[int]], slip: Slip, named: int
) -> None:
    rows, trust = seen(both), {"likelihood": START}
    wrong, fatal = (
        heard_all([Hint("likelihood", (named,), of_fatal)], trust, rows.n_steps)
        for of_fatal in (False, True)
    )
    strict = [Belief(BROAD, rows, told).posterior for told in (wrong, fatal)]
    assert strict[0] == pytest.approx(strict[1])
    assert Belief(priors_with(slip=slip), rows, fatal).posterior.sum() == pytest.approx(1.0)


def test_one_that_sees_fatal_steps_alone_takes_little_from_a_judge_that_saw_a_slip() -> None:
    """The answer is right, a judge names step 2, and the answer's likelihood never fell."""
    right, wrong = np.zeros(8), np.zeros(8)
    right[-1] = 1
    trust = {"judge": START, "likelihood": START}
    priors = priors_with(slip=Slip(0.5, 0.1, 0.4))
    of_wrong, of_fatal = (
        Belief(
            priors,
            Seen(right, wrong),
            heard_all([Hint("judge", (2,)), Hint("likelihood", (-1,), fatal)], trust, 7),
        ).posterior[1 + 2]
        for fatal in (False, True)
    )
    assert of_wrong < of_fatal


def simulated(number: int, slip: Slip, seed: int) -> tuple[list[Seen], list[list[Hint]], list[int]]:
    """Two good judges, and rollouts from every prefix that see the fatal step. Where the policy is lost
    before it errs the judges may be, too."""
    rng = np.random.default_rng(seed)
    pilot, hints, truth = [], [], []
    for _ in range(number):
        steps = 8
        wrong = int(rng.integers(-1, steps - 1)) if rng.random() < 0.8 else -1
        kind = rng.choice(4, p=slip)
        fatal = wrong
        if wrong >= 0 and kind == 1:
            fatal = int(rng.integers(wrong + 1, steps))
        elif kind == 2:
            fatal = -1
        elif wrong > 0 and kind == 3:
            sooner = 2.0 ** np.arange(wrong)
            fatal = int(rng.choice(wrong, p=sooner / sooner.sum()))
        good = (fatal < 0) | (np.arange(steps + 1) <= fatal)
        tried = np.full(steps + 1, 6)
        tried[-1] = 1
        chances = np.where(good, 0.8, 0.01)
        chances[-1] = fatal < 0
        right = rng.binomial(tried, chances).astype(float)
        pilot.append(Seen(right, tried - right))
        told = fatal if 0 <= fatal < wrong and rng.random() < ASTRAY else wrong
        said = [told if rng.random() < 0.9 else int(rng.integers(-1, steps)) for _ in range(2)]
        hints.append([Hint("judge", (said[0],)), Hint("second", (said[1],))])
        truth.append(wrong)
    return pilot, hints, truth


def test_em_finds_how_often_rollouts_slip() -> None:
    """An error that is never seen could also be one from which most rollouts recover, so that the two
    are told apart in part only."""
    pilot, hints, _ = simulated(800, Slip(0.7, 0.2, 0.1), 5)
    found = fit_priors(pilot, hints, slips=True).slip
    assert found.later == pytest.approx(0.2, abs=0.04)
    assert found.same == pytest.approx(0.75, abs=0.07)
    assert found.unseen > 0.01


def test_em_finds_how_often_a_policy_is_lost_before_it_errs() -> None:
    pilot, hints, truth = simulated(800, Slip(0.7, 0.0, 0.0, 0.3), 6)
    early = np.mean([one > 0 for one in truth if one >= 0]) * 0.3
    found = fit_priors(pilot, hints, slips=True).slip
    assert found.early == pytest.approx(early, abs=0.05)
    assert found.later < 0.05


def test_judges_are_believed_of_a_step_after_the_rollouts_last_success() -> None:
    """Where a policy is sometimes lost before it errs, failures from good prefixes don't outvote judges."""
    right, wrong = np.zeros(9), np.zeros(9)
    right[:3], wrong[3:] = 6, 6
    told = heard_all(
        [Hint("judge", (4,)), Hint("second", (4,))],
        dict.fromkeys(("judge", "second"), START),
        8,
    )
    strict = Belief(priors_with(), Seen(right, wrong), told).posterior
    loose = Belief(priors_with(slip=Slip(0.7, 0.0, 0.0, 0.3)), Seen(right, wrong), told).posterior
    assert strict.argmax() == 1 + 2
    assert loose.argmax() == 1 + 4


def test_judges_that_name_where_rollouts_begin_to_fail_may_have_gone_astray_with_the_policy() -> (
    None
):
    right, wrong = np.zeros(9), np.zeros(9)
    right[:3], wrong[3:] = 6, 6
    told = heard_all(
        [Hint("judge", (2,)), Hint("second", (2,))],
        dict.fromkeys(("judge", "second"), START),
        8,
    )
    strict = Belief(priors_with(), Seen(right, wrong), told).posterior
    loose = Belief(priors_with(slip=Slip(0.8, 0.0, 0.0, 0.2)), Seen(right, wrong), told)
    assert strict[1 + 2] > loose.posterior[1 + 2] > 0.5
    assert loose.posterior[1 + 3 :].sum() > 0.05
    assert loose.told[1 + 2] > 0.99  # what they tell of, whatever it was


@given(counts, slips, st.integers(-1, 8))
def test_what_hints_tell_of_sums_to_one(
    both: tuple[list[int], list[int]], slip: Slip, named: int
) -> None:
    rows = seen(both)
    told = heard_all(
        [Hint("judge", (min(named, rows.n_steps - 1),))], {"judge": START}, rows.n_steps
    )
    found = Belief(priors_with(slip=slip), rows, told).told
    assert found.min() > -1e-9
    assert found.sum() == pytest.approx(1.0)


def test_without_hints_nothing_slips() -> None:
    pilot, _, _ = simulated(20, Slip(0.7, 0.2, 0.1), 6)
    assert fit_priors(pilot, slips=True).slip == Slip()


def test_gold_teaches_what_the_witnesses_alone_can_not() -> None:
    """One judge that names the step before the first error more often than the error: without gold it
    is believed, with gold it isn't."""
    rng = np.random.default_rng(8)
    pilot, hints, truth = [], [], []
    for _ in range(400):
        wrong = int(rng.integers(1, 8))
        nothing = np.zeros(9)
        ended = nothing.copy()
        ended[-1] = 1
        pilot.append(Seen(nothing, ended))
        hints.append([Hint("judge", (wrong - 1 if rng.random() < 0.8 else wrong,))])
        truth.append(wrong)
    alone = fit_priors(pilot, hints)
    some = [one if number < 200 else None for number, one in enumerate(truth)]
    told = fit_priors(pilot, hints, truth=some)
    assert alone.reliability["judge"].flawed[1] > 0.5
    assert told.reliability["judge"].flawed[1] < 0.4
    best = [int(one.argmax()) - 1 for one in posteriors(pilot[200:], hints[200:], told)]
    assert np.mean(np.array(best) == truth[200:]) > 0.4


@pytest.mark.parametrize("most", [None, 1, 3])
def test_batches_hold_each_solution_once(most: int | None) -> None:
    lengths = [3, 5, 3, 4, 3, 5, 3]
    pilot = [Seen(np.full(n + 1, float(row)), np.zeros(n + 1)) for row, n in enumerate(lengths)]
    found = list(batches(pilot, most=most))
    assert sorted(row for batch in found for row in batch.rows) == list(range(len(lengths)))
    for batch in found:
        assert len(batch.rows) <= (most or len(lengths))
        assert batch.seen.right[:, 0].tolist() == batch.rows.tolist()


def test_one_at_a_time_or_all_at_once_is_the_same() -> None:
    pilot, hints, _ = simulated(40, Slip(0.7, 0.2, 0.1), 9)
    priors = fit_priors(pilot, hints, slips=True, rounds=3)
    together = posteriors(pilot, hints, priors)
    for number, of_one in enumerate(together):
        (alone,) = posteriors([pilot[number]], [hints[number]], priors)
        assert of_one == pytest.approx(alone, abs=1e-12)
        told = heard_all(hints[number], priors.reliability, pilot[number].n_steps)
        assert alone == pytest.approx(Belief(priors, pilot[number], told).posterior)
