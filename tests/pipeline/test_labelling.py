"""What consensus learns is frozen: a batch that grows keeps it, other rules learn anew, and neither a kill
nor the order of the rows changes a label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.consensus.posterior import PosteriorRule
from pipeline.engine.protocol import SampleRequest, SampleResult
from pipeline.engine.simulated import SimulatedEngine
from pipeline.errors import ConfigError, EngineFaultError, InputError
from pipeline.records import Label, Solution, content_hash
from pipeline.run_folder import RunFolder
from tests.killing import killed_runs, made_calls, rows_of, run_in_child, run_once
from tests.test_resume import small_batch

WITNESSES = ["rollouts", "judge", "arithmetic"]


@pytest.fixture(autouse=True)
def small_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PosteriorRule, "pilot_size", 20)


def weighing(folder: Path, name: str = "run", problems: int = 8, **consensus: Any) -> RunConfig:
    raw = small_batch(folder, name, problems).model_dump(mode="json")
    raw["consensus"] = {"rule": "posterior", "witnesses": WITNESSES, "vetoes": []} | consensus
    return RunConfig.check(raw, "test")


def learned(config: RunConfig) -> dict[str, Any]:
    path = config.folder / "calibrate" / "consensus" / "learned.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def labels(config: RunConfig) -> dict[str, Label]:
    return {one.solution_id: one for one in RunFolder(config.folder).labels.read(Label)}


def test_a_batch_that_grows_keeps_what_was_learned(tmp_path: Path) -> None:
    config = weighing(tmp_path)
    run_in_child(config, None)
    before, rows = learned(config), labels(config)
    assert (before["solutions"], before["gold"]) == (20, 0)
    grown = weighing(tmp_path, problems=12)
    run_in_child(grown, None)
    assert learned(grown) == before
    after = labels(grown)
    assert len(after) == 48
    assert all(after[one] == label for one, label in rows.items())


def test_a_pilot_of_too_few_is_chosen_anew_when_there_are_more(tmp_path: Path) -> None:
    config = weighing(tmp_path, problems=2)
    run_in_child(config, None)
    assert learned(config)["solutions"] < 20
    run_in_child(weighing(tmp_path), None)
    assert learned(config)["solutions"] == 20


def test_a_pilot_of_which_some_have_left_the_run_teaches_no_more(tmp_path: Path) -> None:
    run_in_child(weighing(tmp_path, problems=12), None)
    before = learned(config := weighing(tmp_path))
    fresh = weighing(tmp_path, "fresh")
    for each in (config, fresh):
        run_in_child(each, None)
    assert learned(config)["facts"] == learned(fresh)["facts"] != before["facts"]
    assert labels(config) == labels(fresh)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A third of the judge's calls fail as long as the list holds something."""
    sample, on = SimulatedEngine.sample, [True]

    async def seldom(self: SimulatedEngine, request: SampleRequest) -> SampleResult:
        text = request.prompt.text
        if on and "-1" in text and int(content_hash(text), 16) % 3 == 0:
            raise EngineFaultError("down")
        return await sample(self, request)

    monkeypatch.setattr(SimulatedEngine, "sample", seldom)
    return on


def impatient(config: RunConfig) -> RunConfig:
    raw = config.model_dump(mode="json")
    raw["engines"]["judge"]["retries"] = 0
    return RunConfig.check(raw, "test")


def test_what_was_learned_without_some_for_a_fault_is_learned_anew_with_them(
    tmp_path: Path, failing: list[bool]
) -> None:
    config = impatient(weighing(tmp_path))
    run_once(config)
    assert RunFolder(config.folder).info["state"] == "finished"
    before = learned(config)
    assert before["unheard"]
    failing.clear()
    run_once(config)
    undisturbed = weighing(tmp_path, "undisturbed")
    run_once(undisturbed)
    assert learned(config)["facts"] == learned(undisturbed)["facts"] != before["facts"]
    assert labels(config) == labels(undisturbed)


