"""Rows of what was said meet gold; those left over are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.evaluate.cases import Case
from pipeline.evaluate.gold import GoldRows, Known, OracleGold
from pipeline.evaluate.match import match
from pipeline.evaluate.panel import UNDECIDED
from pipeline.evaluate.said import Answer, Spoken
from pipeline.records import Outcome, Solution


def gold(*ids: str) -> GoldRows:
    return GoldRows("gold", [Known(Case(one, None, None), 1) for one in ids], [])


def spoken(name: str, first_error: int | None = 1, **witnesses: Answer) -> Spoken:
    return Spoken(Case(name, None, None), None, Answer(first_error), witnesses)


@given(st.sets(st.sampled_from("abcdef"), min_size=1), st.sets(st.sampled_from("abcdef")))
def test_every_row_is_in_the_figures_or_named(said: set[str], known: set[str]) -> None:
    if not said & known:
        with pytest.raises(InputError, match="none of the"):
            match([spoken(one) for one in said], gold(*known))
        return
    found = match([spoken(one) for one in said], gold(*known))
    assert len(found.panel.gold) == len(said & known)
    assert {one.name for one in found.said_alone} == said - known
    assert {one.name for one in found.gold_alone} == known - said
    counted = match([spoken(one) for one in said], gold(*known), count_missing=True)
    assert len(counted.panel.gold) == len(known)
    assert counted.filled == len(known - said)
    assert counted.gold_alone == []


def test_a_witness_without_a_verdict_is_undecided_there() -> None:
    rows = [spoken("a", judge=Answer(1, 0.9, 5)), spoken("b", None)]
    panel = match(rows, gold("a", "b")).panel
    assert panel.witnesses["judge"].named.tolist() == [1, UNDECIDED]
    assert panel.label is not None
    assert panel.label.named.tolist() == [1, UNDECIDED]
    assert np.isnan(panel.witnesses["judge"].tokens[1])


def test_only_the_witnesses_asked_for_are_compared() -> None:
    rows = [spoken("a", judge=Answer(1), rollouts=Answer(1))]
    assert list(match(rows, gold("a"), ["rollouts"]).panel.witnesses) == ["rollouts"]


def test_what_the_row_does_not_tell_comes_from_gold() -> None:
    known = Known(Case("a", "p", None, Outcome.INCORRECT, "5"), 1)
    panel = match([spoken("a")], GoldRows("gold", [known], [])).panel
    assert (panel.outcomes, panel.levels) == (["wrong"], ["5"])


def test_solutions_of_one_problem_are_one_group_whoever_tells_it() -> None:
    known = [Known(Case(one, "a  problem", None), 1) for one in "abc"]
    rows = [Spoken(Case("a", "a problem\n", None), "p7", Answer(1)), spoken("b")]
    panel = match(rows, GoldRows("gold", known, []), count_missing=True).panel
    assert panel.problems.tolist() == [0, 0, 0]


def test_an_oracle_names_what_it_does_not_know() -> None:
    def oracle(solution: Solution) -> int | None:
        return len(solution.steps) - 1 if solution.question == "known" else None

    rows = [
        Spoken(Case("a", "known", ("x", "y")), "p", Answer(1)),
        Spoken(Case("b", "unknown", ("x",)), "q", Answer(0)),
        spoken("c"),
    ]
    found = match(rows, OracleGold("an oracle", oracle))
    assert found.panel.gold.tolist() == [1]
    assert [one.name for one in found.said_alone] == ["b", "c"]


def test_labels_that_are_not_the_truth_are_kept_to_be_looked_at() -> None:
    steps = ("first", "second")
    rows = [
        Spoken(Case("a", "p", steps), None, Answer(0)),
        Spoken(Case("b", "p2", steps), None, Answer(1)),
        Spoken(Case("c", "p3", steps), None, Answer(None)),
    ]
    known = [Known(Case(one, None, None), 1) for one in "abc"]
    (example,) = match(rows, GoldRows("gold", known, [])).examples
    assert (example.name, example.named_step, example.gold_step) == ("a", "first", "second")
