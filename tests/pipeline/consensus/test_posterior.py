"""The posterior labels what is sure enough, says why it leaves the rest, and depends on no order."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from pipeline.consensus.learning import Learned
from pipeline.consensus.posterior import UNIDENTIFIED, KnowingPosterior, PosteriorRule
from pipeline.records import Label, Outcome
from pipeline.search.priors import BROAD
from tests.benchmarks.consensus.world import World, draw, tinymath_judge

WITNESSES = ("rollouts", "judge", "second", "arithmetic")


@pytest.fixture(scope="module")
def world() -> World:
    return draw(1000, {"judge": tinymath_judge, "second": tinymath_judge}, seed=2)


@pytest.fixture(scope="module")
def facts(world: World) -> dict[str, object]:
    return PosteriorRule(0.97).learn(world.items, WITNESSES, {})


def labels(facts: dict[str, object], world: World, vetoes: tuple[str, ...] = ()) -> list[Label]:
    return PosteriorRule(0.97).knowing(facts)(world.items, WITNESSES, vetoes)


def test_labels_are_kept_from_the_threshold_on(facts: dict[str, object], world: World) -> None:
    found = labels(facts, world)
    assert {one.kept for one in found} == {True, False}
    for one in found:
        assert one.confidence is not None
        assert one.kept == (one.confidence >= facts["threshold"])  # type: ignore[operator]
        assert one.kept or one.reason == "not sure enough for a precision of 0.97"
    kept = [one.confidence for one in found if one.kept]
    assert np.mean(kept) >= 0.97  # type: ignore[arg-type]
    assert len(kept) / len(found) == pytest.approx(facts["kept"])


def test_they_are_mostly_right(facts: dict[str, object], world: World) -> None:
    found = labels(facts, world)
    right = [
        one.first_error == true for one, true in zip(found, world.truth, strict=True) if one.kept
    ]
    assert np.mean(right) > 0.93


def test_neither_the_order_nor_the_company_matters(facts: dict[str, object], world: World) -> None:
    whole = labels(facts, world)
    turned = labels(facts, World(world.items[::-1], world.truth[::-1]))
    assert turned[::-1] == whole
    alone = [labels(facts, World([item], world.truth[:1]))[0] for item in world.items[:30]]
    assert alone == whole[:30]


def test_where_nothing_was_heard_nothing_is_said_to_be_learned() -> None:
    rule = PosteriorRule(0.97)
    (told,) = rule.about(rule.learn([], WITNESSES, {}))
    assert "nothing to learn from" in told


def test_learning_depends_on_no_order_of_the_witnesses(world: World) -> None:
    some = world.items[:150]
    one = PosteriorRule(0.9).learn(some, WITNESSES, {})
    two = PosteriorRule(0.9).learn(some, WITNESSES[::-1], {})
    assert one["threshold"] == pytest.approx(two["threshold"])
    assert one["stated"] == pytest.approx(two["stated"])


def test_what_is_learned_survives_json(facts: dict[str, object], world: World) -> None:
    assert labels(json.loads(json.dumps(facts)), world) == labels(facts, world)


def test_those_that_name_the_step_agreed(facts: dict[str, object], world: World) -> None:
    for item, label in zip(world.items, labels(facts, world), strict=True):
        for name in label.agreed:
            assert item.verdicts[name].first_error == label.first_error


def test_a_fit_that_is_not_identified_labels_nothing_and_asks_for_gold(world: World) -> None:
    unsure = Learned(BROAD, ("rollouts",), 0.0, 1.0, 0.99, False, 0.02)
    found = KnowingPosterior(0.9, unsure)(world.items, WITNESSES, ())
    assert not any(one.kept for one in found)
    assert {one.reason for one in found} == {UNIDENTIFIED}
    assert "consensus.gold" in UNIDENTIFIED


def test_what_a_check_contradicts_is_set_aside_however_sure(world: World) -> None:
    believing = Learned(BROAD, (), 0.0, 1.0, 0.99, False, 0.0)
    item = next(i for i in world.items if i.solution.outcome is Outcome.CORRECT)
    (kept,) = KnowingPosterior(0.9, believing)([item], WITNESSES, ())
    assert kept.first_error == -1
    contradicted = next(i for i in world.items if i.verdicts["arithmetic"].checks)
    checks = replace(contradicted.verdicts["arithmetic"], solution_id=item.solution.id)
    contrary = replace(item, verdicts=item.verdicts | {"arithmetic": checks})
    (aside,) = KnowingPosterior(0.9, believing)([contrary], ("rollouts",), ("arithmetic",))
    assert aside.reason == "arithmetic: contradicts an earlier step"


def test_gold_of_a_pilot_changes_what_is_learned(world: World) -> None:
    some = world.items[:150]
    gold = {item.solution.id: 0 for item in some}
    told = PosteriorRule(0.9).learn(some, WITNESSES, gold)
    assert told["priors"] != PosteriorRule(0.9).learn(some, WITNESSES, {})["priors"]


def test_it_says_what_it_learned_and_whether_the_target_binds(facts: dict[str, object]) -> None:
    told = PosteriorRule(0.97).about(facts)
    assert any(line.startswith("second is right of") for line in told)
    assert "sure enough for a precision of 0.97: those of a confidence" in told[-1]
    every = PosteriorRule(0.5).about(facts | {"binding": False, "kept": 1.0})
    assert every[-1].endswith("it is not binding")
    assert PosteriorRule(0.5).about(facts | {"spread": 0.02})[-1] == UNIDENTIFIED


def test_facts_are_plain_data(facts: dict[str, object]) -> None:
    assert {"threshold", "kept", "stated", "binding", "spread", "priors"} <= facts.keys()
    assert asdict(BROAD).keys() == facts["priors"].keys()  # type: ignore[attr-defined]
