"""The rules say what their papers say, and asking stops only where no vote can change the verdict."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.parsing import Reading
from annotators.votes import RULES, UNREAD, Ballot, Finding, first_error
from pipeline.records import NO_ERROR, Vote

STEPS = 3
SETS = [frozenset(s for s in range(STEPS) if mask >> s & 1) for mask in range(2**STEPS)]
POSSIBLE: list[Reading | None] = [None, NO_ERROR, *range(STEPS), *SETS]
readings = st.sampled_from(POSSIBLE)


def found(rule: str, *votes: Reading | None, needed: int = 1) -> int | None:
    return ballot(rule, votes, len(votes), needed).finding().first_error


def ballot(rule: str, votes, size: int, needed: int = 1) -> Ballot:
    made = Ballot(rule, size, needed, STEPS)
    for reading in votes:
        made.cast(Vote(None if reading is None else first_error(reading), "said"), reading)
    return made


@pytest.mark.parametrize(
    ("rule", "votes", "expected"),
    [
        ("majority", ({0, 2}, {2}, {2}, set()), 2),
        ("majority", ({1}, {1}, {2}, {2}), None),
        ("half", ({1}, {1}, {2}, {2}), 1),
        ("half", ({1}, {1}, set(), set()), 1),
        ("intersection", ({1, 2}, {2}, {0, 2}), 2),
        ("intersection", ({1}, {2}), None),
        ("intersection", (set(), {2}), None),
        ("intersection", (set(), set()), NO_ERROR),
        ("mean", ({1}, {1}, {2}), 1),
        ("mean", ({0}, {1}, {2}), NO_ERROR),
        ("mean", ({1}, {2}), None),
    ],
)
def test_a_rule_of_critiques_of_every_step(rule: str, votes, expected: int | None) -> None:
    assert found(rule, *map(frozenset, votes)) == expected


@pytest.mark.parametrize("rule", ["majority", "half", "intersection"])
def test_objections_to_different_steps_are_never_no_error(rule: str) -> None:
    assert found(rule, frozenset({0}), frozenset({1}), frozenset({2})) is None


def test_a_vote_for_a_first_error_says_nothing_of_the_steps_after_it() -> None:
    scores = ballot("mean", [0, 2, NO_ERROR], 3).finding().scores
    assert scores == (2 / 3, 1.0, 0.5)


@given(st.lists(readings, min_size=1, max_size=6), st.sampled_from(sorted(RULES)))
def test_a_missing_vote_is_the_same_as_none_cast(votes: list, rule: str) -> None:
    cast = [vote for vote in votes if vote is not None]
    assert found(rule, *votes) == found(rule, *cast)
    if not cast:
        assert found(rule, *votes) is None


@given(st.lists(st.sampled_from([NO_ERROR, 0, 1, 2]), min_size=1, max_size=7))
def test_a_majority_of_first_errors_is_more_than_half_that_name_it(votes: list[int]) -> None:
    named = [e for e in set(votes) if 2 * votes.count(e) > len(votes)]
    assert found("majority", *votes) == (named[0] if named else None)


@given(
    st.lists(readings, max_size=5),
    st.integers(1, 2),
    st.integers(1, 5),
    st.sampled_from(sorted(RULES)),
)
def test_asking_stops_only_where_no_votes_can_change_the_verdict(
    votes: list, left: int, needed: int, rule: str
) -> None:
    now = ballot(rule, votes, len(votes) + left, needed)
    if now.left() > 0:
        assert now.left() == left
        return
    verdict = now.finding().first_error
    for rest in product(POSSIBLE, repeat=left):
        assert found(rule, *votes, *rest, needed=needed) == verdict


@given(
    st.lists(readings, max_size=4),
    st.integers(1, 2),
    st.integers(1, 4),
    st.sampled_from(["majority", "half", "intersection"]),
)
def test_asking_goes_on_only_where_some_votes_can(
    votes: list, left: int, needed: int, rule: str
) -> None:
    now = ballot(rule, votes, len(votes) + left, needed)
    verdict = now.finding().first_error
    could = {
        found(rule, *votes, *rest, needed=needed) for rest in product(POSSIBLE, repeat=left)
    } - {verdict}
    assert bool(could) == (now.left() > 0)


def test_two_alike_of_three_settle_a_majority_and_two_unlike_an_intersection() -> None:
    assert ballot("majority", [1, 1], 3, 2).left() == 0
    assert ballot("majority", [1, 2], 3, 2).left() == 1
    assert ballot("intersection", [1, 2], 4, 2).left() == 0
    assert ballot("intersection", [1, 1], 4, 2).left() == 2


def test_a_vote_that_was_read_is_not_called_unread() -> None:
    ballot = Ballot("intersection", 5, 3, 3)
    ballot.cast(Vote(1, "so"), 1)
    ballot.cast(Vote(NO_ERROR, "so"), NO_ERROR)
    assert ballot.left() == 0
    assert ballot.finding() == Finding(None, "the votes call no step wrong together")
    ballot.cast(Vote(None, "?"), None)
    assert ballot.finding() == Finding(None, UNREAD)
