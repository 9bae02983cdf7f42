"""Killed at any instant and started again, a run ends with the rows of one left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.calibration import Calibration
from pipeline.config import RunConfig
from pipeline.engine.simulated import simulated_problem
from pipeline.errors import EngineFaultError
from pipeline.progress import read_progress
from tests.killing import killed_runs, made_calls, rows_of, run_in_child, run_once


def small_batch(folder: Path, name: str = "run", problems: int = 24) -> RunConfig:
    """A batch on the simulated policy and judge: 4 solutions to each problem."""
    path = folder / "problems.jsonl"
    rows = [simulated_problem(number).to_row() for number in range(problems)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return RunConfig.check(
        {
            "name": name,
            "runs_dir": str(folder / "runs"),
            "seed": 3,
            "problems": {"path": str(path)},
            "engines": {
                "generator": {"kind": "simulated", "model": "policy"},
                "judge": {"kind": "simulated", "model": "judge"},
            },
            "generate": {"prompt": "plain"},
            "annotators": {
                "rollouts": {"search": {"rollouts": 4}},
                "judge": {"prompt": "first_error", "votes": 3},
                "arithmetic": {},
            },
            "shard_size": 16,
        },
        "test",
    )


@pytest.mark.slow
@pytest.mark.parametrize("runs", [4, pytest.param(20, marks=pytest.mark.faults)])
def test_runs_killed_at_random_instants_lose_nothing_and_repeat_nothing(
    tmp_path: Path, runs: int
) -> None:
    found = killed_runs(lambda name: small_batch(tmp_path, name), 20, runs)
    assert sum(run.kills for run in found) >= runs
    assert sum(run.repeated_calls for run in found) == 0
    assert sum(run.unlike for run in found) == 0
    assert all(run.finished_calls > 100 for run in found)


def learning(config: RunConfig) -> RunConfig:
    """The batch with a search that learns its priors from a pilot, and then from a few more."""
    search = {"strategy": "bayesian", "search": {"pilot": 20, "teaching": 30, "confidence": 0.8}}
    return config.model_copy(update={"annotators": config.annotators | {"rollouts": search}})


def hinted(config: RunConfig) -> RunConfig:
    """The learning batch, its search told what the judge said."""
    raw = learning(config).model_dump(mode="json")
    raw["annotators"]["rollouts"]["hints"] = ["judge"]
    raw["consensus"]["witnesses"] = ["rollouts"]
    return RunConfig.check(raw, "test")


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, pytest.param(8, marks=pytest.mark.faults)])
def test_a_pilot_killed_at_random_instants_teaches_the_same(tmp_path: Path, runs: int) -> None:
    found = killed_runs(lambda name: hinted(small_batch(tmp_path, name)), 21, runs)
    assert sum(run.kills for run in found) >= runs
    assert [(run.repeated_calls, run.unlike) for run in found] == [(0, 0)] * runs


def test_what_a_run_learned_is_frozen_and_its_rollouts_are_used_again(tmp_path: Path) -> None:
    config = learning(small_batch(tmp_path, problems=12))
    run_in_child(config, None)
    learned = config.folder / "calibrate" / "rollouts" / "learned.json"
    facts, rows = learned.read_text(), rows_of(config)
    assert (json.loads(facts)["pilot"], json.loads(facts)["solutions"]) == (20, 30)
    run_in_child(learning(small_batch(tmp_path, problems=16)), None)
    assert learned.read_text() == facts
    after = rows_of(config)
    assert all(after[key] == row for key, row in rows.items())
    made = made_calls(config)
    assert len(made) == len(set(made))


def test_a_pilot_of_too_few_is_chosen_anew_when_there_are_more(tmp_path: Path) -> None:
    run_in_child(learning(small_batch(tmp_path, problems=2)), None)
    config = learning(small_batch(tmp_path, problems=12))
    learned = config.folder / "calibrate" / "rollouts" / "learned.json"
    assert json.loads(learned.read_text())["solutions"] < 20
    run_in_child(config, None)
    assert json.loads(learned.read_text())["solutions"] == 30
    made = made_calls(config)
    assert len(made) == len(set(made))


def test_what_could_not_be_heard_after_the_pilot_teaches_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = learning(small_batch(tmp_path, problems=12))
    learned = config.folder / "calibrate" / "rollouts" / "learned.json"
    taught, rounds = Calibration._taught, []

    async def second_misses_one(self, asked, name, ids):
        """As if one of the second round's solutions had failed."""
        rounds.append(len(ids))
        rows, missing = await taught(self, asked, name, ids)
        return (rows, missing) if len(rounds) == 1 else (rows[1:], EngineFaultError("one failed"))

    with monkeypatch.context() as patched:
        patched.setattr(Calibration, "_taught", second_misses_one)
        run_once(config)
    assert rounds == [20, 10]
    assert not learned.exists()
    rows = rows_of(config)
    run_once(config)
    assert json.loads(learned.read_text())["solutions"] == 30
    assert rows_of(config).keys() == rows.keys()
    made = made_calls(config)
    assert len(made) == len(set(made))


def test_a_finished_run_started_again_makes_no_call(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    rows, calls = rows_of(config), made_calls(config)
    run_in_child(config, None)
    assert rows_of(config) == rows
    assert made_calls(config) == calls
    done = read_progress(config.folder / "progress.json")["consensus"]
    assert done.rows_done == done.rows_total == 16


def test_a_changed_judge_makes_only_its_own_stage_anew(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    before = rows_of(config)
    annotators = config.annotators | {"judge": config.annotators["judge"] | {"votes": 5}}
    changed = config.model_copy(update={"annotators": annotators})
    run_in_child(changed, None)
    after = rows_of(changed)
    kept = [key for key in before if not key.startswith(("judge", "label"))]
    assert all(after[key] == before[key] for key in kept)
    assert all(len(row["votes"]) == 5 for key, row in after.items() if key.startswith("judge"))


def test_a_batch_that_grows_labels_only_the_new_problems(tmp_path: Path) -> None:
    run_in_child(small_batch(tmp_path, problems=4), None)
    grown = small_batch(tmp_path, problems=6)
    run_in_child(grown, None)
    made = made_calls(grown)
    assert len(made) == len(set(made))
    assert len([key for key in rows_of(grown) if key.startswith("solution")]) == 24


def test_a_problem_whose_answer_changed_is_another_problem(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    run_in_child(config, None)
    path = Path(config.problems.path)
    first = simulated_problem(0).answer
    path.write_text(path.read_text().replace(f'"answer": "{first}"', '"answer": "3"'))
    run_in_child(config, None)
    golds = {row["gold"] for key, row in rows_of(config).items() if key.startswith("solution")}
    assert {first, "3"} <= golds
