"""What every rule does alike: a label, a solution set aside, and what can't stand."""

from __future__ import annotations

import pytest

from pipeline.config import ConsensusConfig
from pipeline.consensus import LearningRule, each, make_rule
from pipeline.consensus.labels import label_of, objection, set_aside
from pipeline.consensus.veto import veto
from pipeline.errors import ConfigError
from pipeline.join import Annotated
from pipeline.records import ProbeCount, Verdict
from tests.pipeline.consensus.test_agree import RIGHT, verdict


def test_both_keep_the_rollouts_values_and_the_confidence() -> None:
    verdicts = {"rollouts": Verdict("s", "rollouts", 1, probes=(ProbeCount(1, 3, 4),))}
    kept = label_of(RIGHT, verdicts, 1, ["rollouts"], 0.9)
    aside = set_aside(RIGHT, verdicts, "why", 0.4)
    assert kept.values == aside.values == (0.75, None, None)
    assert (kept.confidence, aside.confidence) == (0.9, 0.4)
    assert (kept.step_labels, aside.step_labels) == ((1, -1, None), (None, None, None))
    assert (kept.reason, aside.reason) == (None, "why")


def test_the_first_veto_that_objects_is_named() -> None:
    verdicts = {"one": verdict("one", None), "two": verdict("two", None, 0)}
    assert objection(RIGHT, verdicts, ("one", "two"), 1) == "two: contradicts an earlier step"
    assert objection(RIGHT, verdicts, ("one",), 1) is None


def test_rules_are_found_by_name_and_those_that_learn_are_told_the_precision() -> None:
    for name in ("agree", "majority", "veto"):
        assert not isinstance(make_rule(ConsensusConfig(rule=name)), LearningRule)
    assert isinstance(make_rule(ConsensusConfig(rule="posterior", precision=0.9)), LearningRule)
    with pytest.raises(ConfigError, match="did you mean 'posterior'"):
        make_rule(ConsensusConfig(rule="posterier"))


def test_a_rule_for_one_solution_labels_many() -> None:
    items = [Annotated(RIGHT, {"judge": verdict("judge", one)}, None) for one in (1, None, 2)]
    found = each(veto)(items, ("judge",), ())
    assert [one.first_error for one in found] == [1, None, 2]
