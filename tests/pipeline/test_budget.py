"""A budget that is spent while a pilot is asked ends the run in order, as it does anywhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.consensus.cascade import BUDGET
from pipeline.errors import RunError
from pipeline.records import Label, Outcome, Solution
from pipeline.relabel import relabel
from pipeline.run_folder import RunFolder
from pipeline.summary import Summary
from tests.killing import rows_of
from tests.pipeline.test_cascade import cascading
from tests.test_resume import learning, small_batch

PROBLEMS = 6


def by_votes(folder: Path) -> RunConfig:
    """A search that learns from a pilot."""
    folder.mkdir(exist_ok=True)
    raw = learning(small_batch(folder, problems=PROBLEMS)).model_dump(mode="json")
    raw["consensus"] = {"rule": "majority", "witnesses": ["judge", "rollouts"], "vetoes": []}
    return RunConfig.check(raw, "test")


def by_posterior(folder: Path) -> RunConfig:
    raw = by_votes(folder).model_dump(mode="json")
    raw["consensus"]["rule"] = "posterior"
    return RunConfig.check(raw, "test")


def in_a_cascade(folder: Path) -> RunConfig:
    folder.mkdir(exist_ok=True)
    return cascading(folder, problems=PROBLEMS)


def priced(config: RunConfig, dollars: float | None) -> RunConfig:
    """Of the generator's tokens none costs anything."""
    raw = config.model_dump(mode="json")
    raw["engines"]["policy"] = raw["engines"]["generator"] | {"model": "other"}
    for role in ("policy", "judge"):
        raw["engines"][role]["price"] = {"input": 1000.0, "output": 1000.0}
    raw["budget"] = None if dollars is None else {"dollars": dollars}
    return RunConfig.check(raw, "test")


def run(config: RunConfig) -> Summary:
    return asyncio.run(run_batch(config, make_annotators(config)))


@pytest.mark.parametrize("made", [by_posterior, in_a_cascade])
def test_what_was_labelled_is_kept_the_rest_is_undecided_and_a_larger_budget_goes_on(
    tmp_path: Path, made: Callable[[Path], RunConfig]
) -> None:
    config = made(tmp_path)
    poor = priced(config, 0.000001)
    summary = run(poor)
    folder = RunFolder(poor.folder)
    assert folder.info["state"] == "finished"
    decided = {s.id for s in folder.solutions.read(Solution) if s.outcome is not Outcome.UNDECIDED}
    assert summary.unpaid == len(decided) > 0
    assert summary.faults == 0
    labels = {label.solution_id: label for label in folder.labels.read(Label)}
    assert {key for key in decided if labels[key].reason} == {
        key for key in decided if (labels[key].reason or "").startswith(BUDGET)
    }
    assert json.loads((poor.folder / "unpaid.json").read_text()) == sorted(decided)
    run(priced(config, None))
    alone = priced(made(tmp_path / "alone"), None)
    run(alone)
    assert rows_of(poor) == rows_of(alone)


def test_what_a_witness_said_under_another_configuration_is_no_evidence(tmp_path: Path) -> None:
    config = priced(by_votes(tmp_path), None)
    run(config)
    raw = priced(by_votes(tmp_path), 0.000001).model_dump(mode="json")
    raw["annotators"]["rollouts"]["sampling"] = {"temperature": 0.5}
    changed = RunConfig.check(raw, "test")
    run(changed)
    folder = RunFolder(changed.folder)
    assert folder.verdicts("rollouts").parts() == []


def test_a_cascade_whose_pilot_was_not_paid_for_is_not_relabelled(tmp_path: Path) -> None:
    config = priced(in_a_cascade(tmp_path), 0.000001)
    run(config)
    with pytest.raises(RunError, match=r"raise budget\.dollars"):
        relabel(config, RunFolder(config.folder), make_annotators(config))


def test_what_an_engine_cost_that_is_asked_no_more_stays_spent(tmp_path: Path) -> None:
    config = priced(by_votes(tmp_path), None)
    before = run(config).dollars
    assert before
    raw = config.model_dump(mode="json")
    raw["engines"]["judge"] |= {"model": "another judge"}
    raw["budget"] = {"dollars": before}
    swapped = run(RunConfig.check(raw, "test"))
    assert swapped.dollars == pytest.approx(before)
    assert swapped.unpaid
    raw["budget"] = None
    more = run(RunConfig.check(raw, "test")).dollars
    assert more is not None
    assert more > before
    assert run(config).dollars == pytest.approx(more)
