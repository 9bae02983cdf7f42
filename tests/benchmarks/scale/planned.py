"""What `steplabel plan` says from a sample of a run, against what the whole run then took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.parts import plan_of
from pipeline.run_folder import RunFolder
from pipeline.run_inputs import read_inputs
from pipeline.sizing import Sizing, measured_sizing, sample_config
from tests.benchmarks.report import Row
from tests.benchmarks.scale.labelled import configuration
from tests.vllm_server import vllm_serve

PROBLEMS = 1000
SHARE = 0.1
RECIPES = ("agree", "steplabel-fast", "math-shepherd")
PRICE = {"input": 0.15, "output": 0.60}
REAL = {"agree": (400, 130), "steplabel-fast": (400, 130), "math-shepherd": (80, 30)}
"""Of a real run: problems, and those of its sample. What two cores do in two minutes."""
REAL_SECTION = "plan, TinyMath on vLLM"
SEQUENCES = 64


def simulated(folder: Path, recipe: str) -> RunConfig:
    base = configuration(folder, 4 * PROBLEMS, "bisection", prefect=False)
    engine = {"kind": "simulated", "price": PRICE}
    sampling = {"sampling": {"max_tokens": 256}}
    return _load(
        folder,
        recipe,
        {
            "name": f"planned-{recipe}",
            "problems": {"path": base.problems.path},
            "engines": {
                "generator": engine
                | {"model": "policy", "args": {"min_steps": 4, "max_steps": 12}},
                "judge": engine | {"model": "judge"},
            },
            "generate": {"samples": 4, "prompt": "plain", **sampling},
            "steps": {"split": "newline"},
            "annotators": {"rollouts": sampling, "judge": sampling},
        },
    )


def tinymath(folder: Path, recipe: str, urls: Mapping[str, str]) -> RunConfig:
    """The shipped models, each on its server. One solution to each of the harder problems: where few are
    wrong and several are the same, rollouts hang on so few of them that a sample can't tell (it says so)."""
    raw: dict[str, Any] = yaml.safe_load(Path("flows/recipes/tinymath.yaml").read_text())
    raw |= {"name": f"tinymath-{recipe}"}
    raw["problems"] |= {"path": "data/tinymath/hard.jsonl", "limit": REAL[recipe][0]}
    raw["generate"]["samples"] = 1
    for engine in raw["engines"].values():
        engine |= {"kind": "openai", "url": urls[engine["model"]], "max_num_seqs": SEQUENCES}
        engine |= {"price": PRICE}
    del raw["annotators"]["likelihood"]
    return _load(folder, recipe, raw)


def _load(folder: Path, recipe: str, raw: Mapping[str, Any]) -> RunConfig:
    file = folder / f"{raw['name']}.yaml"
    data = dict(raw) | {"recipe": recipe, "runs_dir": str(folder)}
    file.write_text(yaml.safe_dump(data))
    return RunConfig.load(file)


def measure(folder: Path) -> list[Row]:
    """Of the simulated policy. Its hours are those of this process."""
    rows = []
    for recipe in RECIPES:
        config = simulated(folder, recipe)
        rows += _measured("plan, simulated", recipe, config, round(SHARE * PROBLEMS))
    return rows


def measure_real(folder: Path) -> list[Row]:
    """Of the shipped models on two vLLM servers."""
    rows = []
    policy, judge = "data/tinymath/policy", "data/tinymath/judge"
    with (
        vllm_serve(policy, folder / "policy.log") as one,
        vllm_serve(judge, folder / "judge.log") as other,
    ):
        urls = {policy: one.ready(), judge: other.ready()}
        for recipe, (_, sample) in REAL.items():
            rows += _measured(REAL_SECTION, recipe, tinymath(folder, recipe, urls), sample)
    return rows


def _measured(section: str, recipe: str, config: RunConfig, size: int) -> list[Row]:
    """A sample of so many problems, then the whole run."""
    inputs, annotators = read_inputs(config), make_annotators(config)
    run = RunFolder(config.folder)
    before = plan_of(config, inputs, annotators).total
    sample = sample_config(config, inputs, size)
    asyncio.run(run_batch(sample, make_annotators(sample)))
    predicted = measured_sizing(config, inputs, annotators, run)
    asyncio.run(run_batch(config, make_annotators(config)))
    measured = measured_sizing(config, inputs, annotators, run)
    assert predicted is not None
    assert measured is not None
    return _rows(section, recipe, before, predicted, measured)


def _rows(section: str, recipe: str, before: int, predicted: Sizing, measured: Sizing) -> list[Row]:
    figures = {
        "sampled tokens": (predicted.sampled_tokens, measured.sampled_tokens),
        "prompt tokens": (_prompts(predicted), _prompts(measured)),
        "hours": (_hours(predicted), _hours(measured)),
    }
    if measured.dollars:
        figures["dollars"] = (predicted.dollars, measured.dollars)
    found = [
        Row(
            section,
            f"{recipe}: {name}, predicted by measured",
            guess / truth,
            f"{guess:.6g} for {truth:.6g}",
            wanted="0.8 to 1.2",
        )
        for name, (guess, truth) in figures.items()
        if truth
    ]
    if predicted.spread is not None:
        said = f"{recipe}: 95% interval of the sampled tokens that the sample stated, ± share"
        found.append(Row(section, said, predicted.spread))
    ratio = before / measured.sampled_tokens
    about = f"{recipe}: sampled tokens without a sample, assumed by measured"
    return [*found, Row(section, about, ratio, f"{before:,}")]


def _prompts(sizing: Sizing) -> float:
    return sum(stage.prompt_tokens or 0.0 for stage in sizing.stages.values())


def _hours(sizing: Sizing) -> float:
    return sum(stage.hours or 0.0 for stage in sizing.stages.values())
