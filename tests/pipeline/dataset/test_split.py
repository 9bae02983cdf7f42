"""The split: by problem, on both sides, and steady when the batch grows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset.split import held_out, position

problems = st.dictionaries(st.text(max_size=4), st.booleans(), min_size=2, max_size=30)
shares = st.floats(0.01, 0.99)


@settings(deadline=None)
@given(problems, shares)
def test_neither_side_is_empty(labelled: dict[str, bool], share: float) -> None:
    test = held_out(labelled, share)
    assert test
    assert test < set(labelled)


@settings(deadline=None)
@given(problems, shares)
def test_both_sides_have_labels_where_two_problems_have(
    labelled: dict[str, bool], share: float
) -> None:
    with_label = {problem for problem, known in labelled.items() if known}
    test = held_out(labelled, share)
    if len(with_label) > 1:
        assert test & with_label
    if with_label:
        assert with_label - test


@settings(deadline=None)
@given(problems, shares)
def test_the_order_of_the_problems_does_not_matter(labelled: dict[str, bool], share: float) -> None:
    assert held_out(labelled, share) == held_out(dict(reversed(labelled.items())), share)


def test_a_problem_stays_on_its_side_when_the_batch_grows() -> None:
    small = held_out({f"p{i}": True for i in range(200)}, 0.1)
    large = held_out({f"p{i}": True for i in range(2000)}, 0.1)
    assert small == {problem for problem in large if int(problem[1:]) < 200}
    assert all(position(problem) < 0.1 for problem in large)


def test_no_share_and_a_single_problem_have_no_test_split() -> None:
    assert held_out({"a": True, "b": True}, 0.0) == frozenset()
    assert held_out({"a": True}, 0.5) == frozenset()
