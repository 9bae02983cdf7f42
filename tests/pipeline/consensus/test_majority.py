"""More than half of the witnesses asked make a label, whoever was silent; a veto takes it back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consensus.labels import WRONG_ANSWER
from pipeline.consensus.majority import majority
from pipeline.records import Label
from tests.pipeline.consensus.test_agree import RIGHT, SOLUTION, verdict

NAMES = ("rollouts", "judge", "second")


def label(*named: int | None, solution=RIGHT, contradicted: tuple[int, ...] = ()) -> Label:
    verdicts = {name: verdict(name, one) for name, one in zip(NAMES, named, strict=False)}
    verdicts["arithmetic"] = verdict("arithmetic", None, *contradicted)
    return majority(solution, verdicts, NAMES, ("arithmetic",))


@given(st.lists(st.one_of(st.none(), st.integers(-1, 2)), min_size=3, max_size=3))
def test_kept_exactly_where_two_of_three_name_the_same(named: list[int | None]) -> None:
    found = label(*named)
    twice = [one for one in set(named) if one is not None and named.count(one) >= 2]
    assert found.first_error == (twice[0] if twice else None)
    assert (found.reason is None) == found.kept


def test_a_silent_witness_counts_against_a_majority() -> None:
    assert not label(1, None, None).kept
    assert not label(1).kept
    assert label(1, 1, None).agreed == ("rollouts", "judge")


@pytest.mark.parametrize(("step", "kept"), [(0, False), (1, True), (2, True)])
def test_a_contradiction_before_it_takes_it_back(step: int, kept: bool) -> None:
    assert label(1, 1, 2, contradicted=(step,)).kept is kept


def test_no_error_can_not_stand_beside_a_wrong_final_answer() -> None:
    assert label(-1, -1, 2, solution=SOLUTION).reason == WRONG_ANSWER
