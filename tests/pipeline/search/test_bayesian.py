"""The posterior is a distribution whatever is seen, moves the right way, and names only what is sure."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Outcome, ProbeCount
from pipeline.search.bayesian import Bayesian, BayesianOptions
from pipeline.search.belief import Belief, Seen
from pipeline.search.fit import fit_priors
from pipeline.search.priors import BROAD, FLAWED_DRIFTS, NO_LUCK, RECOVERIES, VALUES, Priors
from pipeline.search.protocol import Known

RIGHT, WRONG = Outcome.CORRECT, Outcome.INCORRECT


@st.composite
def seen_rollouts(draw: st.DrawFn) -> Seen:
    steps = draw(st.sampled_from([1, 2, 3, 7, 200]))
    count = st.integers(0, 30)
    right = draw(st.lists(count, min_size=steps + 1, max_size=steps + 1))
    wrong = draw(st.lists(count, min_size=steps + 1, max_size=steps + 1))
    return Seen(np.array(right, dtype=float), np.array(wrong, dtype=float))


def start(steps: int, outcome: Outcome = WRONG, **options: float) -> Bayesian:
    return Bayesian(BayesianOptions(**options), BROAD, steps, outcome)


def drive(search: Bayesian, chance, rng: random.Random) -> int:
    taken = 0
    while probes := search.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                taken += 1
                lucky = rng.random() < chance(probe.prefix)
                search.observe(probe.prefix, RIGHT if lucky else WRONG)
    return taken


@settings(deadline=None)
@given(seen_rollouts())
def test_whatever_is_seen_the_posterior_is_a_distribution(seen: Seen) -> None:
    belief = Belief(BROAD, seen)
    assert belief.posterior.shape == (seen.n_steps + 1,)
    assert belief.posterior.sum() == pytest.approx(1.0)
    assert np.isfinite(belief.log_likelihood).all()
    assert np.isfinite(belief.information()).all()


@settings(deadline=None)
@given(seen_rollouts(), st.data())
def test_a_success_later_never_speaks_for_an_earlier_error(seen: Seen, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, seen.n_steps - 1))
    more = Seen(seen.right.copy(), seen.wrong)
    more.right[at] += 1
    before, after = Belief(BROAD, seen), Belief(BROAD, more)
    chances = before.chances()
    gain = after.log_likelihood - before.log_likelihood
    assert gain == pytest.approx(np.log(chances[:, at]), abs=1e-6)


def test_the_order_of_what_is_seen_does_not_matter() -> None:
    rng = random.Random(4)
    observed = [(rng.randrange(8), rng.choice(list(Outcome))) for _ in range(40)]
    one, other = start(8), start(8)
    for prefix, outcome in observed:
        one.observe(prefix, outcome)
    for prefix, outcome in reversed(observed):
        other.observe(prefix, outcome)
    assert one.belief().posterior == pytest.approx(other.belief().posterior)


@pytest.mark.parametrize("error", range(8))
def test_a_strong_policy_without_luck_finds_every_place(error: int) -> None:
    search = start(8, confidence=0.75)
    taken = drive(search, lambda t: 0.98 if t <= error else 0.0, random.Random(error))
    assert search.finding().first_error == error
    assert taken < 40


def test_a_policy_that_never_succeeds_ends_in_an_abstention() -> None:
    search = start(8)
    drive(search, lambda t: 0.0, random.Random(0))
    found = search.finding()
    assert found.first_error in (None, 0)
    assert found.log_likelihood is not None
    assert len(found.log_likelihood) == 9


def test_a_policy_that_always_succeeds_names_the_last_step_or_none() -> None:
    search = start(8)
    drive(search, lambda t: 1.0, random.Random(0))
    assert search.finding().first_error in (None, 7)


def test_a_search_that_asks_ahead_needs_fewer_rounds_and_hardly_more_rollouts() -> None:
    def run(ahead: float) -> tuple[int, int]:
        rounds = taken = 0
        for error in [*range(8)] * 5:
            search, asked = start(8, confidence=0.97, ahead=ahead), 0
            while probes := search.next():
                rounds += 1
                assert sum(p.rollouts for p in probes) <= max(2, ahead * asked)
                for probe in probes:
                    for _ in range(probe.rollouts):
                        asked += 1
                        right = rng.random() < (0.6 if probe.prefix <= error else 0.05)
                        search.observe(probe.prefix, RIGHT if right else WRONG)
            taken += asked
        return rounds, taken

    rng = random.Random(1)
    (rounds, taken), (fewer, hardly_more) = run(0.0), run(0.5)
    assert fewer < 0.7 * rounds
    assert hardly_more < 1.15 * taken


def test_what_one_probe_may_settle_is_asked_for_alone() -> None:
    rng, alone, several = random.Random(2), 0, 0
    for _ in range(40):
        search = start(8, confidence=0.9, ahead=1.0)
        for _ in range(rng.randrange(6, 30)):
            prefix = rng.randrange(8)
            search.observe(prefix, RIGHT if prefix <= 3 and rng.random() < 0.7 else WRONG)
        likeliest = int(search.belief().posterior.argmax()) - 1
        if not (probes := search.next()):
            continue
        for _ in range(probes[0].rollouts):
            search.observe(probes[0].prefix, RIGHT if probes[0].prefix <= likeliest else WRONG)
        settled = search.belief().posterior.max() >= 0.9
        assert len(probes) == 1 or not settled
        alone, several = alone + settled, several + (len(probes) > 1)
    assert alone > 2
    assert several > 2


def test_undecided_rollouts_are_no_evidence_and_end_at_the_budget() -> None:
    search = start(6, budget=5.0)
    before = search.belief().posterior
    taken = 0
    while probes := search.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                taken += 1
                search.observe(probe.prefix, Outcome.UNDECIDED)
    assert search.belief().posterior == pytest.approx(before)
    assert search.finding().first_error is None
    assert 0 < taken < 40


def test_an_undecided_solution_is_not_searched() -> None:
    search = start(6, Outcome.UNDECIDED)
    assert search.next() == []
    assert search.finding().first_error is None


def test_one_step_needs_no_rollout() -> None:
    search = start(1)
    assert search.next() == []
    assert search.finding().first_error == 0


def test_a_right_solution_may_still_hold_an_error() -> None:
    search = start(6, RIGHT, confidence=0.9)
    for prefix, outcome in ((2, RIGHT), (2, RIGHT), (2, RIGHT)):
        search.observe(prefix, outcome)
    for prefix in (3, 4, 5):
        for _ in range(6):
            search.observe(prefix, WRONG)
    assert search.finding().first_error == 2


def test_luck_is_told_from_goodness() -> None:
    """One success after the error among many failures doesn't move it, as it moves bisection."""
    search = start(8)
    for _ in range(6):
        search.observe(2, RIGHT)
        search.observe(3, WRONG)
        search.observe(4, WRONG)
    search.observe(4, RIGHT)
    assert int(search.belief().posterior.argmax()) - 1 == 2


