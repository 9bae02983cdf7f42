"""Claims are checked exactly where they are certain, and let be where they are not."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.arithmetic import ArithmeticAnnotator, check_steps
from annotators.checking import NoOptions
from annotators.claims import find_claims
from annotators.expressions import evaluate
from annotators.tokenizer import tokenize
from pipeline.annotator import Tools
from pipeline.config import GradingConfig
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import Solution, Status


def statuses(text: str) -> list[str]:
    return [claim.status.value for claim in find_claims(text)]


@pytest.mark.parametrize(
    "text",
    [
        "9 + 36 = 45",
        "So 48/2 = <<48/2=24>>24 clips.",
        "It costs $1,200 x 3 = $3,600.",
        "(2 + 3) * 4 = 5 * 4 = 20",
        r"\( 3 \times \frac{1}{2} = 1.5 \)",
        "10% * 50 = 5",
        "10 / 20 = 50%",
        "10 / 3 = 3.33",
        "180 / 110 = 1.6363636363636365",
        "2^3 = 8",
        "7 ÷ 2 = 3.5",
        "- 5 + 3 = 8",
        "-5 + 3 = -2",
        "2(3 + 4) = 14 (apples)",
        "Cal has 36 more than Eve : Eve= 9 , 9 + 36 = 45 , Cal= 45 .",
        "$200 - 15% = $170",
        "50 + 10% = 55",
        "200 - 15% - 10% = 153",
        "20% + 30% = 50%",
        "the sum of 3 + 4 = 7",
        "a total of $3 + $4 = $7",
        "she had 16-3-4 = 9",
    ],
)
def test_a_right_claim_is_exact(text: str) -> None:
    assert set(statuses(text)) == {"exact"}


@pytest.mark.parametrize(
    "text",
    [
        "Eve= 9 , Cal= 45",
        "x + 3 = 9",
        "3 * x + 2 = 11",
        "3x + 5 = 20",
        "2 + 3 = 1.5x",
        "$5/day = $35",
        "5 + 3 = 8 + 2 = 10 people",
        "8:30 + 45 = 9:15",
        "Day 3 = 5",
        "Weeks 1-2 = 96",
        "half of 6 + 4 = 7",
        "12 x 1 and 1/4 = 15",
        "25 / 1/3 = 75",
        "16,0000/10=16000",
        "0900-0130 = 0730",
        "7 / 2 = 3 boxes",
        "90 * 2 = 3 hours",
        "3 * 4 = 1 dozen",
        "$1800 - $2000 = $200 less",
        "2 + 2 = 5 is wrong",
        "If 2 + 2 = 5, then",
        "2 + 2 is not 5, so 2 + 2 = 5 can't be",
        "5 + 3 =",
        "5 + = 8",
        "1 / 0 = 5",
        "6/2(1+2) = 1",
        "9**9**9**9 = 1",
        "1" * 40 + " + 1 = 2",
        "2 + 3 ≈ 6",
        "2 + 3 != 6",
    ],
)
def test_it_is_silent_where_unsure(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "3 * 4 = 2 (mod 10)",
        "working modulo 7: 5 * 3 = 1",
        "101 + 11 = 1000 in binary",
        "In base 8, 7 + 1 = 10",
        "4-6 = 5 with a borrow of 1 from the next column",
        "the digits 1 + 2 = 12",
        "digit sum: 4 + 8 = 3",
        "1 + 1 = 0 in GF(2)",
        "1 + 1 = 0 since we work in characteristic 2",
        r"2 \cdot 3 = 1 in Z_5",
        r"$2 \cdot 3 = 1$ in $\mathbb{Z}_5$",
        "The pattern: 2 + 3 = 10, 7 + 2 = 63, …",
        "Define the operation a / b = a + b. Then 3 / 4 = 7.",
    ],
)
def test_it_is_silent_on_other_arithmetic(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "1430 + 45 = 1515 hours",
        "ends at 10 + 5 = 3 PM",
        "10 + 5 = 3 p.m.",
        "9 + 5 = 2 o'clock",
        "In a 12-hour format, 10 + 5 = 3.",
        "11 + 3 = 2, so it is February",
        "It turns to 350 + 20 = 10 degrees",
    ],
)
def test_it_is_silent_where_counting_starts_again(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "the square root of 16 + 9 = 5",
        "the square root of the sum of 9 + 16 = 5",
        "sqrt (16 + 9) = 5",
        "the average of 4 + 6 = 5",
        "average (4 + 6) = 5",
        "Average: 4 + 6 = 5",
        "the remainder of 17 / 5 = 2",
        "The remainder is 17 / 5 = 2",
        "the units digit of 7*8 = 6",
        "LCM of 4 * 6 = 12",
        "GCF of the numbers 4 * 6 = 2",
        "the reciprocal of 1/2 = 2",
        "negative 5 + 3 = -2",
        "thrice 5 + 3 = 24",
        "double the sum of 5 + 3 = 16",
        "10 choose 2 + 1 = 46",
        "the factorial: 5 - 1 = 24",
        "Add 5 to 3 * 2 = 11",
        "5 more than 3 * 2 = 11",
    ],
)
def test_it_is_silent_on_functions_in_words(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "rows 1-3 = 15 seats",
        "Rows: 1-3 = 15 seats",
        "games 3-1 = 4 goals",
        "2 feet 3 + 4 = 31 inches",
        "two and 1/2 * 2 = 5",
        "The ratio is 2 : 3 + 1 = 2 : 4",
        "2 * 7 = 8 more than 6",
        "5!-3*2 = 114",
        "5 + 3 = 9? No.",
    ],
)
def test_it_is_silent_where_a_side_may_be_something_else(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "45 + 30 = 1 hour 15 minutes",
        "45 + 30 = 1 hr. 15 min.",
        "45 + 30 = 1 hour and 15 minutes",
        "$45 + 30 = 1$ hour and $15$ minutes",
        r"\[ 45 + 30 = 1 \text{ hour } 15 \text{ minutes} \]",
        "3 × 25 = 1h15",
        "60 + 10 = 5'10\"",
        "60 + 10 = 5 feet, 10 inches",
        "9 + 9 = 3 boxes 3 pens",
        "25 × 7 = $1 and 75 cents",
        "1 hr 15 min + 30 min = 1 hr 45 min",
    ],
)
def test_it_is_silent_on_two_units(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "1/4 = 10 kids",
        "1 - 1/4 = 3/4 = 30 apples",
        r"$\frac{1}{2} + \frac{1}{4} = \frac{3}{4} = 18$",
        "2/5 = 40, so 1/5 = 20 and 5/5 = 100",
        "25% = 1/4 = 10 kids",
        "40 - 10 = 30 = 3/4",
    ],
)
def test_it_is_silent_on_a_share_and_its_amount(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "Total cost for 2 x 4 x 10 boards = 10 * $10 = $100",
        r"4x4x10 boards = \$150 + \$120",
        "Cost of the 3 x 4 rug = $50",
        "The sum from 1 - 10 = 55",
        "Sum of 1 - 9 = 45",
        "9-5 = 8 hours",
    ],
)
def test_it_is_silent_on_measurements_and_ranges(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "1.500 + 500 = 2.000",
        "0x1F = 31",
        "4 & 1/2 + 1/2 = 5",
        "7 tenths + 5 tenths = 1.2",
        "0.37 × 100 = 36.8",
    ],
)
def test_it_is_silent_where_a_number_may_be_another(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "Let me check 12*3=38... no.",
        "12 * 3 = 38\n\nHmm, let me recompute.",
        "12 * 3 = 38, which is a lot of eggs for a week. So 12 * 3 = 36.",
    ],
)
def test_what_is_taken_back_or_done_again_is_no_claim(text: str) -> None:
    assert "contradicted" not in statuses(text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("5 + 3 = 9 hours and 3 + 4 = 7 hours", "5 + 3 = 9"),
        ("5 + 3 = 9 apples and 5 pears", "5 + 3 = 9"),
        ("5 + 3 = 9, 5 minutes later", "5 + 3 = 9"),
        ("500/1000 = 5 pairs", "500/1000 = 5"),
        (r"\frac{40}{5} = 3", r"\frac{40}{5} = 3"),
        ("$6/12 = $4", "$6/12 = $4"),
        ("3 x 4 boxes = 13 boxes", "3 x 4 boxes = 13"),
        ("9-5 = 3 apples", "9-5 = 3"),
        ("$0.37 + $12.00 = $12.47", "$0.37 + $12.00 = $12.47"),
        ("2.500 + 1.250 = 3.850", "2.500 + 1.250 = 3.850"),
        ("8/2 = <<8/2=4>>5", "8/2 = <<8/2=4>>5"),
        ("3 + 4 = 8, and the pattern goes on", "3 + 4 = 8"),
        ("25 * 48 = 1210 hours", "25 * 48 = 1210"),
    ],
)
def test_what_only_looks_like_it_is_still_contradicted(text: str, claim: str) -> None:
    wrong = [c for c in find_claims(text) if c.status is Status.CONTRADICTED]
    assert [text[c.start : c.end] for c in wrong] == [claim]


@pytest.mark.parametrize("text", ["$200 - 15% = $160", "60 + 10% + 5 = 66", "200 - (15%) = 180"])
def test_a_percentage_of_who_knows_what_contradicts_nothing(text: str) -> None:
    assert statuses(text) == ["unchecked"]


@given(st.integers(1, 9999), st.integers(0, 99), st.sampled_from("+-"))
def test_a_percentage_may_be_of_what_precedes_it(whole: int, percent: int, sign: str) -> None:
    value = Fraction(whole) * (100 + (percent if sign == "+" else -percent)) / 100
    assert statuses(f"{whole} {sign} {percent}% = {float(value)}") == ["exact"]


@given(st.integers(0, 999), st.integers(0, 999), st.integers(1, 9))
def test_a_wrong_sum_of_a_bare_tinymath_step_is_contradicted(a: int, b: int, off: int) -> None:
    text = f"#2 Cal tops Eve by {b} : Eve= {a} , {a} + {b} = {a + b + off} , Cal= {a + b + off} ."
    assert statuses(text) == ["contradicted"]


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 999)), min_size=1, max_size=8))
def test_sums_come_out_exact(terms: list[tuple[str, int]]) -> None:
    text = "7 " + " ".join(f"{operator} {number}" for operator, number in terms)
    value = eval(text)  # the test's own text of digits and signs
    assert statuses(f"{text} = {value}") == ["exact"]
    result = evaluate(tokenize(text))
    assert result is not None
    assert result.value == Fraction(value)


@given(st.text(st.sampled_from("0123456789 +-*/=().,$%x<>{}\\^a\n")))
def test_any_text_is_taken(text: str) -> None:
    for claim in find_claims(text):
        assert 0 <= claim.start < claim.end <= len(text)


@pytest.mark.parametrize(
    "piece",
    ["1+", "(", "1=", "1,234,", "<<", "-", "1/", "=", "{", "1 x ", "9^", "5%+", "day 1+1=9 "],
)
def test_checking_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        start = time.process_time()
        find_claims(text)
        return time.process_time() - start

    seconds(1000)
    assert seconds(20_000) < 20 * seconds(5_000) + 0.5


async def test_the_verdict_names_the_first_contradicted_step() -> None:
    annotator = ArithmeticAnnotator("arithmetic", NoOptions())
    steps = ("2 + 3 = 5\n", "5 + 1 = 7\n", "7 + 1 = 9\n")
    async with Grader(GradingConfig()) as grader:
        tools = Tools(None, grader, PromptTemplate("none", "raw", ""))
        wrong = await annotator.annotate(Solution("s", "p", "q", "9", steps, "g"), tools)
        right = await annotator.annotate(Solution("s", "p", "q", "5", steps[:1], "g"), tools)
    assert wrong.first_error == 1
    assert [check.step for check in wrong.checks] == [0, 1, 2]
    assert right.first_error is None
    assert right.reason == "nothing contradicted"


def test_no_clean_human_labelled_solution_is_flagged(shared_data: Path) -> None:
    rows = json.loads((shared_data / "processbench" / "gsm8k.json").read_text(encoding="utf-8"))
    flags = {"clean": 0, "exact": 0, "later": 0, "early": 0}
    for row in rows:
        wrong = [c.step for c in check_steps(tuple(row["steps"])) if c.status == "contradicted"]
        if wrong:
            label = row["label"]
            where = "exact" if wrong[0] == label else "later" if wrong[0] > label else "early"
            flags["clean" if label == -1 else where] += 1
    assert flags["clean"] == flags["early"] == 0
    assert flags["exact"] >= 10
