"""What a step says it has from elsewhere is compared with what stands there, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.checking import NoOptions
from annotators.consistency import ConsistencyAnnotator, compare_steps
from annotators.registry import make_annotators
from pipeline.annotator import Tools
from pipeline.config import GradingConfig, RunConfig
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import Solution

PROBLEM = "A box costs $12. Ann buys three boxes and 40 bags at 2 dollars each. What does she pay?"


def found(*steps: str, problem: str = PROBLEM) -> list[tuple[int, str, str]]:
    checks = compare_steps(problem, steps)
    for check in checks:
        assert steps[check.step][check.start : check.end] == check.claim
    return [(check.step, check.claim, check.status.value) for check in checks]


def wrong(*steps: str, problem: str = PROBLEM) -> list[tuple[int, str]]:
    return [
        (at, claim) for at, claim, status in found(*steps, problem=problem) if status != "exact"
    ]


@pytest.mark.parametrize(
    ("steps", "copies"),
    [
        (("The problem says a box costs $17.",), [(0, "$17")]),
        (("According to the problem, she buys 47 bags.",), [(0, "47")]),
        (("40 * 2 = 80", "Step 1 found 90, so 90 + 36 = 126"), [(1, "90")]),
        (("40 * 2 = 80", "We add 90 dollars (from step 1) to it."), [(1, "90")]),
        (("Price = 12", "Total = Price * Boxes = 15 * 3 = 45"), [(1, "15")]),
        (("x = 5", "x + 2 = 7 + 2 = 9"), [(1, "7")]),
        (("A = (-9 - 8) = -17", "Then the sum is A - 3 = 17 - 3 = 14"), [(1, "17")]),
        (
            (
                r"\[ \text{Eggs used} = 3 + 4 = 7 \]",
                r"\[ \text{Eggs used} \times 2 = 8 \times 2 \]",
            ),
            [(1, "8")],
        ),
    ],
)
def test_a_wrong_copy_is_contradicted(
    steps: tuple[str, ...], copies: list[tuple[int, str]]
) -> None:
    assert wrong(*steps) == copies


@pytest.mark.parametrize(
    "steps",
    [
        ("The problem says a box costs $12.",),
        ("40 * 2 = 80", "Step 1 found 80."),
        ("Price = 12", "Total = Price * Boxes = 12 * 3 = 36"),
    ],
)
def test_a_right_copy_is_exact(steps: tuple[str, ...]) -> None:
    assert {status for _, _, status in found(*steps)} == {"exact"}


@pytest.mark.parametrize(
    "steps",
    [
        # derived, in words, computed before, taken back, or of someone else's saying
        ("According to the problem, the boxes cost 36 dollars.",),
        ("The problem says she buys 3 boxes.",),
        ("She has 17 left. According to the problem, these 17 are bags.",),
        ("Suppose the problem says a box costs $17.",),
        ("The problem says 17, no, that is wrong: it says 12",),
        ("The problem says 25% of them",),
        ("The box costs $17.",),
        # other steps
        ("0.5 * 60 = 30 minutes", "Step 1 gave 0.5 hours"),
        ("80 is found", "Step 7 found 90"),
        ("Half of them", "From step 1, 2 of 50 are left"),
        # names set anew, other units, other order, no numbers set in
        ("Price = 12", "Price = 15", "Total = Price * Boxes = 15 * 3"),
        ("Price = 12", "With a new Price = 15, Total = Price * Boxes = 15 * 3"),
        ("Price = 12", "New price = 15", "Total = Price * Boxes = 15 * 3"),
        ("Time = 30", "Speed * Time = 60 * 0.5"),
        ("Price = 12, Boxes = 3", "Price * Boxes = 3 * 12 = 36"),
        ("x = 5", "If x + 2 = 7 + 2 then"),
        ("x = 5", "2x + 1 = 15"),
        ("Rate = 5%", "Rate + 1 = 0.05 + 1"),
        ("Price = 12.333", "Price * Boxes = 12.33 * 3"),
    ],
)
def test_what_may_come_from_elsewhere_is_let_be(steps: tuple[str, ...]) -> None:
    assert wrong(*steps) == []


@given(st.integers(3, 900), st.integers(3, 900), st.integers(2, 90))
def test_a_name_stands_for_its_value(value: int, other: int, factor: int) -> None:
    steps = (f"Total cost = {value}", f"Rest = Total cost - Bill = {other} - {factor}")
    flagged = wrong(*steps) == [(1, str(other))]
    assert not flagged or other != value
    assert (
        flagged
        or 99 * max(value, other) <= 100 * min(value, other)
        or any(
            max(value, other) == scale * min(value, other)
            for scale in (7, 12, 24, 30, 52, 60, 100, 365, 1000, 3600)
        )
    )


@given(st.lists(st.text(st.sampled_from("step 12 from(the)problem says=+-*/$%.,\n{}\\x"))))
def test_any_steps_are_taken(steps: list[str]) -> None:
    for check in compare_steps("12 says 3", tuple(steps)):
        assert 0 <= check.start < check.end <= len(steps[check.step])


@pytest.mark.parametrize(
    "piece", ["a = ", "1 (from step 1) ", "the problem says 7 ", "a+", "((", "x=1,"]
)
def test_long_texts_are_cut(piece: str) -> None:
    assert len(compare_steps("7" * 10**5, (piece * 30_000, piece * 30_000))) <= 1000


async def test_the_verdict_names_the_first_wrong_copy() -> None:
    annotator = ConsistencyAnnotator("consistency", NoOptions())
    steps = ("Price = 12", "Price * 3 = 15 * 3", "Price * 2 = 13 * 2")
    async with Grader(GradingConfig()) as grader:
        tools = Tools(None, grader, PromptTemplate("none", "raw", ""))
        flagged = await annotator.annotate(Solution("s", "p", "q", "9", steps, "g"), tools)
        silent = await annotator.annotate(Solution("s", "p", "q", "9", steps[:1], "g"), tools)
    assert flagged.first_error == 1
    assert silent.first_error is None
    assert silent.reason is not None


def test_a_run_takes_it_by_name() -> None:
    config = RunConfig.check(
        {
            "name": "copies",
            "problems": {"path": "problems.jsonl"},
            "solutions": {"path": "solutions.jsonl"},
            "annotators": {"consistency": {}},
            "consensus": {"witnesses": ["consistency"], "vetoes": []},
        },
        "copies",
    )
    (annotator,) = make_annotators(config)
    assert isinstance(annotator, ConsistencyAnnotator)
