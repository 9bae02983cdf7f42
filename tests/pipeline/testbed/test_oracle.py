"""The oracle: right solutions are right in any order; each kind of error is found where it is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.testbed.facts import Ask
from pipeline.testbed.grammar import LEVELS, make_problem
from pipeline.testbed.inject import flawed_solution, valid_order
from pipeline.testbed.oracle import StepKind, judge_solution
from pipeline.testbed.steps import parse_step

K = StepKind


def swap(line: str, old: str, new: str) -> str:
    assert old in line
    return line.replace(old, new)


def swap_result(line: str, old: int, new: int) -> str:
    return swap(line, f"= {old}", f"= {new}")


SEEDS = st.integers(min_value=0)
LEVEL = st.sampled_from(sorted(LEVELS))
QUESTION = (
    "#1 Eve has 9 .\n"
    "#2 Cal tops Eve by 36 .\n"
    "#3 Dan equals Cal times 2 .\n"
    "#4 Fay joins Cal with Eve .\n"
    "#5 Gus gets Cal at 20 percent .\n"
    "#6 Dan also tops Eve by 81 .\n"
    "How many has Dan ?"
)
EVE = "#1 Eve has 9 : Eve= 9 .\n"
CAL = "#2 Cal tops Eve by 36 : Eve= 9 , 9 + 36 = 45 , Cal= 45 .\n"
DAN = "#3 Dan equals Cal times 2 : Cal= 45 , 45 * 2 = 90 , Dan= 90 .\n"
FAY = "#4 Fay joins Cal with Eve : Cal= 45 , Eve= 9 , 45 + 9 = 54 , Fay= 54 .\n"
GUS = "#5 Gus gets Cal at 20 percent : Cal= 45 , 45 * 20 / 100 = 9 , Gus= 9 .\n"
ALSO = "#6 Dan also tops Eve by 81 : Eve= 9 , 9 + 81 = 90 , Dan= 90 .\n"
ASKED = "How many has Dan : Dan= 90 .\n"
ANSWER = "Answer : 90\n"
WRONG_CAL = swap_result(CAL, 45, 55)
WRONG_DAN = "#3 Dan equals Cal times 2 : Cal= 55 , 55 * 2 = 110 , Dan= 110 .\n"


@given(SEEDS, LEVEL)
def test_a_right_solution_is_right_in_any_valid_order(seed: int, level: int) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    verdict = judge_solution(problem.text, problem.lines(valid_order(rng, problem)))
    assert set(verdict.step_kinds) == {K.RIGHT}
    assert (verdict.first_error, verdict.first_fatal, verdict.correct) == (-1, -1, True)


@given(SEEDS, LEVEL)
def test_repeating_right_steps_changes_nothing(seed: int, level: int) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    steps = list(problem.reference)
    at = rng.randrange(len(steps) - 1)
    steps.insert(rng.randrange(at + 1, len(steps)), steps[at])
    assert judge_solution(problem.text, steps).first_error == -1


@settings(max_examples=300)
@given(SEEDS, LEVEL)
def test_an_injected_error_is_found_at_its_step_and_of_its_kind(seed: int, level: int) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    flawed = flawed_solution(rng, problem)
    verdict = judge_solution(problem.text, flawed.steps)
    assert verdict.first_error == flawed.first_error
    kind = verdict.step_kinds[verdict.first_error]
    allowed = {
        "slip": {K.SLIP},
        "fact": {K.WRONG_QUANTITY, K.WRONG_OPERATION},
        "operand": {K.WRONG_QUANTITY},
        "person": {K.WRONG_QUANTITY},
        "sum_number": {K.MISCOPIED},
        "operation": {K.WRONG_OPERATION},
        "copy": {K.MISCOPIED},
        "copy_name": {K.MISCOPIED},
        "answer": {K.MISCOPIED},
        "compare": {K.SLIP},
        "compare_value": {K.WRONG_QUANTITY},
        "left_out": {K.OMITTED, K.UNSUPPORTED, K.WRONG_QUANTITY, K.WRONG_OPERATION},
    }
    assert kind in allowed[flawed.flaw]


@settings(max_examples=300)
@given(SEEDS, LEVEL)
def test_a_fatal_step_is_wrong_comes_no_earlier_and_only_where_the_answer_is_wrong(
    seed: int, level: int
) -> None:
    rng = random.Random(seed)
    problem = make_problem(rng, level)
    verdict = judge_solution(problem.text, flawed_solution(rng, problem).steps)
    assert (verdict.first_fatal == -1) == verdict.correct
    if not verdict.correct:
        assert verdict.first_fatal >= verdict.first_error
        assert verdict.step_kinds[verdict.first_fatal] is not K.RIGHT


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ((EVE, swap(CAL, "Eve by 36", "Eve by 63")), K.WRONG_QUANTITY),
        ((EVE, swap(CAL, "tops", "trails")), K.WRONG_OPERATION),
        ((EVE, swap(CAL, "9 + 36", "9 * 36")), K.WRONG_OPERATION),
        ((EVE, swap(CAL, "9 + 36 = 45", "9 + 63 = 72")), K.MISCOPIED),
        ((EVE, swap(CAL, "= 45 ,", "= 46 ,")), K.SLIP),
        ((EVE, swap(CAL, "Cal= 45", "Cal= 54")), K.MISCOPIED),
        ((EVE, swap(CAL, "Cal= 45", "Dan= 45")), K.MISCOPIED),
        ((EVE, swap(CAL, "Eve= 9 ,", "Eve= 8 ,")), K.WRONG_QUANTITY),
        ((EVE, swap(DAN, "Cal= 45 , 45 * 2 = 90", "Cal= 44 , 44 * 2 = 88")), K.UNSUPPORTED),
        ((EVE, DAN), K.OMITTED),
        ((EVE, ANSWER), K.OMITTED),
        ((EVE, "Answer : 17\n"), K.UNSUPPORTED),
        ((EVE, "#1 Zoe has 9 : Zoe= 9 .\n"), K.WRONG_QUANTITY),
        ((EVE, swap(CAL, "#2", "#3")), K.WRONG_QUANTITY),
        ((EVE, swap(CAL, "#2 ", "")), K.MALFORMED),
        ((EVE, "How many has Cal : Cal= 45 .\n"), K.WRONG_QUANTITY),
        ((EVE, "How many has Dan : Dan= 17 .\n"), K.UNSUPPORTED),
        ((EVE, "How many has Dan : Cal= 45 .\n"), K.WRONG_QUANTITY),
        ((EVE, swap(EVE, "Eve= 9", "Eve= 8")), K.MISCOPIED),
        ((EVE, "so it goes\n"), K.MALFORMED),
        ((EVE, swap(CAL, ", 9 + 36 = 45 ", "")), K.MALFORMED),
        ((EVE, "Answer : Cal\n"), K.MALFORMED),
        ((EVE, "Answer : \u0667\n"), K.MALFORMED),
        ((EVE, swap(CAL, "9 + 36 = 45", f"9 + 36 = {'4' * 5000}")), K.MALFORMED),
    ],
)
def test_each_kind_of_wrong_step_is_told_apart(steps: tuple[str, ...], kind: K) -> None:
    assert judge_solution(QUESTION, steps).step_kinds == (K.RIGHT, kind)


@pytest.mark.parametrize(
    "line",
    [
        swap(CAL, "9 + 36", "36 + 9"),
        swap(FAY, "Cal with Eve", "Eve with Cal"),
        swap(FAY, "Cal= 45 , Eve= 9", "Eve= 9 , Cal= 45"),
        swap(FAY, "45 + 9", "9 + 45"),
        swap(GUS, "45 * 20", "20 * 45"),
        ALSO,
        swap(ALSO, "also ", ""),
        "#1 Eve has 9 : Eve= 9 .\n",
    ],
)
def test_right_steps_outside_the_reference_are_right(line: str) -> None:
    assert judge_solution(QUESTION, [EVE, CAL, line]).first_error == -1


def test_base_facts_need_no_step_of_their_own() -> None:
    assert judge_solution(QUESTION, [CAL, DAN, ANSWER]).first_error == -1


def test_carrying_a_wrong_value_on_is_right_in_itself() -> None:
    verdict = judge_solution(QUESTION, [EVE, WRONG_CAL, WRONG_DAN, "Answer : 110\n"])
    assert verdict.step_kinds == (K.RIGHT, K.SLIP, K.RIGHT, K.RIGHT)
    assert (verdict.first_error, verdict.first_fatal, verdict.correct) == (1, 1, False)


def test_a_slip_in_a_distractor_is_wrong_and_not_fatal() -> None:
    fay = swap_result(FAY, 54, 55)
    dan = swap_result(DAN, 90, 80)
    verdict = judge_solution(
        QUESTION, [EVE, CAL, fay, dan, swap_result(ASKED, 90, 80), "Answer : 80\n"]
    )
    assert (verdict.first_error, verdict.first_fatal) == (2, 3)
    verdict = judge_solution(QUESTION, [EVE, CAL, fay, DAN, ASKED, ANSWER])
    assert (verdict.first_error, verdict.first_fatal, verdict.correct) == (2, -1, True)


def test_a_corrected_value_is_not_fatal() -> None:
    verdict = judge_solution(QUESTION, [EVE, WRONG_CAL, CAL, DAN, "Answer : 91\n"])
    assert (verdict.first_error, verdict.first_fatal) == (1, 4)


def test_a_wrong_value_is_fatal_where_it_was_given_and_not_where_it_is_repeated() -> None:
    asked, answer = swap(ASKED, "90", "110"), "Answer : 110\n"
    verdict = judge_solution(QUESTION, [EVE, WRONG_CAL, WRONG_CAL, WRONG_DAN, asked, answer])
    assert (verdict.first_error, verdict.first_fatal) == (1, 1)
    again = [EVE, WRONG_CAL, CAL, WRONG_CAL, WRONG_DAN, asked, answer]  # corrected in between
    assert judge_solution(QUESTION, again).first_fatal == 3


def test_a_wrong_last_copy_is_fatal_where_it_stands() -> None:
    verdict = judge_solution(QUESTION, [EVE, CAL, DAN, "Answer : 45\n"])
    assert verdict.step_kinds[-1] is K.MISCOPIED
    assert verdict.first_fatal == 3


def test_a_wrong_copy_of_a_value_that_is_wrong_already_comes_too_late_to_be_fatal() -> None:
    for last in (["Answer : 101\n"], [swap_result(ASKED, 90, 101), "Answer : 11\n"]):
        verdict = judge_solution(QUESTION, [EVE, WRONG_CAL, WRONG_DAN, *last])
        assert (verdict.first_error, verdict.first_fatal) == (1, 1)


def test_what_lies_behind_a_true_value_is_not_fatal() -> None:
    copied = swap_result(DAN, 90, 80)
    again = [EVE, WRONG_CAL, CAL, DAN, swap_result(ASKED, 90, 80), "Answer : 80\n"]
    assert judge_solution(QUESTION, again).first_fatal == 4
    assert judge_solution(QUESTION, [EVE, CAL, DAN, copied, "Answer : 80\n"]).first_fatal == 3


def test_a_left_out_step_does_no_harm_while_its_value_is_right() -> None:
    verdict = judge_solution(QUESTION, [EVE, DAN, "Answer : 91\n"])
    assert verdict.step_kinds == (K.RIGHT, K.OMITTED, K.MISCOPIED)
    assert (verdict.first_error, verdict.first_fatal) == (1, 2)


def test_without_an_answer_line_nothing_is_correct() -> None:
    verdict = judge_solution(QUESTION, [EVE, CAL, DAN])
    assert (verdict.answer, verdict.correct, verdict.first_error) == (None, False, -1)


def test_what_follows_the_answer_is_malformed() -> None:
    assert judge_solution(QUESTION, [CAL, DAN, ANSWER, EVE]).step_kinds[-1] is K.MALFORMED


MOST = "Who has most of Cal and Dan : Cal= 45 , Dan= 90 , most Dan .\n"
YESNO = "Has Cal more than Dan : Cal= 45 , Dan= 90 , most Dan .\n"


@pytest.mark.parametrize(
    ("ask", "lines", "kinds"),
    [
        (Ask.MOST, (MOST, "Answer : Dan\n"), (K.RIGHT, K.RIGHT)),
        (Ask.MOST, ("Answer : Dan\n",), (K.RIGHT,)),
        (Ask.MOST, ("Answer : Cal\n",), (K.MISCOPIED,)),
        (Ask.MOST, (MOST, "Answer : Cal\n"), (K.RIGHT, K.MISCOPIED)),
        (Ask.MOST, (swap(MOST, "most Dan", "most Cal"), "Answer : Cal\n"), (K.SLIP, K.RIGHT)),
        (Ask.MOST, (swap(MOST, "Cal= 45", "Cal= 95"),), (K.WRONG_QUANTITY,)),
        (Ask.MOST, (swap(MOST, "and Dan", "and Eve"),), (K.WRONG_QUANTITY,)),
        (Ask.YESNO, (YESNO, "Answer : no\n"), (K.RIGHT, K.RIGHT)),
        (Ask.YESNO, (YESNO, "Answer : yes\n"), (K.RIGHT, K.MISCOPIED)),
        (Ask.YESNO, (YESNO, "Answer : Dan\n"), (K.RIGHT, K.MALFORMED)),
    ],
)
def test_comparisons_and_their_answers(
    ask: Ask, lines: tuple[str, ...], kinds: tuple[K, ...]
) -> None:
    asked = {Ask.MOST: "Who has most of Cal and Dan ?", Ask.YESNO: "Has Cal more than Dan ?"}[ask]
    question = QUESTION.replace("How many has Dan ?", asked)
    assert judge_solution(question, [CAL, DAN, *lines]).step_kinds[2:] == kinds


@given(st.text(), st.text(alphabet="#1 Eve= 9+-*/.,:AnswerHowmnyhs0123456789\n", max_size=80))
def test_no_text_upsets_the_oracle(anything: str, alike: str) -> None:
    for line in (anything, alike):
        parse_step(line)
        judge_solution(QUESTION, [line, CAL, line])
