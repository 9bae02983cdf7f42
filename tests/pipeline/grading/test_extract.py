"""The final answer is found by the stated rules, last occurrence first, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grading import FoundAnswer, find_answer, gold_answer


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (r"so \boxed{18}.", "18", "boxed"),
        (r"\boxed{1} no, \boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}", "boxed"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}", "boxed"),
        (r"\boxed{1} and \boxed{2}", "1, 2", "boxed"),
        (r"\boxed{\boxed{3}}", r"\boxed{3}", "boxed"),
        (r"Answer: 4 and \boxed{5", "4 and \\boxed{5", "answer_colon"),
        (r"so \boxed{\frac{1}{2}}. This is the final answer.", r"\frac{1}{2}", "boxed"),
        (r"\boxed{12 + 3\sqrt{2}} is our final answer", r"12 + 3\sqrt{2}", "boxed"),
        (r"Answer: 1 \boxed{2}. The final answer is 3.", "3", "answer_is"),
        (r"\boxed{200}. The final answer is $10,455$.", "$10,455$", "answer_is"),
        (r"\boxed{5}. So the final answer is Monday.", "Monday", "answer_is"),
        (r"\boxed{x}. Final answer: Monday", "Monday", "answer_colon"),
        ("x\n#### 1,234", "1,234", "hashes"),
        ("#### 5\n\nNote: 5 is prime.", "5", "hashes"),
        ("#### Monday\n", "Monday", "hashes"),
        ("#### Monday\nSo it is day 5.", "Monday", "hashes"),
        ("#### 1. Read\nAnn has 5.\n#### Conclusion\nSo she has **12** apples.", "12", "last_bold"),
        ("#### 2. Add\nIt is 5 + 7.\nThe answer is 12.", "12", "answer_is"),
        ("Answer : 45\n", "45", "answer_colon"),
        ("**Answer:** 7.", "7", "answer_colon"),
        ("Answer:\n12", "12", "answer_colon"),
        ("so\nA: -5", "-5", "answer_colon"),
        ("Answer:\n\\[\n\\frac{1}{2}\n\\]", "\\frac{1}{2}", "answer_colon"),
        ("Answer: The largest n is 34. I hope it is correct", "34", "answer_colon"),
        ("Final Answer: The final answer is $7$. I hope so", "$7$", "answer_colon"),
        ("Thus the answer is 3.5 dollars. Good.", "3.5 dollars", "answer_is"),
        ("first 12.\nSo there are 30 apples left.", "30 apples", "last_number"),
        ("It is 5 * 6 = $<<5*6=30>>30.00", "$30.00", "last_number"),
        ("Thus \\[ x = 32 \\]", "32", "last_number"),
        ("Therefore, Mary got 762 M&Ms.", "762", "last_number"),
        ("so\n1,250", "1,250", "last_number"),
        ("<think>answer is 5</think>I say Answer: 6", "6", "answer_colon"),
        ("<think>\\boxed{5}</think>\n", "5", "boxed"),
        ("<think>So \\boxed{7}? no.</think>\n\nSo she has 8 apples.", "8 apples", "last_number"),
        ("<think>So \\boxed{7}? no.</think>\n\n**8**", "**8**", "bare"),
        ("The answer is `5`", "5", "answer_is"),
        ("The answer is **5** apples.", "5 apples", "answer_is"),
        ("**Answer**: 2**3 or 2**4", "2**3 or 2**4", "answer_colon"),
        ("故选 B.", "B", "answer_is"),
        ("答案选B", "B", "answer_is"),
        ("الإجابة هي 5", "5", "answer_is"),
        ("\\boxed{5}\n\nI hope the final answer is clear.", "5", "boxed"),
    ],
)
def test_the_answer_and_its_rule(text: str, answer: str, rule: str) -> None:
    assert find_answer(text) == FoundAnswer(answer, rule)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no number",
        "<think>it is 5</think>I don't know",
        "x2y",
        "I can't solve this. There are 2 parts.",
        "#### 2. Add them\nTogether they have 12 apples, or 13.",
        r"\boxed{12}. Note: the final answer is even.",
        "first 12, then 30 apples",
        "So she spends $225 over 5 weeks.",
        "So it isn't 5.",
        "So is it 5?",
        "so 2x",
        "so 2^n",
        r"so x \ne 5",
        r"\boxed{}. So it is 5",
        r"<think>\boxed{5}</think>She has eight.",
        "For part (a), \\boxed{3}.\n\nFor part (b), \\boxed{4}.",
        "(a) \\boxed{3}\n(b) \\boxed{4}",
        "Wait, the answer is 5? That's wrong. It must be 6.",
        "The answer is 5!",
        "So it is 5!",
    ],
)
def test_no_answer_is_none(text: str) -> None:
    assert find_answer(text) is None


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("18", "18"), ("16-3=<<16-3=13>>13\n#### 18", "18"), ("10/9", "10/9"), ("x\nA: 5", "5")],
)
def test_a_worked_gold_answer_is_reduced(gold: str, answer: str) -> None:
    assert gold_answer(gold) == answer


@given(st.text(st.sampled_from("\\boxed{}$#Answer: is.5\n</think>")))
def test_any_text_is_taken(text: str) -> None:
    find_answer(text)


@pytest.mark.parametrize(
    "piece",
    [
        *("\\boxed{", "{", "}", "\\boxed{1}", "####", "Answer:", "the answer ", "1,234", "\\", "1"),
        *("**", "$x", "$x$ ", "is ", "= ", "<|", "\\("),
        *("= 1, x ", "Mr. ", "3 ", "因此", "\\\\frac"),
    ],
)
def test_extraction_takes_linear_time(piece: str) -> None:
    def seconds(repeats: int) -> float:
        start = time.process_time()
        find_answer(piece * repeats)
        return time.process_time() - start

    seconds(1000)
    assert seconds(200_000) < 20 * seconds(40_000) + 1
