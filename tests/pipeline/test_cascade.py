"""Witnesses asked one after another: fewer calls, the same rows whatever happens, and a budget that holds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotators.registry import make_annotators
from pipeline.cascade.rounds import PILOT, forget_rounds_after, report, rounds_of
from pipeline.config import RunConfig
from pipeline.consensus import learning
from pipeline.consensus.cascade import BUDGET, Choice
from pipeline.consensus.evidence import FIRST
from pipeline.errors import ConfigError, EngineFaultError
from pipeline.parts import check_parts, plan_of
from pipeline.progress import StageProgress
from pipeline.records import Label, Outcome, Solution, Verdict
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from pipeline.summary import spent
from tests.killing import killed_runs, made_calls, rows_of, run_in_child, run_once
from tests.test_resume import small_batch

WITNESSES = ["judge", "second", "rollouts", "arithmetic"]
ASKED = WITNESSES[:3]
PILOT_SIZE = 24
SECOND = Path(__file__).parents[2] / "annotators" / "prompts" / "first_error.yaml"


@pytest.fixture(scope="module", autouse=True)
def small_pilot() -> Iterator[None]:
    """So few solutions identify no model of the witnesses."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(learning, "SAME", 1.0)
        yield


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A run that came to its end: to be read, and not to be started again."""
    config = cascading(tmp_path_factory.mktemp("cascade"))
    run_in_child(config, None)
    return config


@pytest.fixture
def finished(left_alone: RunConfig, tmp_path: Path) -> RunConfig:
    """A copy of it, for a test to go on with."""
    config = cascading(tmp_path)
    shutil.copytree(left_alone.folder, config.folder)
    return config


def cascading(folder: Path, name: str = "run", problems: int = 24, **cascade: Any) -> RunConfig:
    """Two judges who err apart, rollouts and arithmetic, asked one after another."""
    raw = small_batch(folder, name, problems).model_dump(mode="json")
    prompt = folder / "second.yaml"
    prompt.write_text(SECOND.read_text().replace("first", "very first", 1))
    raw["engines"]["judge"]["args"] = {"judge": 0.95}
    raw["engines"]["judge2"] = {"kind": "simulated", "model": "judge2", "args": {"judge": 0.9}}
    raw["annotators"]["second"] = {
        "kind": "judge",
        "role": "judge2",
        "prompt": str(prompt),
        "votes": 3,
    }
    raw["consensus"] = {
        "rule": "posterior",
        "witnesses": WITNESSES,
        "vetoes": [],
        "precision": 0.97,  # some labels are sure enough, and some not
    }
    raw["cascade"] = {"pilot": PILOT_SIZE, "confidence": 0.9} | cascade
    return RunConfig.check(raw, "test")


def hinted(config: RunConfig) -> RunConfig:
    """A search that learns from its own pilot what the judges' votes are worth to it."""
    raw = config.model_dump(mode="json")
    raw["annotators"]["rollouts"] = {
        "strategy": "bayesian",
        "search": {"pilot": 20, "confidence": 0.8},
        "hints": ["judge", "second"],
    }
    return RunConfig.check(raw, "test")


def whole_panel(config: RunConfig, name: str) -> RunConfig:
    return config.model_copy(update={"name": name, "cascade": None})


def heard(config: RunConfig, name: str) -> dict[str, Verdict]:
    return {v.solution_id: v for v in RunFolder(config.folder).verdicts(name).read(Verdict)}


def choices(config: RunConfig) -> list[list[Choice]]:
    return [list(store.read(Choice)) for store in rounds_of(RunFolder(config.folder))]


def decided(config: RunConfig) -> set[str]:
    solutions = RunFolder(config.folder).solutions.read(Solution)
    return {s.id for s in solutions if s.outcome is not Outcome.UNDECIDED}


def sampled(config: RunConfig) -> int:
    return sum(v.cost.completion_tokens for name in ASKED for v in heard(config, name).values())


def paid(config: RunConfig) -> int:
    """Sampled tokens of the calls that were made: solutions of the same text share theirs."""
    run = RunFolder(config.folder)
    return sum(spent(run.calls(name)).completion_tokens for name in ASKED)


def test_it_asks_less_and_every_solution_ends_for_a_reason(
    left_alone: RunConfig, tmp_path: Path
) -> None:
    config = left_alone
    whole = whole_panel(cascading(tmp_path), "whole")
    run_in_child(whole, None)
    assert paid(config) < paid(whole)
    assert sampled(config) < 0.8 * sampled(whole)
    rounds = choices(config)
    ended = Counter(one.solution_id for of in rounds for one in of if one.part is None)
    pilot = {v.solution_id for v in RunFolder(config.folder).panel("judge").read(Verdict)}
    assert len(pilot) == PILOT_SIZE
    assert set(ended) == decided(config) - pilot
    assert set(ended.values()) == {1}
    labels = {one.solution_id for one in RunFolder(config.folder).labels.read(Label)}
    assert labels >= decided(config)


