"""What people decided: one more witness, whose word is the label, and gold for the rule that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.config import RunConfig
from pipeline.consensus import make_rule
from pipeline.join import Annotated, annotated
from pipeline.labelling import label_run
from pipeline.records import Label, Solution
from pipeline.review.decisions import Decision, Kind, decisions_of
from pipeline.review.witness import REVIEW
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import CONFIG, write_run
from tests.pipeline.dataset.items import batch
from tests.pipeline.review.test_decisions import AT, decision

NAMES = ("rollouts", "judge", "arithmetic")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """20 solutions with three steps; every fifth is one that the witnesses leave open."""
    return write_run(tmp_path, "run", batch(5))


def labelled(run: RunFolder, **consensus: object) -> dict[str, Annotated]:
    config = RunConfig.check(CONFIG | {"consensus": consensus, "name": "run"}, "test")
    label_run(config, run, NAMES, make_rule(config.consensus), frozenset(), lambda: None)
    return {item.solution.id: item for item in annotated(run)}


def label(item: Annotated) -> Label:
    assert item.label is not None
    return item.label


def test_a_person_s_word_is_the_label_and_says_who(run: RunFolder) -> None:
    before = labelled(run)
    open_one = next(one for one, item in before.items() if label(item).first_error is None)
    decisions_of(run.reviews, "ann").append(decision(open_one, 1))
    after = labelled(run)
    assert label(after[open_one]).first_error == 1
    assert label(after[open_one]).agreed == (REVIEW,)
    assert label(after[open_one]).confidence is None
    assert after[open_one].verdicts[REVIEW].first_error == 1
    others = [one for one in before if one != open_one]
    assert [after[one].label for one in others] == [before[one].label for one in others]


def test_a_person_s_word_is_heard_again_when_its_solution_is_back(run: RunFolder) -> None:
    one = next(run.solutions.read(Solution))
    run.solutions.drop({one.id}, Solution)
    decisions_of(run.reviews, "ann").append(decision(one.id, 1))
    assert one.id not in labelled(run)
    run.solutions.write([one], Solution)
    assert REVIEW in label(labelled(run)[one.id]).agreed


def test_those_who_say_the_same_are_named_beside_the_person(run: RunFolder) -> None:
    kept = next(one for one, i in labelled(run).items() if label(i).first_error == 1)
    decisions_of(run.reviews, "ann").append(decision(kept, 1))
    assert label(labelled(run)[kept]).agreed == (REVIEW, "rollouts", "judge")


def test_where_reviewers_disagree_the_rule_decides_and_both_are_on_record(run: RunFolder) -> None:
    before = labelled(run)
    one = next(iter(before))
    decisions_of(run.reviews, "ann").append(decision(one, 1))
    decisions_of(run.reviews, "ben").append(decision(one, 2))
    after = labelled(run)[one]
    assert after.label == before[one].label
    assert after.verdicts[REVIEW].reason == "reviewers disagree: step 1, step 2"
    assert [vote.first_error for vote in after.verdicts[REVIEW].votes] == [1, 2]


def test_one_who_is_unsure_says_nothing_against_one_who_is_sure(run: RunFolder) -> None:
    one = next(iter(labelled(run)))
    decisions_of(run.reviews, "ann").append(decision(one))
    assert labelled(run)[one].verdicts[REVIEW].reason == "no reviewer was sure"
    decisions_of(run.reviews, "ben").append(decision(one, 2))
    assert label(labelled(run)[one]).first_error == 2


def test_no_error_never_stands_beside_a_wrong_answer(run: RunFolder) -> None:
    before = labelled(run)
    one = next(i for i, item in before.items() if item.solution.outcome == "incorrect")
    decisions_of(run.reviews, "ann").append(decision(one, -1))
    after = labelled(run)[one]
    assert after.label == before[one].label
    assert "final answer is wrong" in (after.verdicts[REVIEW].reason or "")


def test_without_them_the_labels_are_as_before(run: RunFolder) -> None:
    before = labelled(run)
    decisions_of(run.reviews, "ann").append(decision(next(iter(before)), 2))
    assert labelled(run) != before
    assert labelled(run, reviews=False) == before
    assert REVIEW not in run.annotators()


def test_names_of_people_are_in_no_verdict(run: RunFolder) -> None:
    one = next(iter(labelled(run)))
    decisions_of(run.reviews, "ann-of-green-gables").append(decision(one, 2))
    assert "green" not in str(labelled(run)[one])


def test_the_posterior_takes_them_at_their_word(run: RunFolder) -> None:
    before = labelled(run, rule="posterior")
    learned = run.learned("consensus").read_text()
    for row, one in enumerate(before):
        shown = Decision(one, Kind.NAMED, row % 3, 1.0 + row, True, 1.0, AT)
        decisions_of(run.reviews, "ann").append(shown)
    after = labelled(run, rule="posterior")
    assert run.learned("consensus").read_text() != learned
    assert [label(item).first_error for item in after.values()] == list(np.arange(len(after)) % 3)