def test_the_siblings_tell_how_strong_the_policy_is_here() -> None:
    """Rollouts that fail after the second step speak for an early error only if others succeed."""

    def early(right: int, decided: int) -> float:
        search = Bayesian(BayesianOptions(), BROAD, 8, WRONG, Known(ProbeCount(0, right, decided)))
        for _ in range(4):
            search.observe(2, WRONG)
        return float(search.belief().posterior[1:3].sum())

    assert early(15, 15) > early(8, 15) > early(0, 15)
    assert early(15, 15) > 0.9


@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_the_priors_are_learned_from_a_pilot(drift: float) -> None:
    """Right and wrong solutions as often as they come: v 0.7, q 0.3, every error at the third step."""
    rng = np.random.default_rng(0)
    pilot = []
    for number in range(1000):
        right, wrong = np.zeros(7), np.zeros(7)
        clean = number % 10 < 7
        (right if clean else wrong)[6] = 1
        for prefix in range(6):
            good = clean or prefix <= 2
            right[prefix] = rng.binomial(4, 0.7 ** (((6 - prefix) / 6) ** drift) if good else 0.3)
            wrong[prefix] = 4 - right[prefix]
        pilot.append(Seen(right, wrong))
    fitted: Priors = fit_priors(pilot)
    assert np.array(fitted.recovery) @ RECOVERIES == pytest.approx(0.3, abs=0.06)
    assert np.array(fitted.value) @ VALUES == pytest.approx(0.7, abs=0.06)
    often = fitted.places[-1]  # of solutions whose policy often succeeds, as it does here
    assert sum(often[3:5]) > 1.5 * sum(often[:3] + often[5:]) / 4
    assert fitted.drift == pytest.approx(drift, abs=0.5)


def test_a_prefix_that_never_answers_is_left_for_others() -> None:
    """Rollouts from the late prefixes are cut by the length limit each time."""
    search = start(20, confidence=0.8)
    rounds = 0
    while probes := search.next():
        rounds += 1
        for probe in probes:
            good = RIGHT if probe.prefix <= 5 else WRONG
            for _ in range(probe.rollouts):
                search.observe(probe.prefix, Outcome.UNDECIDED if probe.prefix >= 15 else good)
    assert search.finding().first_error == 5
    assert all(c.undecided <= 4 for c in search.counts)
    assert rounds < 40


def test_it_says_how_sure_it_is_and_why_it_is_not() -> None:
    search = start(6, confidence=0.9)
    drive(search, lambda t: 0.95 if t <= 2 else 0.0, random.Random(1))
    found = search.finding()
    assert found.first_error == 2
    assert found.confidence is not None
    assert 0.9 <= found.confidence <= 1
    stuck = start(6)
    while probes := stuck.next():
        for probe in probes:
            for _ in range(probe.rollouts):
                stuck.observe(probe.prefix, Outcome.UNDECIDED)
    assert "too many undecided rollouts" in str(stuck.finding().reason)


