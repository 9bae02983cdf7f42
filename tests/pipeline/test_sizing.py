from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.parts import plan_of
from pipeline.records import Problem, Solution
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import Inputs, read_inputs
from pipeline.sizing import Sizing, busy_share, measured_sizing, sample_config, spread_out
from tests.test_resume import small_batch

PRICE = {"input": 1.0, "output": 2.0}


def priced(folder: Path) -> RunConfig:
    raw = small_batch(folder, problems=40).model_dump(mode="json")
    raw["engines"]["judge"]["price"] = PRICE
    return RunConfig.check(raw, "test")


def run(config: RunConfig) -> float | None:
    return asyncio.run(run_batch(config, make_annotators(config))).dollars


def size(config: RunConfig) -> Sizing | None:
    annotators = make_annotators(config)
    return measured_sizing(config, read_inputs(config), annotators, RunFolder(config.folder))


def test_a_finished_run_is_sized_as_what_it_took_and_its_sample_was_paid_once(
    tmp_path: Path,
) -> None:
    config = priced(tmp_path)
    assert size(config) is None
    run(sample_config(config, read_inputs(config), 20))
    sampled = size(config)
    paid = run(config)
    whole = size(config)
    assert sampled is not None
    assert whole is not None
    assert whole.dollars == pytest.approx(paid)
    assert whole.spread == 0.0
    assert sampled.spread is not None
    assert sampled.spread > 0.02
    alone = config.model_copy(update={"name": "alone"})
    assert run(alone) == pytest.approx(paid)
    assert whole.stages["generate"].rows == sampled.stages["generate"].rows == 160
    assert sampled.sampled_tokens == pytest.approx(whole.sampled_tokens, rel=0.35)


def test_what_other_settings_took_is_no_measure_of_these(tmp_path: Path) -> None:
    config = priced(tmp_path)
    run(sample_config(config, read_inputs(config), 10))
    more = RunConfig.load(config.folder / "config.yaml", ["generate.samples=8"])
    more = more.model_copy(update={"problems": config.problems})
    assert size(more) is None
    run(sample_config(more, read_inputs(more), 10))
    sized = size(more)
    assert sized is not None
    alone = more.model_copy(update={"name": "alone"})
    run(sample_config(alone, read_inputs(alone), 10))
    fresh = size(alone)
    assert fresh is not None
    tokens = [one.stages["generate"].sampled_tokens for one in (sized, fresh)]
    assert tokens[0] == tokens[1] > 0
    run(more)
    with pytest.raises(RunError, match="made with other settings"):
        sample_config(config, read_inputs(config), 10)
    cheaper = {"judge": more.engines["judge"].model_copy(update={"price": None})}
    assert size(more.model_copy(update={"engines": more.engines | cheaper})) is not None


def test_a_batch_that_shrank_is_sized_as_what_is_left_of_it(tmp_path: Path) -> None:
    config = priced(tmp_path)
    run(config)
    whole = size(config)
    few = config.problems.model_copy(update={"limit": 10})
    less = size(config.model_copy(update={"problems": few}))
    assert whole is not None
    assert less is not None
    assert less.sampled_tokens == pytest.approx(whole.sampled_tokens / 4)


def test_a_sample_has_short_and_long_problems_in_their_shares() -> None:
    problems = [Problem(f"{n}", "q" * (1 + n % 50), "1") for n in range(500)]
    lengths = sorted(len(problem.question) for problem in spread_out(problems, 50))
    assert lengths == list(range(1, 51))
    assert spread_out(problems, 50) == spread_out(problems[::-1], 50)
    assert spread_out(problems[:7], 50) == sorted(problems[:7], key=lambda p: len(p.question))


def test_an_engine_is_less_busy_in_the_tail_behind_the_last_search() -> None:
    full = [(0.0, 10.0, 1)] * 3 + [(0.0, 5.0, 1), (5.0, 10.0, 1)]
    assert busy_share(full) == 1.0
    assert busy_share([*full, (10.0, 20.0, 1)]) == pytest.approx(50 / 80)
    assert busy_share([*full, (100.0, 110.0, 4)]) == 1.0  # nothing was asked in between
    assert busy_share([]) == busy_share([(1.0, 1.0, 3)]) == 1.0


def test_a_plan_goes_by_the_solutions_that_were_brought(tmp_path: Path) -> None:
    config = small_batch(tmp_path, problems=1)
    (problem,) = read_inputs(config).problems

    def tokens(text: str) -> int:
        solution = Solution("s", problem.id, problem.question, problem.answer, (text,), "me")
        plan = plan_of(config, Inputs((problem,), (solution,), ()), make_annotators(config))
        return plan.total

    assert tokens("word " * 1000) > 5 * tokens("word " * 50)
