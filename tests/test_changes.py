"""What a change of the configuration, or of what lies on disk, makes anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pipeline.stages.grade
from pipeline.config import Options, RunConfig
from pipeline.engine.protocol import SampleRequest, SampleResult
from pipeline.engine.servers import ServerFault
from pipeline.engine.simulated import SimulatedEngine
from pipeline.errors import (
    BadRequestError,
    ConfigError,
    EngineFaultError,
    InputError,
    PrerequisiteError,
    RunError,
)
from pipeline.records import Label, Outcome, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.summary import make_oracle
from tests.killing import made_calls, run_in_child, run_once
from tests.test_resume import small_batch


def changed(config: RunConfig, **parts: dict[str, Any]) -> RunConfig:
    raw = config.model_dump(mode="json")
    for name, values in parts.items():
        raw[name] |= values
    return RunConfig.check(raw, "test")


def solutions(config: RunConfig) -> dict[str, Solution]:
    return {s.id: s for s in RunFolder(config.folder).solutions.read(Solution)}


def test_steps_cut_otherwise_are_judged_anew(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    before, sampled = solutions(config), len(made_calls(config))
    config = changed(config, steps={"split": "blank_line"})
    run_in_child(config, None)
    after = solutions(config)
    assert before.keys().isdisjoint(after)
    assert sorted(s.text for s in after.values()) == sorted(s.text for s in before.values())
    assert len(made_calls(config)) > sampled
    run = RunFolder(config.folder)
    for name in run.annotators():
        for verdict in run.verdicts(name).read(Verdict):
            if verdict.solution_id in before:
                continue  # said of the steps as they were
            assert (verdict.first_error or 0) < len(after[verdict.solution_id].steps)
    for label in run.labels.read(Label):
        assert len(label.step_labels) == len(after[label.solution_id].steps)


def test_another_seed_samples_anew(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    run_in_child(config, None)
    before = {s.text for s in solutions(config).values()}
    run_in_child(config.model_copy(update={"seed": 99}), None)
    assert {s.text for s in solutions(config).values()} != before


def test_another_version_of_the_grader_grades_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_batch(tmp_path, problems=2)
    run_in_child(config, None)
    store = RunFolder(config.folder).solutions
    before, calls = store.fingerprint, made_calls(config)
    monkeypatch.setattr(pipeline.stages.grade, "GRADING_VERSION", -1)
    run_in_child(config, None)
    assert store.fingerprint != before
    assert made_calls(config) == calls


def test_a_problem_that_no_engine_takes_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_batch(tmp_path, problems=3)
    sample = SimulatedEngine.sample

    async def picky(engine: SimulatedEngine, request: SampleRequest) -> SampleResult:
        if "problem 1." in request.prompt.text:
            raise BadRequestError("too long")
        return await sample(engine, request)

    monkeypatch.setattr(SimulatedEngine, "sample", picky)
    run_once(config)
    run_once(config)
    refused = [s for s in solutions(config).values() if not s.steps]
    assert [s.outcome for s in refused] == [Outcome.UNDECIDED]
    assert "too long" in (refused[0].outcome_reason or "")
    assert len(solutions(config)) == 2 * 4 + 1


def test_an_engine_that_takes_no_new_request_fails_the_run_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(small_batch(tmp_path, problems=3))
    sample = SimulatedEngine.sample

    async def refusing(engine: SimulatedEngine, request: SampleRequest) -> SampleResult:
        raise BadRequestError("max_tokens is too large")

    monkeypatch.setattr(SimulatedEngine, "sample", refusing)
    with pytest.raises(EngineFaultError, match=r"every one of 9 rows failed.*max_tokens"):
        run_once(small_batch(tmp_path, problems=12))
    monkeypatch.setattr(SimulatedEngine, "sample", sample)
    config = small_batch(tmp_path, problems=12)
    run_once(config)
    assert len([s for s in solutions(config).values() if s.steps]) == 4 * 12


def test_a_fault_that_stays_does_not_stop_a_run_that_has_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_batch(tmp_path, problems=3)
    config = changed(
        config, engines={"generator": {"kind": "simulated", "model": "p", "retries": 0}}
    )
    sample = SimulatedEngine.sample

    async def broken(engine: SimulatedEngine, request: SampleRequest) -> SampleResult:
        if "problem 1." in request.prompt.text:
            raise EngineFaultError("no answer")
        return await sample(engine, request)

    monkeypatch.setattr(SimulatedEngine, "sample", broken)
    run_once(config)
    run_once(config)
    assert len(solutions(config)) == 2 * 4
    assert json.loads((config.folder / "run.json").read_text())["state"] == "finished"


def test_a_dataset_file_that_was_deleted_comes_back(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=4)
    run_in_child(config, None)
    lost = next((config.folder / "dataset").rglob("train-*.parquet"))
    whole = lost.read_bytes()
    lost.unlink()
    run_in_child(config, None)
    assert lost.read_bytes() == whole


class Beyond:
    """An annotator that counts its steps from one."""

    OPTIONS = Options
    role = None
    uses_outcome = False

    def __init__(self, name: str, options: Options) -> None:
        self.name = self.fingerprint = name

    def expected_completion_tokens(self, solution: object) -> float:
        return 0.0

    async def annotate(self, solution: Solution, tools: object) -> Verdict:
        return Verdict(solution.id, self.name, len(solution.steps))


def test_a_first_error_outside_the_solution_is_no_verdict(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=1)
    kinds = {"beyond": {"kind": "tests.test_changes:Beyond"}}
    raw = config.model_dump(mode="json") | {
        "annotators": kinds,
        "consensus": {"witnesses": ["beyond"], "vetoes": []},
    }
    config = RunConfig.check(raw, "test")
    with pytest.raises(RunError, match="the annotator is wrong"):
        run_once(config)
    assert not list(RunFolder(config.folder).verdicts("beyond").read(Verdict))


def brought(folder: Path, texts: list[str]) -> RunConfig:
    """Solutions of the user's own to the first problem."""
    config = small_batch(folder, problems=2)
    first = json.loads((folder / "problems.jsonl").read_text().splitlines()[0])["id"]
    rows = [json.dumps({"problem": first, "text": text}) + "\n" for text in texts]
    (folder / "solutions.jsonl").write_text("".join(rows))
    raw = config.model_dump(mode="json")
    raw["solutions"] = {
        "path": str(folder / "solutions.jsonl"),
        "columns": {"problem_id": "problem", "text": "text"},
    }
    raw["annotators"] = {"arithmetic": {}}
    raw["consensus"] = {"rule": "agree", "witnesses": ["arithmetic"], "vetoes": []}
    return RunConfig.check(raw, "test")


