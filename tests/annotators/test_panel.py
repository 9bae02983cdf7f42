"""Several judge models in one run: each an engine, a stage and a witness of its own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.join import annotated
from pipeline.parts import check_parts
from pipeline.records import Verdict
from pipeline.run_folder import RunFolder
from tests.annotators.judge_server import serving
from tests.test_resume import small_batch

_STEP = re.compile(r"<quote_\w+ step=(\d+)>\nStep \d+ of \d+: (good|bad)")


def marks(asked: dict[str, Any]) -> dict[int, str]:
    """What stands in the steps that a request shows."""
    return {int(n): mark for n, mark in _STEP.findall(asked["messages"][-1]["content"])}


def sees_the_first(asked: dict[str, Any]) -> list[str]:
    bad = [step for step, mark in marks(asked).items() if mark == "bad"]
    return [f"\\boxed{{{min(bad, default=-1)}}}"] * asked["n"]


def judges_each(asked: dict[str, Any]) -> list[str]:
    n_steps = asked["messages"][-1]["content"].count(" step=")
    found = marks(asked)
    verdicts = [
        {"step": i, "check": "…", "verdict": "wrong" if found.get(i) == "bad" else "right"}
        for i in range(n_steps)
    ]
    return [json.dumps({"steps": verdicts})] * asked["n"]


def panel(folder: Path, placement: str, **urls: str) -> RunConfig:
    raw = small_batch(folder, problems=3).model_dump(mode="json")
    raw["placement"] = placement
    for role, url in urls.items():
        raw["engines"][role] = {"kind": "openai", "model": role, "url": url, "chat_api": True}
    raw["annotators"] = {
        "judge": {"prompt": "first_error", "votes": 2, "wave": 1},
        "second": {"kind": "judge", "prompt": "critique", "votes": 1, "role": "judge2"},
    }
    raw["consensus"] = {"witnesses": ["judge", "second"], "vetoes": []}
    return RunConfig.check(raw, "test")


@pytest.mark.parametrize("placement", ["in_turn", "side_by_side"])
async def test_two_judges_are_two_engines_and_their_agreement_is_a_label(
    tmp_path: Path, placement: str
) -> None:
    async with serving(sees_the_first) as one, serving(judges_each) as other:
        config = panel(tmp_path, placement, judge=one.url, judge2=other.url)
        summary = await run_batch(config, make_annotators(config))
        items = list(annotated(RunFolder(config.folder), ["judge", "second"]))
        judged = [item for item in items if item.verdicts]
        assert len(judged) == 12
        assert {asked["model"] for asked in one.asked} == {"judge"}
        assert {asked["model"] for asked in other.asked} == {"judge2"}
        texts = {item.solution.text for item in judged}
        assert len(other.asked) == len({asked["messages"][-1]["content"] for asked in other.asked})
        assert len(texts) <= len(other.asked) <= len(judged)
        for item in judged:
            first, second = item.verdicts["judge"], item.verdicts["second"]
            assert first.first_error == second.first_error is not None
            assert item.label is not None
            assert item.label.first_error == first.first_error
            assert set(item.label.agreed) == {"judge", "second"}
        calls = len(one.asked) + len(other.asked)
        shutil.rmtree(config.folder / "verdicts")
        again = await run_batch(config, make_annotators(config))
        assert len(one.asked) + len(other.asked) == calls
        assert again.cost == summary.cost
        after = annotated(RunFolder(config.folder), ["judge", "second"])
        assert [item.verdicts for item in after] == [item.verdicts for item in items]


async def test_votes_in_waves_are_answered_from_the_record_by_their_draws(tmp_path: Path) -> None:
    said = iter(range(1000))

    def differs(asked: dict[str, Any]) -> list[str]:
        return [f"\\boxed{{{next(said) % 3 - 1}}}" for _ in range(asked["n"])]

    async with serving(differs) as one, serving(judges_each) as other:
        config = panel(tmp_path, "in_turn", judge=one.url, judge2=other.url)
        options = config.annotators["judge"] | {"votes": 5, "wave": 2}
        changes = {"annotators": config.annotators | {"judge": options}}
        config = config.model_copy(update=changes)
        await run_batch(config, make_annotators(config))
        run = RunFolder(config.folder)
        before = {v.solution_id: v for v in run.verdicts("judge").read(Verdict)}
        calls = len(one.asked)
        shutil.rmtree(config.folder / "verdicts")
        await run_batch(config, make_annotators(config))
        after = {v.solution_id: v for v in RunFolder(config.folder).verdicts("judge").read(Verdict)}
    assert len(one.asked) == calls
    assert after == before
    assert {len(verdict.votes) for verdict in before.values()} <= {4, 5}


def test_a_judge_of_a_role_without_an_engine_is_told(tmp_path: Path) -> None:
    config = panel(tmp_path, "in_turn", judge="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match=r"engines\.judge2: missing"):
        check_parts(config, make_annotators(config))
