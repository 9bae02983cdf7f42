"""Programs with one line changed: the same ones each time, one line at a time, still Python."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import MutantsConfig
from pipeline.mutants import lines_of, mutants_of, mutated
from pipeline.records import Problem

PROGRAM = '''def largest(xs: list[int] = [0]) -> int:
    """The largest; "1 + 1" stays."""
    best = 0
    for x in xs:

        if x > best and not x == 7:
            best = x
        best += 0  # ü
    return best
'''


def test_every_mutant_differs_in_one_line_and_is_python() -> None:
    before = PROGRAM.splitlines()
    mutants = list(mutants_of(PROGRAM))
    for mutant in mutants:
        ast.parse(mutant.program)
        after = mutant.program.splitlines()
        assert [
            i for i, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1
        ] == [mutant.line]
    assert {mutant.line for mutant in mutants} == {0, 2, 5, 6, 7, 8}
    assert len({mutant.program for mutant in mutants}) == len(mutants)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("x = a < b", "x = a <= b"),
        ("x = a < b", "x = b > a"),
        ("x = a not in b", "x = a in b"),
        ("x = (a) + (b)", "x = (a) - (b)"),
        ("x = a and b", "x = a or b"),
        ("x = ü // 2", "x = ü / 2"),
        ("x = 3", "x = 4"),
        ("x = True", "x = False"),
        ("x += (1 if a else b)", "x = x + (1 if a else b)"),
        ("f(a)", "pass"),
        ("x = 1 if a else b", "x = 1 if not (a) else b"),
    ],
)
def test_a_line_is_changed_where_its_meaning_lies(line: str, changed: str) -> None:
    assert changed in [mutant.program for mutant in mutants_of(line)]


@pytest.mark.parametrize("text", ["no Python", "x = " + "(" * 300, "x = 1\n" * 5000, "", "'1 + 1'"])
def test_what_can_t_be_changed_has_no_mutants(text: str) -> None:
    assert not list(mutants_of(text))


@given(st.text(st.sampled_from("ab \n\t=1"), max_size=40))
def test_lines_joined_are_the_program(text: str) -> None:
    assert "".join(lines_of(text)) == text


def test_a_problem_s_mutants_are_its_reference_and_changes_of_its_own_lines() -> None:
    prompt = 'def half(x):\n    """Half of x, if x > 0."""\n'
    problem = Problem(
        "p", prompt, "passes", "    y = x / 2\n    return y\n", tests="assert half(2)"
    )
    found = mutated(problem, MutantsConfig(per_line=2))
    assert found == mutated(problem, MutantsConfig(per_line=2))
    assert "".join(found[0].steps) == problem.reference
    assert 3 <= len(found) <= 5
    assert all(len(solution.steps) == 2 for solution in found)
    assert len({solution.id for solution in found}) == len(found)
    assert mutated(Problem("p", "q", "a", "x = 1"), MutantsConfig()) == []
    assert mutated(Problem("p", "q", "a", "no Python", tests="f()"), MutantsConfig()) == []
