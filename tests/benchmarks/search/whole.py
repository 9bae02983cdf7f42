"""Section `recipes`: whole runs of TinyMath's hard split, each labelled by another recipe: what they keep,
how exactly, and for how many tokens. All label the same solutions."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.summary import Summary
from tests.benchmarks.quality import HARD, RECIPE, exact, interval, read, share, wrong
from tests.benchmarks.report import Row

RECIPES: dict[str, list[str]] = {
    "agree": [],
    "steplabel-fast": [],
    "scan": [],
    "omegaprm": ["generate.tree=false"],
}
"""With what is set beside the recipe: without its tree, each of the sampled solutions is bisected."""
FIGURES = (
    ("kept share", share(lambda row: row.kept is not None, lambda row: True)),
    ("kept share on wrong outcome", share(lambda row: row.kept is not None, wrong)),
    ("kept labels exact", exact("kept")),
    ("kept labels exact on wrong outcome", exact("kept", only_wrong=True)),
)


def config_of(recipe: str, folder: Path) -> RunConfig:
    return RunConfig.load(
        RECIPE,
        [
            f"recipe={recipe}",
            f"problems.path={HARD}",
            "problems.limit=null",
            f"runs_dir={folder / recipe}",
            *RECIPES[recipe],
        ],
    )


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return list(_measured(Path(folder)))


def _measured(folder: Path) -> Iterator[Row]:
    solved = None
    for recipe in RECIPES:
        config = config_of(recipe, folder)
        if solved is None:
            solved = config.folder
        else:
            for part in ("solutions", "calls/generate"):
                shutil.copytree(solved / part, config.folder / part)
        summary = asyncio.run(run_batch(config, make_annotators(config)))
        rows = read(config)
        for name, figure in FIGURES:
            value = figure(rows)
            told = "–" if value is None else round(value, 4)
            yield Row("recipes", f"{recipe}: {name}", told, interval(rows, figure), len(rows))
        tokens = annotation_tokens(summary)
        yield Row("recipes", f"{recipe}: tokens sampled to label, a solution", tokens / len(rows))
        figure_name = f"{recipe}: tokens sampled to label, a kept label"
        yield Row("recipes", figure_name, tokens / max(1, summary.kept))


def annotation_tokens(summary: Summary) -> int:
    """Sampled by every stage but the first."""
    return sum(stage.cost.completion_tokens for stage in [*summary.stages.values()][1:])