def test_a_fault_that_stays_changes_nothing_that_was_learned(
    tmp_path: Path, failing: list[bool]
) -> None:
    run_once(impatient(weighing(tmp_path, problems=12)))
    grown = impatient(weighing(tmp_path, problems=16))
    before = learned(grown)
    assert before["unheard"]
    run_once(grown)
    assert learned(grown) == before


@pytest.mark.parametrize("change", [{"precision": 0.8}, {"witnesses": WITNESSES[:2]}])
def test_other_rules_learn_anew_and_call_no_model(tmp_path: Path, change: dict[str, Any]) -> None:
    config = weighing(tmp_path)
    run_in_child(config, None)
    before, calls = learned(config), made_calls(config)
    run_in_child(weighing(tmp_path, **change), None)
    assert learned(config)["made_by"] != before["made_by"]
    assert made_calls(config) == calls
    run_in_child(config, None)
    assert learned(config) == before


def test_a_finished_run_started_again_learns_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = weighing(tmp_path)
    run_in_child(config, None)
    rows = rows_of(config)

    def refuse(*_: object) -> None:
        raise AssertionError("learned twice")

    monkeypatch.setattr(PosteriorRule, "learn", refuse)
    run_once(config)
    assert rows_of(config) == rows


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, pytest.param(8, marks=pytest.mark.faults)])
def test_killed_at_random_instants_it_labels_the_same(tmp_path: Path, runs: int) -> None:
    found = killed_runs(lambda name: weighing(tmp_path, name), 23, runs)
    assert sum(run.kills for run in found) >= runs
    assert [(run.repeated_calls, run.unlike) for run in found] == [(0, 0)] * runs


def test_shards_cut_otherwise_are_labelled_alike(tmp_path: Path) -> None:
    one = weighing(tmp_path, "one")
    two = weighing(tmp_path, "two").model_copy(update={"shard_size": 3})
    run_in_child(one, None)
    run_in_child(two, None)
    assert labels(one) == labels(two)


def gold_file(config: RunConfig, path: Path, count: int, **other: Any) -> str:
    """ProcessBench's form: the run's own solutions, the last step wrong in each."""
    rows = []
    for number, solution in enumerate(RunFolder(config.folder).solutions.read(Solution)):
        if number < count:
            row = {
                "id": f"gold-{number}",
                "problem": solution.question,
                "steps": list(solution.steps),
                "label": len(solution.steps) - 1,
            }
            rows.append(row | other)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_gold_is_matched_by_content_and_counted(tmp_path: Path) -> None:
    config = weighing(tmp_path)
    run_in_child(config, None)
    path = gold_file(config, tmp_path / "gold.jsonl", 6)
    told = weighing(tmp_path, gold=path)
    run_in_child(told, None)
    matched = learned(told)["gold"]
    assert matched >= 6  # a solution that was sampled twice has the same text
    assert 20 <= learned(told)["solutions"] <= 20 + matched
    before = learned(told)
    gold_file(config, tmp_path / "gold.jsonl", 3)
    run_in_child(told, None)
    assert learned(told)["gold"] < before["gold"]


def test_gold_of_other_problems_is_told(tmp_path: Path) -> None:
    config = weighing(tmp_path)
    run_in_child(config, None)
    path = gold_file(config, tmp_path / "gold.jsonl", 2, problem="another one")
    with pytest.raises(InputError, match="none of the 2 rows"):
        run_once(weighing(tmp_path, gold=path))


@pytest.mark.parametrize(
    ("change", "told"),
    [({"gold": "absent.json"}, "no file absent.json"), ({"rule": "agree"}, "doesn't learn")],
)
def test_gold_that_can_not_be_used_is_told_first(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    (tmp_path / "gold.jsonl").write_text("")
    config = weighing(tmp_path, **({"gold": str(tmp_path / "gold.jsonl")} | change))
    with pytest.raises(ConfigError, match=told):
        run_once(config)
    assert not (config.folder / "solutions").exists()
