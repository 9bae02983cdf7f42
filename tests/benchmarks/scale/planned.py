"""What `steplabel plan` says from a tenth of a run, against what the whole run then took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.parts import plan_of, read_inputs
from pipeline.run_folder import RunFolder
from pipeline.sizing import Sizing, measured_sizing, sample_config
from tests.benchmarks.report import Row
from tests.benchmarks.scale.labelled import configuration

PROBLEMS = 1000
SHARE = 0.1
RECIPES = ("agree", "steplabel-fast", "math-shepherd")
PRICE = {"input": 0.15, "output": 0.60}


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


def tinymath(folder: Path, recipe: str, engine: str, problems: int) -> RunConfig:
    """The shipped models, on real engines."""
    raw: dict[str, Any] = yaml.safe_load(Path("flows/recipes/tinymath.yaml").read_text())
    raw |= {"name": f"tinymath-{recipe}-{engine}"}
    raw["problems"]["limit"] = problems
    for one in raw["engines"].values():
        one["kind"] = engine
    del raw["annotators"]["likelihood"]
    return _load(folder, recipe, raw)


def _load(folder: Path, recipe: str, raw: Mapping[str, Any]) -> RunConfig:
    file = folder / f"{raw['name']}.yaml"
    data = dict(raw) | {"recipe": recipe, "runs_dir": str(folder)}
    file.write_text(yaml.safe_dump(data))
    return RunConfig.load(file)


def measure(folder: Path, engine: str = "simulated", problems: int = PROBLEMS) -> list[Row]:
    """Hours only where the engine is a real one: the simulated one's are those of this process."""
    rows = []
    for recipe in RECIPES:
        real = engine != "simulated"
        config = tinymath(folder, recipe, engine, problems) if real else simulated(folder, recipe)
        inputs, annotators = read_inputs(config), make_annotators(config)
        run = RunFolder(config.folder)
        before = plan_of(config, inputs, annotators).total
        sample = sample_config(config, inputs, round(SHARE * len(inputs.problems)))
        asyncio.run(run_batch(sample, make_annotators(sample)))
        predicted = measured_sizing(config, inputs, annotators, run)
        asyncio.run(run_batch(config, make_annotators(config)))
        measured = measured_sizing(config, inputs, annotators, run)
        assert predicted is not None
        assert measured is not None
        rows += _rows(recipe, engine, before, predicted, measured)
    return rows


def _rows(recipe: str, engine: str, before: int, predicted: Sizing, measured: Sizing) -> list[Row]:
    figures = {
        "sampled tokens": (predicted.sampled_tokens, measured.sampled_tokens),
        "prompt tokens": (_prompts(predicted), _prompts(measured)),
        "hours": (_hours(predicted), _hours(measured)),
    }
    if measured.dollars:
        figures["dollars"] = (predicted.dollars, measured.dollars)
    found = [
        Row(
            f"plan, {engine}",
            f"{recipe}: {name}, predicted by measured",
            guess / truth,
            f"{guess:.6g} for {truth:.6g}",
            wanted="0.8 to 1.2",
        )
        for name, (guess, truth) in figures.items()
        if truth
    ]
    ratio = before / measured.sampled_tokens
    about = f"{recipe}: sampled tokens without a sample, assumed by measured"
    return [*found, Row(f"plan, {engine}", about, ratio, f"{before:,}")]


def _prompts(sizing: Sizing) -> float:
    return sum(stage.prompt_tokens or 0.0 for stage in sizing.stages.values())


def _hours(sizing: Sizing) -> float:
    return sum(stage.hours or 0.0 for stage in sizing.stages.values())
