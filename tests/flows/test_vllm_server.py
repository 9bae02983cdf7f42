"""The quickstart's configuration runs against servers that the test starts, with nothing but the
engine lines changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import EngineConfig, RunConfig
from tests.vllm_server import vllm_serve

pytestmark = pytest.mark.vllm

RECIPE = Path("flows/recipes/tinymath.yaml")


def behind(engine: EngineConfig, url: str) -> EngineConfig:
    return EngineConfig(kind="openai", model=engine.model, url=url, max_num_seqs=64)


def test_the_same_configuration_runs_against_vllm_serve(tmp_path: Path) -> None:
    recipe = RunConfig.load(RECIPE, ["problems.limit=6", "generate.samples=2"])
    policy, judge = recipe.engine_for("policy"), recipe.engine_for("judge")
    with (
        vllm_serve(policy.model, tmp_path / "policy.log") as policy_server,
        vllm_serve(judge.model, tmp_path / "judge.log") as judge_server,
    ):
        policy_url, judge_url = policy_server.ready(), judge_server.ready()
        engines = {
            "generator": behind(policy, policy_url),
            "policy": behind(policy, policy_url),
            "judge": behind(judge, judge_url),
        }
        config = recipe.model_copy(update={"engines": engines, "runs_dir": str(tmp_path)})
        summary = asyncio.run(run_batch(config, make_annotators(config)))
    assert summary.solutions == 12
    assert summary.faults == 0
    assert summary.outcomes.get("undecided", 0) < 12
    judged = next(q for q in summary.quality if q.who == "judge" and q.over == "all")
    assert judged.score.n > 0
    assert summary.cost.completion_tokens > 0