def test_a_solution_is_asked_one_thing_a_round_and_nothing_twice(left_alone: RunConfig) -> None:
    config = left_alone
    for of in choices(config):
        assert len({one.solution_id for one in of}) == len(of)
    asked = [(one.solution_id, one.part) for of in choices(config) for one in of if one.part]
    assert len(asked) == len(set(asked))
    firsts = {solution for solution, part in asked if part == "judge" + FIRST}
    rests = {solution for solution, part in asked if part == "judge"}
    assert rests <= firsts
    votes = {one: len(verdict.votes) for one, verdict in heard(config, "judge").items()}
    assert all(votes[one] == (3 if one in rests else 1) for one in firsts)
    made = made_calls(config)
    assert len(made) == len(set(made))


@pytest.mark.parametrize(
    "change", [{"shard_size": 3}, {"placement": "side_by_side", "shard_size": 7}]
)
def test_neither_shards_nor_engines_side_by_side_change_a_row(
    left_alone: RunConfig, tmp_path: Path, change: dict[str, Any]
) -> None:
    other = cascading(tmp_path).model_copy(update=change)
    run_in_child(other, None)
    assert unclocked(rows_of(other)) == unclocked(rows_of(left_alone))


def unclocked(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: row if "cost" not in row else row | {"cost": row["cost"] | {"seconds": 0.0}}
        for key, row in rows.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("with_hints", [False, True])
@pytest.mark.parametrize("runs", [1, pytest.param(6, marks=pytest.mark.faults)])
def test_killed_at_random_instants_it_ends_with_the_same_rows(
    tmp_path: Path, with_hints: bool, runs: int
) -> None:
    def made(name: str) -> RunConfig:
        config = cascading(tmp_path, name)
        return hinted(config) if with_hints else config

    found = killed_runs(made, 29 + with_hints, runs, kills=3)
    assert sum(run.kills for run in found) >= runs
    assert [(run.repeated_calls, run.unlike) for run in found] == [(0, 0)] * runs


def test_started_again_it_makes_no_call_and_the_same_rows(finished: RunConfig) -> None:
    config = finished
    rows, calls, rounds = rows_of(config), made_calls(config), choices(config)
    run_in_child(config, None)
    assert (rows_of(config), made_calls(config), choices(config)) == (rows, calls, rounds)


def test_a_batch_that_grows_asks_of_the_new_solutions_alone(tmp_path: Path) -> None:
    config = cascading(tmp_path)
    run_in_child(config, None)
    before, rounds = rows_of(config), choices(config)
    grown = cascading(tmp_path, problems=28)
    run_in_child(grown, None)
    after = rows_of(grown)
    assert all(after[key] == row for key, row in before.items())
    assert choices(grown)[: len(rounds)] == rounds
    assert len(choices(grown)) > len(rounds)
    made = made_calls(grown)
    assert len(made) == len(set(made))


def test_a_pilot_of_which_some_have_left_the_run_is_chosen_anew(tmp_path: Path) -> None:
    config, fresh = cascading(tmp_path), cascading(tmp_path, "fresh")
    run = RunFolder(config.folder)
    run_in_child(config, None)
    before = set(json.loads(run.cascade_pilot.read_text())["ids"])
    for each in (config, fresh):
        run_in_child(cascading(tmp_path, each.name, problems=12), None)
    labels = {label.solution_id: label for label in run.labels.read(Label)}
    pilot = set(json.loads(run.cascade_pilot.read_text())["ids"])
    assert not before <= labels.keys()
    assert len(pilot) == PILOT_SIZE
    assert pilot <= labels.keys()
    assert set(json.loads(run.learned("cascade").read_text())["pilot"]) == pilot
    assert labels == {one.solution_id: one for one in RunFolder(fresh.folder).labels.read(Label)}


def test_another_target_chooses_anew_and_repeats_no_call(
    finished: RunConfig, tmp_path: Path
) -> None:
    config = finished
    before = rows_of(config)
    run_in_child(cascading(tmp_path, confidence=0.6), None)
    assert sampled(config) < sum(  # what the lower target would not have asked counts no more
        row["cost"]["completion_tokens"]  # type: ignore[index]
        for key, row in before.items()
        if key.split()[0] in ASKED
    )
    made = made_calls(config)
    assert len(made) == len(set(made))
    run_in_child(config, None)
    assert rows_of(config) == before


def test_a_budget_ends_it_and_the_labels_say_so(left_alone: RunConfig, tmp_path: Path) -> None:
    free = left_alone
    panel = RunFolder(free.folder).panel
    piloted = sum(v.cost.completion_tokens for n in ASKED for v in panel(n).read(Verdict))
    budget = (piloted + sampled(free)) // 2
    tight = cascading(tmp_path, "tight", budget_tokens=budget)
    run_in_child(tight, None)
    stages = {
        name: StageProgress(completion_tokens=n)
        for name, n in {"judge": 10, "calibrate judge": 5}.items()
    }
    told = report(RunFolder(tight.folder), stages)
    assert told is not None
    assert told.tokens == 15
    assert told.stopped[BUDGET] > 0
    assert told.last_heard[PILOT] == PILOT_SIZE
    assert piloted < sampled(tight) < sampled(free)
    assert sampled(tight) < 1.25 * budget  # a round is planned by what it is expected to take
    aside = [one for one in RunFolder(tight.folder).labels.read(Label) if one.first_error is None]
    assert any((one.reason or "").startswith(BUDGET) for one in aside)


def test_hours_of_a_gpu_become_tokens_at_the_pilots_pace(tmp_path: Path) -> None:
    config = cascading(tmp_path, gpu_hours=1000.0)
    run_in_child(config, None)
    frozen = json.loads(RunFolder(config.folder).learned("cascade").read_text())
    told = report(RunFolder(config.folder), {})
    assert told is not None
    assert told.budget == round(1000 * 3600 * frozen["tokens_per_second"])


def test_a_fault_leaves_its_solution_to_a_later_run(
    left_alone: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = cascading(tmp_path)
    pilot = {v.solution_id for v in RunFolder(left_alone.folder).panel("judge").read(Verdict)}
    refused = min(set(heard(left_alone, "judge")) - pilot)
    from annotators.judge import JudgeAnnotator

    annotate = JudgeAnnotator.annotate

    async def faulty(self: JudgeAnnotator, solution: Solution, tools: Any) -> Verdict:
        if solution.id == refused:
            raise EngineFaultError("the engine went away")
        return await annotate(self, solution, tools)

    with monkeypatch.context() as patched:
        patched.setattr(JudgeAnnotator, "annotate", faulty)
        run_once(config)
    assert all(refused not in heard(config, name) for name in ("judge", "second"))
    run_once(config)
    assert unclocked(rows_of(config)) == unclocked(rows_of(left_alone))


def test_a_small_batch_is_its_own_pilot(tmp_path: Path) -> None:
    config = cascading(tmp_path, problems=4)
    run_in_child(config, None)
    assert choices(config) == []
    for name in ASKED:
        assert set(heard(config, name)) == decided(config)


def test_a_plan_shows_what_the_whole_panel_would_cost(tmp_path: Path) -> None:
    config = cascading(tmp_path, problems=60)
    annotators = make_annotators(config)
    plan = plan_of(config, read_inputs(config), annotators)
    whole = plan_of(whole_panel(config, "whole"), read_inputs(config), annotators)
    asked = sum(plan.by_stage[name] for name in ASKED)
    assert plan.panel == sum(whole.by_stage[name] for name in ASKED)
    assert whole.panel is None
    assert asked < plan.panel


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"consensus": {"rule": "agree"}}, "the rule agree can't say"),
        ({"consensus": {"witnesses": ["arithmetic"]}}, "samples from a model"),
        ({"cascade": {"budget_tokens": 5, "gpu_hours": 1.0}}, "not both"),
        ({"cascade": {"pilot": 20}}, "learns from 30"),
    ],
)
def test_a_cascade_that_can_not_be_is_told_first(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    raw = hinted(cascading(tmp_path)).model_dump(mode="json")
    raw["annotators"]["rollouts"]["search"]["pilot"] = 30
    if "consensus" in change:
        raw["annotators"]["rollouts"]["hints"] = []
    for key, of in change.items():
        raw[key] |= of
    with pytest.raises(ConfigError, match=told):
        checked(raw)


def checked(raw: dict[str, Any]) -> None:
    config = RunConfig.check(raw, "test")
    check_parts(config, make_annotators(config))


def test_rounds_of_another_configuration_are_forgotten_from_the_last(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for number in range(1, 5):
        run.round(number).replace_all(
            "of before", [Choice(f"s{number}", None, "sure", 1.0)], Choice
        )
    forget_rounds_after(run, 2)
    assert [run.round(number).is_whole("of before") for number in range(1, 5)] == [
        True,
        True,
        False,
        False,
    ]
