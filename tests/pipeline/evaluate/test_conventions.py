"""Label conventions: every first error goes there and back, and what can't be meant is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.evaluate.conventions import CONVENTIONS, convention

solutions = st.integers(1, 40).flatmap(
    lambda steps: st.tuples(st.integers(-1, steps - 1), st.just(steps))
)


@pytest.mark.parametrize("name", CONVENTIONS)
@given(solutions)
def test_every_first_error_goes_there_and_back(name: str, solution: tuple[int, int]) -> None:
    first_error, steps = solution
    known = convention(name)
    assert known.read(known.write(first_error, steps), steps) == first_error


@given(solutions)
def test_conventions_name_the_same_step(solution: tuple[int, int]) -> None:
    first_error, steps = solution
    one_based = CONVENTIONS["one_based"].write(first_error, steps)
    ratings = CONVENTIONS["prm800k"].write(first_error, steps)
    assert one_based == (first_error + 1 if first_error >= 0 else -1)
    assert len(ratings) == (first_error + 1 if first_error >= 0 else steps)


@given(solutions, st.data())
def test_ratings_after_the_first_error_say_nothing(
    solution: tuple[int, int], data: st.DataObject
) -> None:
    first_error, steps = solution
    ratings = CONVENTIONS["prm800k"].write(first_error, steps)
    left = steps - len(ratings)
    ratings += data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=left, max_size=left))
    assert CONVENTIONS["prm800k"].read(ratings, steps) == first_error


@given(st.lists(st.integers(1, 30), min_size=1))
def test_of_a_list_of_wrong_steps_the_first_counts(steps: list[int]) -> None:
    assert CONVENTIONS["one_based"].read(steps, 30) == min(steps) - 1


@pytest.mark.parametrize("value", ["N/A", "none", -1, "-1", [], -1.0])
def test_one_based_files_have_several_ways_to_say_none(value: Any) -> None:
    assert CONVENTIONS["one_based"].read(value, 3) == -1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("one_based", 0, "is this file 0-based"),
        ("one_based", [2, 0], "begin with 1"),
        ("one_based", "", "whole number"),
        ("one_based", "  ", "whole number"),
        ("one_based", 5, "has 4 steps"),
        ("processbench", 4, "has 4 steps"),
        ("processbench", -2, "should be -1"),
        ("processbench", True, "whole number"),
        ("processbench", 1.5, "whole number"),
        ("processbench", float("nan"), "whole number"),
        ("processbench", float("inf"), "whole number"),
        ("processbench", "two", "whole number"),
        ("processbench", 10**400, "whole number"),
        ("processbench", 1e300, "whole number"),
        ("processbench", "--3", "whole number"),
        ("one_based", "9" * 5000, "whole number"),
        ("processbench", [1], "whole number"),
        ("prm800k", [1, 1], "2 ratings without a -1, for 4 steps"),
        ("prm800k", [], "0 ratings"),
        ("prm800k", [1, 2, 1, 1], "2 for step 1"),
        ("prm800k", [1, None, 1, 1], "None for step 1"),
        ("prm800k", [True, -1], "True for step 0"),
        ("prm800k", "1111", "list of ratings"),
        ("prm800k", [1, 1, 1, 1, -1], "has 4 steps"),
    ],
)
def test_what_can_not_be_meant_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CONVENTIONS[name].read(value, 4)


def test_a_whole_float_is_a_number() -> None:
    assert CONVENTIONS["processbench"].read(3.0, 4) == 3


def test_an_unknown_convention_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="known are processbench, one_based, prm800k"):
        convention("two_based")
