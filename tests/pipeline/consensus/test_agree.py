"""Only agreement makes a label; a contradiction before it takes it back; nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import ConsensusConfig, check_options
from pipeline.consensus.agree import agree
from pipeline.consensus.labels import WRONG_ANSWER
from pipeline.errors import ConfigError
from pipeline.records import Check, Outcome, ProbeCount, Solution, Status, Verdict

STEPS = ("a\n", "b\n", "c\n")
SOLUTION = Solution("s", "p", "q", "1", STEPS, "model", outcome=Outcome.INCORRECT)
RIGHT = replace(SOLUTION, outcome=Outcome.CORRECT)
RULE = {"witnesses": ("rollouts", "judge"), "vetoes": ("arithmetic",)}


def verdict(name: str, first_error: int | None, *contradicted: int) -> Verdict:
    checks = tuple(Check(step, 0, 1, "1 = 2", Status.CONTRADICTED) for step in contradicted)
    return Verdict(
        "s", name, first_error, None if first_error is not None else "why", checks=checks
    )


def label(rollouts: int | None, judge: int | None, *contradicted: int, solution: Solution = RIGHT):
    verdicts = {
        "rollouts": verdict("rollouts", rollouts),
        "judge": verdict("judge", judge),
        "arithmetic": verdict("arithmetic", None, *contradicted),
    }
    return agree(solution, verdicts, **RULE)


FIRST = st.one_of(st.none(), st.integers(-1, 2))


@given(FIRST, FIRST)
def test_kept_exactly_where_both_name_the_same(rollouts: int | None, judge: int | None) -> None:
    found = label(rollouts, judge)
    assert found.kept == (rollouts is not None and rollouts == judge)
    assert (found.reason is None) == found.kept


@given(st.integers(-1, 2), st.integers(0, 2))
def test_a_contradiction_before_the_label_sets_it_aside(first_error: int, step: int) -> None:
    kept = label(first_error, first_error, step).kept
    assert kept == (first_error != -1 and first_error <= step)


def test_no_error_can_not_stand_beside_a_wrong_final_answer() -> None:
    found = label(-1, -1, solution=SOLUTION)
    assert not found.kept
    assert found.reason == WRONG_ANSWER
    one = agree(SOLUTION, {"judge": verdict("judge", -1)}, ["judge"], [])
    assert one.reason == WRONG_ANSWER


@given(st.integers(0, 2), st.sampled_from(Outcome))
def test_a_named_error_stands_whatever_the_final_answer(step: int, outcome: Outcome) -> None:
    assert label(step, step, solution=replace(SOLUTION, outcome=outcome)).first_error == step


def test_no_witness_agrees_with_itself() -> None:
    with pytest.raises(ConfigError, match="witnesses"):
        check_options(ConsensusConfig, {"witnesses": ["judge", "judge"]}, "consensus")


def test_steps_after_the_first_error_are_unknown_not_wrong() -> None:
    assert label(1, 1).step_labels == (1, -1, None)
    assert label(-1, -1).step_labels == (1, 1, 1)
    assert label(0, 1).step_labels == (None, None, None)


def test_a_missing_verdict_is_no_agreement() -> None:
    found = agree(SOLUTION, {"rollouts": verdict("rollouts", 1)}, **RULE)
    assert not found.kept
    assert found.reason == "judge: no verdict yet"


def test_values_are_the_share_of_right_rollouts_after_each_step() -> None:
    probes = (ProbeCount(1, 3, 4), ProbeCount(2, 0, 4), ProbeCount(3, 0, 0, 2))
    verdicts = {"rollouts": Verdict("s", "rollouts", 1, probes=probes)}
    assert agree(SOLUTION, verdicts, **RULE).values == (0.75, 0.0, None)


@pytest.mark.parametrize(
    ("step", "kept"), [(None, True), (-1, True), (2, True), (1, True), (0, False)]
)
def test_a_veto_speaks_by_the_step_it_names_too(step: int | None, kept: bool) -> None:
    verdicts = {"rollouts": verdict("rollouts", 1), "mine": verdict("mine", step)}
    assert agree(RIGHT, verdicts, ("rollouts",), ("mine",)).kept is kept


def test_a_single_witness_lends_the_label_its_confidence() -> None:
    sure = {"rollouts": replace(verdict("rollouts", 1), confidence=0.93)}
    assert agree(RIGHT, sure, ("rollouts",), ()).confidence == 0.93
    both = sure | {"judge": verdict("judge", 1)}
    assert agree(RIGHT, both, ("rollouts", "judge"), ()).confidence is None
