"""What each rule leaves out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import SelectConfig
from pipeline.join import Annotated
from pipeline.records import Outcome, Verdict, Vote
from pipeline.selection import select
from pipeline.selection.balanced_information import score
from pipeline.selection.disagreement import chances
from tests.pipeline.dataset.items import as_read
from tests.pipeline.selection.items import solution

RIGHT, WRONG = Outcome.CORRECT, Outcome.INCORRECT


def left_out(items: list[Annotated], **rules: Any) -> dict[str, str]:
    return dict(select(as_read(items), SelectConfig.model_validate(rules)).reasons)


def kept(items: list[Annotated], **rules: Any) -> list[Annotated]:
    gone = left_out(items, **rules)
    return [one for one in items if one.solution.id not in gone]


def asking(item: Annotated, question: str) -> Annotated:
    return replace(item, solution=replace(item.solution, question=question))


def test_of_the_same_texts_one_stays_whatever_their_spaces_and_case() -> None:
    items = [
        solution(0, i, text=text) for i, text in enumerate(["Add 2  AND 2", "add 2 and 2", "no"])
    ]
    assert len(kept(items, deduplicate={})) == 2
    assert len(kept([solution(0, 0, text="a"), solution(1, 0, text="a")], deduplicate={})) == 2


def test_programs_that_differ_in_indentation_are_not_the_same() -> None:
    loop = ("for x in xs:\n", "    y = x\n")
    items = [
        replace(one, solution=replace(one.solution, steps=(*loop, last), tests="assert f()"))
        for one, last in (
            (solution(0, 0), "return y\n"),
            (solution(0, 1, first_error=2), "    return y\n"),
            (solution(0, 2), "return y"),
        )
    ]
    gone = left_out(items, deduplicate={})
    assert len(gone) == 1
    assert items[1].solution.id not in gone


def test_steps_that_are_cut_elsewhere_are_no_conflict() -> None:
    """The same place of an error has another number."""
    cut, whole = (
        replace(one, solution=replace(one.solution, steps=steps))
        for one, steps in (
            (solution(0, 0, first_error=1), ("a\n\n", "b")),
            (solution(0, 1, first_error=0), ("a\nb",)),
        )
    )
    assert left_out([cut, whole], deduplicate={}) == {}
    twice = replace(cut, solution=replace(cut.solution, id="again", steps=("A ", "b\n")))
    assert len(left_out([cut, whole, twice], deduplicate={})) == 1


def test_texts_that_differ_in_a_sign_are_not_the_same() -> None:
    items = [solution(0, i, text=text) for i, text in enumerate(["1 + 1", "1 - 1"])]
    assert left_out(items, deduplicate={}) == {}


LONG = (
    "we first add the apples of the two baskets and then take away what was eaten on the way home"
)


def test_nearly_the_same_texts_are_one_and_others_stay() -> None:
    pytest.importorskip("datasketch", reason="datasketch is not installed (steplabel[select])")
    items = [
        solution(0, 0, text=f"{LONG} so there are some apples left in the baskets"),
        solution(0, 1, text=f"{LONG} so there are some apples left in the sacks"),
        solution(0, 2, text="seven pears are eaten before the baskets are even counted by anyone"),
    ]
    gone = left_out(items, deduplicate={"near": 0.7})
    assert len(gone) == 1
    assert gone.keys() < {items[0].solution.id, items[1].solution.id}


def test_near_texts_with_different_labels_stay() -> None:
    pytest.importorskip("datasketch", reason="datasketch is not installed (steplabel[select])")
    items = [
        solution(0, 0, first_error=-1, text=f"{LONG} so there are 4"),
        solution(0, 1, first_error=0, text=f"{LONG} so there are 5"),
    ]
    assert left_out(items, deduplicate={"near": 0.6}) == {}


def test_near_ones_of_other_problems_stay_unless_they_are_asked_for() -> None:
    pytest.importorskip("datasketch", reason="datasketch is not installed (steplabel[select])")
    items = [solution(i, 0, text=LONG) for i in range(2)]
    assert left_out(items, deduplicate={"near": 0.7}) == {}
    rules = {"near": 0.5, "across_problems": True}
    assert len(left_out(items, deduplicate=rules)) == 1


def test_a_problem_that_shares_words_in_a_row_with_a_test_set_goes(tmp_path: Path) -> None:
    path = tmp_path / "gsm8k_test.jsonl"
    question = "Natalia sold clips to 48 of her friends, and half as many in May. How many in all?"
    path.write_text(json.dumps({"question": question}))
    items = [
        asking(
            solution(0, 0),
            "Think. NATALIA sold clips to 48 of her friends; and half as many in May!",
        ),
        asking(solution(1, 0), "Natalia sold pears to 48 of her friends"),
    ]
    gone = left_out(items, decontaminate={"against": [str(path)]})
    assert gone == {
        items[
            0
        ].solution.id: "decontaminate: its problem shares 13 words in a row with gsm8k_test.jsonl"
    }


def test_a_short_test_problem_counts_where_it_is_the_whole_problem(tmp_path: Path) -> None:
    path = tmp_path / "short.jsonl"
    path.write_text(json.dumps({"problem": "What is 2 + 2?"}))
    items = [
        asking(solution(0, 0), "what is 2+2"),
        asking(solution(1, 0), "What is 2 + 2? Then what is twice that, and why is it so?"),
    ]
    assert list(left_out(items, decontaminate={"against": [str(path)]})) == [items[0].solution.id]


def test_balance_leaves_as_many_right_as_wrong() -> None:
    items = [solution(i, 0, first_error=-1 if i % 4 else 1) for i in range(40)]
    rest = kept(items, balance={"by": ["outcome"]})
    assert Counter(one.solution.outcome for one in rest) == {RIGHT: 10, WRONG: 10}


def test_a_rare_kind_does_not_set_the_size_of_all() -> None:
    errors = [-1] * 30 + [0] * 10 + [1] * 8 + [2]
    items = [solution(i, 0, first_error=error) for i, error in enumerate(errors)]
    rest = kept(items, balance={"by": ["first_error"]})
    assert Counter(one.label.first_error for one in rest if one.label) == {-1: 8, 0: 8, 1: 8, 2: 1}


def test_difficulty_is_the_pass_rate_over_all_solutions_of_a_problem() -> None:
    easy = [solution(0, i) for i in range(8)]
    hard = [solution(1, i, first_error=None, outcome=WRONG) for i in range(7)] + [solution(1, 9)]
    gone = left_out(easy + hard, balance={"by": ["difficulty"]})
    assert set(gone.values()) == {"balance: too many of pass rate 0.75 to 1"}
    assert len(gone) == 7


def test_prof_keeps_the_consistent_and_balances_right_and_wrong() -> None:
    right = [
        solution(0, i, values=(v,) * 3, outcome=RIGHT) for i, v in enumerate([0.9, 0.8, 0.2, 0.1])
    ]
    wrong = [
        solution(0, 10 + i, first_error=1, values=(v,) * 3, outcome=WRONG)
        for i, v in enumerate([0.9, 0.1])
    ]
    rest = kept(right + wrong, consistency={"keep": 4 / 6})
    assert rest == [right[0], right[1], wrong[0], wrong[1]]
    rest = kept(right + wrong, consistency={"keep": 2 / 6})
    assert rest == [right[0], wrong[1]]


def test_prof_takes_lambda_off_long_solutions_and_leaves_what_has_no_values() -> None:
    items = [solution(0, i, values=(v,) * 3) for i, v in enumerate([0.9, 0.5])]
    blank = solution(0, 5, values=(None,) * 3)
    long = {"keep": 0.5, "penalty": 0.6, "long_steps": 3}
    assert kept([*items, blank], consistency={"keep": 0.5}) == [items[0], blank]
    assert kept([*items, blank], consistency=long) == [items[0], blank]  # both are long: no change


def test_bis_is_the_published_score() -> None:
    assert score([1.0, 0.5, 0.0, 0.0], alpha=0.05) == pytest.approx((0.25 + 0.05) * 0.75)
    assert score([0.0, 0.0], alpha=0.05) == pytest.approx(0.05)
    assert score([1.0], alpha=0.05) == pytest.approx(0.05)


def test_bis_keeps_the_best_share_and_leaves_out_what_it_can_not_score() -> None:
    items = [
        solution(0, 0, values=(1.0, 1.0, 0.0)),
        solution(0, 1, values=(0.1, 0.1, 0.0)),
        solution(0, 2, values=(None, None, None)),
    ]
    gone = left_out(items, balanced_information={"share": 0.5})
    assert list(gone) == [items[1].solution.id, items[2].solution.id]
    assert "no rollouts" in gone[items[2].solution.id]


def voted(attempt: int, judge: tuple[int | None, ...], rollouts: int | None) -> Annotated:
    made = solution(0, attempt, first_error=1)
    votes = tuple(Vote(vote, "so") for vote in judge)
    verdicts = {
        "judge": Verdict(made.solution.id, "judge", 1, votes=votes),
        "rollouts": Verdict(made.solution.id, "rollouts", rollouts),
    }
    return replace(made, verdicts=verdicts)


def test_actprm_keeps_what_the_witnesses_disagree_on() -> None:
    sure, split, apart = voted(0, (1, 1), 1), voted(1, (1, 2), 1), voted(2, (1, 1), 2)
    assert kept([sure, split, apart], disagreement={}) == [split, apart]


def test_actprm_counts_no_step_behind_the_first_wrong_one() -> None:
    """Both are sure that step 1 is wrong; one says no more of step 2 than the other."""
    items = [voted(0, (1, 1, None), 1)]
    assert kept(items, disagreement={}) == []


def test_where_nobody_says_anything_nobody_is_sure() -> None:
    silent = replace(solution(0, 0), verdicts={"judge": Verdict("s0-0", "judge", None, "cut")})
    assert kept([silent], disagreement={}) == [silent]


def test_the_chance_of_a_step_is_that_the_error_is_behind_it() -> None:
    votes = tuple(Vote(vote, "") for vote in (-1, 1, 1, 2, None))
    assert chances(Verdict("s", "judge", 1, votes=votes), 3) == [1.0, 0.5, 0.25]
    flat = Verdict("s", "search", None, log_likelihood=(0.0, 0.0, 0.0, 0.0))
    assert chances(flat, 3) == [0.75, 0.5, 0.25]