@pytest.mark.parametrize("steps", [None, 1, 6])
def test_a_pilot_that_tells_nothing_leaves_the_drift_as_it_was(steps: int | None) -> None:
    nothing = [] if steps is None else [Seen(np.zeros(steps + 1), np.zeros(steps + 1))] * 20
    assert fit_priors(nothing).drift == BROAD.drift


def test_many_solutions_at_once_are_each_what_they_are_alone() -> None:
    rng = np.random.default_rng(0)
    right, wrong = rng.integers(0, 4, (5, 9)), rng.integers(0, 4, (5, 9))
    together = Belief(BROAD, Seen(right.astype(float), wrong.astype(float)))
    for row in range(5):
        alone = Belief(BROAD, Seen(right[row].astype(float), wrong[row].astype(float)))
        assert together.posterior[row] == pytest.approx(alone.posterior)
        assert together.information()[row] == pytest.approx(alone.information())


def test_flawed_solutions_have_chances_of_their_own() -> None:
    """Clean ones succeed more often the less is left; flawed ones wait for one hard step."""
    rng = np.random.default_rng(1)
    pilot = []
    for number in range(400):
        right, wrong = np.zeros(9), np.zeros(9)
        clean = number % 4 > 0
        (right if clean else wrong)[8] = 1
        for prefix in range(8):
            bad = 0.02 if prefix > 4 else 0.35
            right[prefix] = rng.binomial(4, 0.8 ** ((8 - prefix) / 8) if clean else bad)
            wrong[prefix] = 4 - right[prefix]
        pilot.append(Seen(right, wrong))
    fitted = fit_priors(pilot)
    assert fitted.clean == pytest.approx(0.75, abs=0.03)
    flawed = np.array(fitted.flawed)
    assert flawed.sum(axis=0) @ FLAWED_DRIFTS < fitted.drift
    assert np.array(fitted.value) @ VALUES == pytest.approx(0.8, abs=0.05)
    assert flawed.sum(axis=1) @ VALUES == pytest.approx(0.35, abs=0.08)


@pytest.mark.parametrize("ends", [True, False])
def test_whether_luck_ends_before_the_last_step_is_learned(ends: bool) -> None:
    """Four in ten recover from any wrong prefix, but where luck ends not from the last."""
    rng = np.random.default_rng(2)
    pilot = []
    for number in range(300):
        right, wrong = np.zeros(9), np.zeros(9)
        clean = number % 3 == 0
        (right if clean else wrong)[8] = 1
        for prefix in range(8):
            lucky = 0.0 if ends and prefix == 7 else 0.4
            good = clean or prefix <= number % 6
            right[prefix] = rng.binomial(4, 0.8 if good else lucky)
            wrong[prefix] = 4 - right[prefix]
        pilot.append(Seen(right, wrong))
    fitted = fit_priors(pilot)
    assert fitted.ends > 0.7 if ends else fitted.ends < 0.3
    assert np.array(fitted.recovery) @ RECOVERIES == pytest.approx(0.4, abs=0.06)


def test_luck_that_ends_at_the_last_step_is_no_second_error() -> None:
    right = np.array([14.0, 14, 15, 14, 7, 6, 7, 0, 0])
    seen = Seen(right, np.where(np.arange(9) < 8, 16 - right, 1))
    ending, lasting = (Belief(replace(BROAD, ends=ends), seen) for ends in (0.2, 0.0))
    assert ending.posterior.argmax() == 4
    assert lasting.posterior[4] < ending.posterior[4]
    assert ending.chances()[4, 6] == pytest.approx(0.4, abs=0.05)
    assert ending.chances()[4, 7] == pytest.approx(NO_LUCK, abs=0.01)


def test_each_flawed_solution_has_a_drift_of_its_own() -> None:
    """One that waits for a hard step, and one whose chance rises: both are seen to fail at the end."""
    waiting, rising = np.full(9, 8.0), 16 * 0.5 ** ((8 - np.arange(9)) / 8)
    for right in (waiting, rising):
        right[7:] = 0
        seen = Seen(right, np.where(np.arange(9) < 8, 16 - right, 1))
        assert Belief(BROAD, seen).posterior[7] > 0.8


@pytest.mark.parametrize("steps", [1, 2, 7, 200])
@pytest.mark.parametrize("outcome", [RIGHT, WRONG])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_every_search_ends_in_a_finding_or_says_why_not(
    steps: int, outcome: Outcome, chance: float
) -> None:
    """A gold answer that is wrong looks like a policy that never succeeds; one that anything meets,
    like a policy that always does; rollouts that don't mind the prefix contradict every error."""
    search = start(steps, outcome)
    drive(search, lambda prefix: chance, random.Random(steps))
    found = search.finding()
    assert found.log_likelihood is not None
    assert len(found.log_likelihood) == steps + 1
    assert np.isfinite(found.log_likelihood).all()
    assert found.confidence is not None
    assert (found.first_error is None) == (found.confidence < 0.85)
    assert (found.first_error is None) == (found.reason is not None)
