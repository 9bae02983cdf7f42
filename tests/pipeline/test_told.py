"""Hints come from verdicts that are there, and a consensus counts none of them twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, EngineFaultError
from pipeline.parts import check_parts
from pipeline.records import Solution, Verdict, Vote
from pipeline.run_folder import RunFolder
from pipeline.search.hints import Hint
from pipeline.shards import Store
from pipeline.told import Told, answers_of
from tests.killing import run_in_child
from tests.test_resume import hinted, small_batch


def solution(number: int) -> Solution:
    return Solution(f"s{number}", "p", "q", "1", ("a\n",), "g", number)


def test_votes_are_answers_and_an_undecided_verdict_has_none() -> None:
    votes = (Vote(2, ""), Vote(None, "", "unparsable"), Vote(-1, ""))
    assert answers_of(Verdict("s", "judge", None, "no majority", votes=votes)) == (2, -1)
    assert answers_of(Verdict("s", "arithmetic", 3)) == (3,)
    assert answers_of(Verdict("s", "arithmetic", None, "nothing to check")) == ()


def test_a_solution_without_a_verdict_waits_for_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open("made so")
    store.write([Verdict("s1", "judge", 0), Verdict("s2", "judge", None, "cut")], Verdict)
    told = Told.by({"judge": store})
    assert told(solution(1)) == (Hint("judge", (0,)),)
    assert told(solution(2)) == ()
    with pytest.raises(EngineFaultError, match="judge has no verdict"):
        told(solution(3))
    assert Told()(solution(3)) == ()


def test_a_search_with_hints_runs_after_those_that_give_them(tmp_path: Path) -> None:
    config = hinted(small_batch(tmp_path, problems=6))
    parts = check_parts(config, make_annotators(config))
    assert [a.name for a in parts.order][-1] == "rollouts"
    run_in_child(config, None)
    run = RunFolder(config.folder)
    verdicts = list(run.verdicts("rollouts").read(Verdict))
    assert verdicts
    assert all(v.confidence is not None for v in verdicts)
    before = run.verdicts("rollouts").fingerprint
    raw = config.model_dump(mode="json")
    raw["annotators"]["judge"]["votes"] = 5
    run_in_child(RunConfig.check(raw, "test"), None)
    assert run.verdicts("rollouts").fingerprint != before


@pytest.mark.parametrize(
    ("strategy", "hints", "witnesses", "message"),
    [
        ("bayesian", ["nobody"], ["rollouts"], "annotators.rollouts.hints: 'nobody'"),
        ("bayesian", ["rollouts"], ["rollouts"], "annotators.rollouts.hints: 'rollouts'"),
        ("bayesian", ["judge"], ["rollouts", "judge"], "name one of them"),
        ("bisection", ["judge"], ["rollouts"], "the strategy 'bisection' takes none"),
    ],
)
def test_hints_that_make_no_sense_are_refused(
    tmp_path: Path, strategy: str, hints: list[str], witnesses: list[str], message: str
) -> None:
    raw = small_batch(tmp_path).model_dump(mode="json")
    raw["annotators"]["rollouts"] = {"strategy": strategy, "hints": hints}
    raw["consensus"]["witnesses"] = witnesses
    config = RunConfig.check(raw, "test")
    with pytest.raises(ConfigError, match=message):
        check_parts(config, make_annotators(config))