def test_solutions_that_are_brought_no_more_leave_the_run(tmp_path: Path) -> None:
    one, two, three = (f"Step: 1 + {n} = {n + 1}\n#### {n + 1}" for n in (1, 2, 3))
    run_once(brought(tmp_path, [one, two]))
    config = brought(tmp_path, [two, three])
    run_once(config)
    assert {s.text for s in solutions(config).values()} == {two, three}
    run = RunFolder(config.folder)
    assert {label.solution_id for label in run.labels.read(Label)} == solutions(config).keys()


def test_a_start_that_is_refused_leaves_a_finished_run_finished(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=2)
    run_once(config)
    before = RunFolder(config.folder).info
    with pytest.raises(InputError):
        run_once(changed(config, problems={"path": str(tmp_path / "moved.jsonl")}))
    assert RunFolder(config.folder).info == before


def test_what_a_server_can_not_be_asked_is_told_before_anything_is_sampled(tmp_path: Path) -> None:
    server = {"kind": "openai", "model": "m", "url": "http://127.0.0.1:9/v1"}
    config = changed(small_batch(tmp_path, problems=2), engines={"judge": server})
    with pytest.raises(ConfigError, match=r"engines\.judge: .* chat_api: true"):
        run_once(config)
    assert not RunFolder(config.folder).solutions.parts()


def test_a_server_that_is_not_there_is_told_before_anything_is_sampled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = {
        "kind": "openai",
        "model": "m",
        "url": "http://127.0.0.1:9/v1",
        "chat_api": True,
        "retries": 0,
    }
    config = changed(small_batch(tmp_path, problems=2), engines={"judge": server})
    with pytest.raises(EngineFaultError, match="judge: every one of"):
        run_once(config)
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told[0].startswith("engines.judge: http://127.0.0.1:9/v1/models")
    assert RunFolder(config.folder).solutions.parts()


def test_a_text_that_a_server_can_not_score_is_told_before_anything_is_sampled(
    tmp_path: Path,
) -> None:
    server = {"kind": "openai", "model": "m", "url": "http://127.0.0.1:9/v1", "chat_api": True}
    config = small_batch(tmp_path, problems=2)
    config = changed(
        config, engines={"judge": server}, annotators={"likelihood": {"role": "judge"}}
    )
    with pytest.raises(ConfigError, match=r"annotators\.likelihood: scores given texts"):
        run_once(config)


def test_a_server_that_has_another_model_is_refused_where_nothing_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def denied(*_: object) -> list[ServerFault]:
        return [ServerFault(("judge",), "engines.judge: has no model 'm'", final=True)]

    monkeypatch.setattr("pipeline.batch.server_faults", denied)
    config = small_batch(tmp_path, problems=2)
    with pytest.raises(PrerequisiteError, match="has no model"):
        run_once(config)
    assert not RunFolder(config.folder).solutions.parts()
    monkeypatch.undo()
    run_once(config)
    monkeypatch.setattr("pipeline.batch.server_faults", denied)
    run_once(config)  # all is on record


def test_an_annotator_whose_input_no_problem_has_is_told_at_once(tmp_path: Path) -> None:
    raw = small_batch(tmp_path, problems=2).model_dump(mode="json")
    raw["annotators"]["judge"] |= {"prompt": "reference"}
    config = RunConfig.check(raw, "test")
    with pytest.raises(InputError, match=r"columns\.reference"):
        run_once(config)


def broken_oracle(solution: Solution) -> int:
    return len(solution.steps) + 1


@pytest.mark.parametrize("name", ["json:loads", f"{__name__}:broken_oracle"])
def test_an_oracle_of_the_user_s_that_fails_is_told(name: str) -> None:
    oracle = make_oracle(name)
    assert oracle is not None
    with pytest.raises(ConfigError, match=f"oracle: {name}"):
        oracle(Solution("s", "p", "q", "1", ("a",), "me"))
