"""How far each witness is to be trusted is learned from the verdicts, and copies are found out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consensus.evidence import Evidence, posteriors_of
from pipeline.consensus.learning import Learned, learned_from, threshold_for
from pipeline.records import NO_ERROR
from pipeline.search.belief import Seen
from pipeline.search.hints import Hint
from tests.benchmarks.consensus.rules import COUNTING, Weighed, weighed
from tests.benchmarks.consensus.world import (
    DEGENERATE,
    World,
    copy_of_judge,
    draw,
    half_a_copy,
    tinymath_judge,
)

NUMBER = 1000
PANEL = ("rollouts", "judge", "second", "arithmetic")


@pytest.fixture(scope="module")
def world() -> World:
    judges = {"judge": tinymath_judge, "second": tinymath_judge, **DEGENERATE}
    return draw(NUMBER, judges, seed=1)


def rows_of(world: World, names: tuple[str, ...]) -> list[Evidence]:
    return [Evidence.of(item, names, COUNTING) for item in world.items]


def learned(world: World, names: tuple[str, ...]) -> Learned:
    return learned_from(rows_of(world, names), [None] * NUMBER, COUNTING, 0.95)


def test_what_two_independent_judges_are_worth_is_learned_without_gold(world: World) -> None:
    found = learned(world, PANEL)
    assert found.identified
    flawed = world.truth != NO_ERROR
    named = [item.verdicts["judge"].first_error for item in world.items]
    right = np.array(named) == world.truth
    for name in ("judge", "second"):
        of_clean, of_flawed = found.right[name]
        assert of_clean == pytest.approx(right[~flawed].mean(), abs=0.08)
        assert of_flawed == pytest.approx(right[flawed].mean(), abs=0.12)
        assert found.priors.reliability[name].own > 0.75


def test_a_copied_judge_adds_nothing(world: World) -> None:
    one = learned(world, ("rollouts", "judge"))
    names = ("rollouts", "judge", "copies the judge")
    two = learned(world, names)
    assert two.priors.reliability["judge"].own < 0.05
    assert two.right["judge"] == pytest.approx(two.right["copies the judge"], abs=1e-9)
    alone = posteriors_of(rows_of(world, names[:2]), one.priors)
    both = posteriors_of(rows_of(world, names), two.priors)
    same = [a.argmax() == b.argmax() for a, b in zip(alone, both, strict=True)]
    assert np.mean(same) > 0.98
    assert np.mean([abs(a.max() - b.max()) for a, b in zip(alone, both, strict=True)]) < 0.02


def test_a_judge_that_repeats_every_second_answer_is_found_out() -> None:
    judges = {"judge": tinymath_judge, "second": half_a_copy}
    found = learned(draw(NUMBER, judges, seed=1), ("rollouts", "judge", "second"))
    assert found.priors.reliability["second"].own == pytest.approx(0.5, abs=0.1)


@pytest.fixture(scope="module")
def without(world: World) -> Weighed:
    return weighed(world.items, world.truth, PANEL, world.items)


@pytest.mark.parametrize("name", DEGENERATE)
def test_a_bad_judge_costs_little_and_is_known_for_what_it_is(
    world: World, without: Weighed, name: str
) -> None:
    beside = weighed(world.items, world.truth, (*PANEL, name), world.items)
    for share in (0.5, 0.85):
        lost = (
            without.right[without.surest(share)].mean() - beside.right[beside.surest(share)].mean()
        )
        assert lost <= 0.02
    of_clean, of_flawed = beside.learned.right[name]
    if name == "answers at random":
        assert max(of_clean, of_flawed) < 0.4
    elif name == "always says no error":
        assert of_clean > 0.9 > 0.1 > of_flawed
    elif name == "is right one time in five":
        assert max(of_clean, of_flawed) < 0.4
    else:
        own = beside.learned.priors.reliability["judge"].own
        assert own < 0.1  # by name it comes before the one it copies


def test_how_far_one_judge_can_be_trusted_is_not_identified(world: World) -> None:
    """Does it sound false alarms, or see what rollouts can't? Nobody else can say."""
    assert not learned(world, ("rollouts", "judge", "arithmetic")).identified


def test_gold_identifies_and_makes_what_is_stated_true(world: World) -> None:
    names = ("rollouts", "judge", "arithmetic")
    known = [int(one) if row % 3 == 0 else None for row, one in enumerate(world.truth)]
    found = learned_from(rows_of(world, names), known, COUNTING, 0.95)
    assert found.identified
    posteriors = posteriors_of(rows_of(world, names), found.priors)
    others = [row for row in range(NUMBER) if row % 3]
    stated = np.mean([found.sure(posteriors[row]) for row in others])
    right = np.mean([posteriors[row].argmax() + NO_ERROR == world.truth[row] for row in others])
    assert stated == pytest.approx(right, abs=0.025)


def test_a_pilot_of_none_learns_what_a_fit_starts_from() -> None:
    found = learned_from([], [], (), 0.9)
    assert (found.kept, found.threshold) == (0.0, 0.9)
    assert found.identified


sure = st.lists(st.floats(0.05, 1).map(lambda one: round(one, 2)), min_size=1, max_size=60)


@given(sure, st.floats(0.1, 0.99))
def test_the_most_is_kept_whose_mean_confidence_is_the_precision(
    confidences: list[float], precision: float
) -> None:
    ranked = np.array(confidences)
    threshold, kept = threshold_for(ranked, precision)
    chosen = ranked >= threshold
    if kept:
        assert chosen.mean() == pytest.approx(kept)
        assert ranked[chosen].mean() >= precision - 1e-12
        more = ranked >= max((one for one in ranked if one < threshold), default=2.0)
        assert not more.any() or ranked[more].mean() < precision
    else:
        assert ranked[ranked == ranked.max()].mean() < precision


def test_a_target_below_what_all_reach_does_not_bind(world: World) -> None:
    rows = rows_of(world, PANEL)[:600]
    low, high = (learned_from(rows, [None] * 600, COUNTING, p) for p in (0.5, 0.985))
    assert (low.binding, low.kept) == (False, 1.0)
    assert high.binding
    assert high.kept < 1.0
    assert high.stated >= 0.985
    assert high.threshold > low.threshold


def test_gold_rows_are_taken_at_their_word(world: World) -> None:
    """A judge that names a step too early in every solution, and no rollouts: gold tells."""
    rows, truth = [], []
    rng = np.random.default_rng(4)
    for _ in range(300):
        ended, wrong = np.zeros(9), int(rng.integers(1, 8))
        ended[-1] = 1
        rows.append(Evidence(Seen(np.zeros(9), ended), (Hint("judge", (wrong - 1,) * 3),)))
        truth.append(wrong)
    some = [one if number < 150 else None for number, one in enumerate(truth)]
    _, alone = learned_from(rows, [None] * 300, (), 0.5).right["judge"]
    told = learned_from(rows, some, (), 0.5)
    assert told.right["judge"][1] < 0.1 < alone


def test_a_copy_is_a_copy_by_its_answers() -> None:
    one = draw(20, {"judge": tinymath_judge, "again": copy_of_judge})
    for item in one.items:
        one_said, other_said = (
            sorted(vote.first_error or 0 for vote in item.verdicts[name].votes)
            for name in ("judge", "again")
        )
        assert one_said == other_said
