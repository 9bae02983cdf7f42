"""A tree that a run grows is a part of its record: nothing is paid for twice, in it or after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from annotators.registry import make_annotators
from pipeline.config import RunConfig
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.engine.protocol import Completion, SampleRequest, SampleResult
from pipeline.engine.simulated import SimulatedEngine, simulated_truth
from pipeline.errors import BadRequestError, ConfigError
from pipeline.parts import plan_of
from pipeline.pass_rates import PassRates
from pipeline.records import Cost, Outcome, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from tests.killing import finished_calls, killed_runs, made_calls, run_in_child, run_once
from tests.test_resume import small_batch


def tree_batch(
    folder: Path, name: str = "run", problems: int = 12, search: Any = None, **tree: Any
) -> RunConfig:
    """Of each problem 8 solutions and 12 searches, by a policy that never recovers."""
    raw = small_batch(folder, name, problems).model_dump(mode="json")
    raw["generate"] |= {"samples": 8, "tree": {"searches": 12} | tree}
    raw["engines"]["generator"]["args"] = {"value": 0.6, "luck": 0.0}
    options = search or {"rollouts": 8, "wave": 8, "check_start": False}
    raw["annotators"] = {"rollouts": {"search": options}}
    raw["consensus"] = {"witnesses": ["rollouts"], "vetoes": []}
    return RunConfig.check(raw, "test")


def solutions(config: RunConfig) -> list[Solution]:
    return list(RunFolder(config.folder).solutions.read(Solution))


def verdicts(config: RunConfig) -> dict[str, Verdict]:
    return {v.solution_id: v for v in RunFolder(config.folder).verdicts("rollouts").read(Verdict)}


def records(config: RunConfig, stage: str) -> list[CallRecord]:
    journal = CallJournal(RunFolder(config.folder).calls(stage), read_only=True)
    found = list(journal.records())
    journal.close()
    return found


def texts(rows: list[Solution]) -> list[tuple[str, str]]:
    """Problem and text of each, root samples aside, as they were searched."""
    return [(s.problem_id, s.text) for s in rows if s.given]


def test_what_the_tree_paid_for_is_not_paid_for_again(tmp_path: Path) -> None:
    config = tree_batch(tmp_path)
    run_once(config)
    found, rows = verdicts(config), solutions(config)
    searched = [s for s in rows if s.given]
    assert len(searched) > 10
    right = 0
    for solution in searched:
        verdict = found[solution.id]
        assert verdict.cost == Cost()
        assert verdict.probes == solution.known
        truth = simulated_truth(solution.text, solution.gold)
        right += verdict.first_error == min(truth, len(solution.steps) - 1)
    assert right / len(searched) > 0.9
    grown_tokens = sum(s.cost.completion_tokens for s in rows)
    assert grown_tokens == sum(r.cost.completion_tokens for r in records(config, "generate"))


def test_what_is_asked_beyond_the_tree_is_drawn_anew(tmp_path: Path) -> None:
    config = tree_batch(tmp_path, search={"rollouts": 12})
    run_once(config)
    stages = [{r.key for r in records(config, stage)} for stage in ("generate", "rollouts")]
    assert stages[1]
    assert stages[0].isdisjoint(stages[1])


def test_a_tree_on_another_engine_or_temperature_is_no_evidence(tmp_path: Path) -> None:
    config = tree_batch(tmp_path, problems=6)
    raw = config.model_dump(mode="json")
    raw["annotators"]["rollouts"]["sampling"] = {"temperature": 0.5}
    config = RunConfig.check(raw, "test")
    run_once(config)
    found = verdicts(config)
    wrong = [s for s in solutions(config) if s.given and len(s.steps) > 1]
    assert wrong
    assert all(found[s.id].cost.calls > 0 for s in wrong)


def test_solutions_that_were_begun_for_the_policy_are_no_pass_rate(tmp_path: Path) -> None:
    config = tree_batch(tmp_path)
    run_once(config)
    rates = PassRates.of(RunFolder(config.folder).solutions)
    rows = solutions(config)
    alone = [s.outcome is Outcome.CORRECT for s in rows if not s.given]
    summary = json.loads((config.folder / "summary.json").read_text())
    assert summary["solve_rate"] == sum(alone) / len(alone)
    for solution in rows:
        roots = [s for s in rows if s.problem_id == solution.problem_id and not s.given]
        assert rates.siblings(solution).decided == len(roots) - (solution in roots)
        assert all(count.prefix > 0 for count in solution.known)


def test_more_searches_repeat_no_call_and_begin_with_the_same(tmp_path: Path) -> None:
    config = tree_batch(tmp_path, searches=6)
    run_in_child(config, None)
    first, made = solutions(config), made_calls(config)
    more = tree_batch(tmp_path, searches=12)
    run_in_child(more, None)
    after = solutions(more)
    assert len(set(made_calls(more))) == len(made_calls(more))
    assert made_calls(more)[: len(made)] == made
    assert set(texts(first)) < set(texts(after))
    for problem in {s.problem_id for s in first}:
        before, now = (
            [pair for pair in texts(rows) if pair[0] == problem] for rows in (first, after)
        )
        assert now[: len(before)] == before


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, pytest.param(8, marks=pytest.mark.faults)])
def test_a_tree_killed_at_random_instants_grows_the_same_and_repeats_no_call(
    tmp_path: Path, runs: int
) -> None:
    def batch(name: str) -> RunConfig:
        config = tree_batch(tmp_path, name, search={"rollouts": 12})  # asks for more than the tree
        raw = config.model_dump(mode="json")
        raw["annotators"]["judge"] = {"prompt": "first_error", "votes": 1}
        return RunConfig.check(raw, "test")

    found = killed_runs(batch, 22, runs)
    assert sum(run.kills for run in found) >= runs
    assert [(run.repeated_calls, run.unlike) for run in found] == [(0, 0)] * runs
    assert all(run.finished_calls > 100 for run in found)


def test_a_finished_tree_makes_no_call(tmp_path: Path) -> None:
    config = tree_batch(tmp_path, problems=4)
    run_in_child(config, None)
    made = made_calls(config)
    assert finished_calls(config) == set(made)
    folder = RunFolder(config.folder).solutions.folder
    (folder / "manifest.jsonl").unlink()
    run_in_child(config, None)
    assert made_calls(config) == made


def test_a_prefix_that_no_engine_takes_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tree_batch(tmp_path, problems=6)
    sample = SimulatedEngine.sample

    async def short(engine: SimulatedEngine, request: SampleRequest) -> SampleResult:
        if "Step 1 of" in request.prompt.text:
            raise BadRequestError("too long")
        return await sample(engine, request)

    monkeypatch.setattr(SimulatedEngine, "sample", short)
    run_once(config)
    rows = solutions(config)
    assert len(rows) == 6 * 8
    assert any(count.undecided for s in rows for count in s.known)
    assert {s.outcome for s in rows} == {Outcome.CORRECT, Outcome.INCORRECT}


def test_rows_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    run_once(config)
    store = RunFolder(config.folder).solutions
    older = tmp_path / "older"
    older.mkdir()
    for part in store.parts():
        table = pq.read_table(store.folder / part.file).drop_columns(["given", "known"])
        pq.write_table(table, older / part.file)
    rows = [
        Solution.from_row(row)
        for part in store.parts()
        for row in pq.read_table(older / part.file).to_pylist()
    ]
    assert rows == list(store.read(Solution))


def test_the_plan_counts_the_tree_and_what_it_saves(tmp_path: Path) -> None:
    def planned(config: RunConfig) -> Any:
        return plan_of(config, read_inputs(config), make_annotators(config))

    tree = tree_batch(tmp_path)
    raw = tree.model_dump(mode="json")
    alone = RunConfig.check(raw | {"generate": raw["generate"] | {"tree": None}}, "test")
    raw["annotators"]["rollouts"]["sampling"] = {"temperature": 0.5}
    unlike = RunConfig.check(raw, "test")
    assert planned(tree).by_stage["generate"] > planned(alone).by_stage["generate"]
    assert planned(tree).solutions > planned(alone).solutions
    assert planned(tree).by_stage["rollouts"] == 0 < planned(unlike).by_stage["rollouts"]
    assert "tree" in planned(tree).assumed


@pytest.mark.parametrize(
    ("generate", "told"),
    [
        ({"samples": 1, "tree": {}}, "samples of 2 or more"),
        ({"sampling": {"temperature": 0}, "tree": {}}, "greedy rollouts are all the same"),
        ({"tree": {"searches": 0}}, "greater than or equal to 1"),
        ({"tree": {"alpha": 1.5}}, "less than or equal to 1"),
        ({"tree": {"cpuct": 1}}, "did you mean 'c_puct'"),
        ({"tree": True}, "generate.tree"),
    ],
)
def test_a_tree_that_can_not_grow_is_told(generate: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        RunConfig.check({"problems": {"path": "p.jsonl"}, "generate": generate}, "test")


def test_false_leaves_the_recipe_s_tree_out(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("recipe: omegaprm\nproblems: {path: p.jsonl}\n")
    assert RunConfig.load(mine).generate.tree is not None
    assert RunConfig.load(mine, ["generate.tree=false"]).generate.tree is None
    assert RunConfig.load(mine, ["generate.tree.searches=5"]).generate.tree.searches == 5


def test_a_rollout_that_says_nothing_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tree_batch(tmp_path, problems=1)
    (problem,) = read_inputs(config).problems

    async def silent(engine: SimulatedEngine, request: SampleRequest) -> SampleResult:
        if "Half" in request.prompt.text:
            return SampleResult((Completion("\n", "stop"),) * request.n)
        ends = (problem.answer, "1") * (request.n // 2)
        written = (f"Half of it is 7.\nThat is all.\n#### {end}" for end in ends)
        return SampleResult(tuple(Completion(text, "stop") for text in written))

    monkeypatch.setattr(SimulatedEngine, "sample", silent)
    run_once(config)
    counts = [count for s in solutions(config) for count in s.known]
    assert any(count.undecided for count in counts)
    assert all(count.decided == count.right for count in counts)
