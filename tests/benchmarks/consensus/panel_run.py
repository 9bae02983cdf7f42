"""The panel on TinyMath's hard split: two judges with three votes each, bisection with eight rollouts, and
checked arithmetic, by the shipped models. The shipped problems and as many fresh ones: in those alone `agree`
is wrong four times, too few to compare. A run that was made before is taken as it is; one that was killed
goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.testbed.grammar import Split, split_rows
from tests.benchmarks.prove.problems import drawn, written
from tests.benchmarks.quality import RECIPE

FOLDER = Path(".cache/bench-consensus")
FRESH = 600
"""Problems beside the 600 shipped ones."""
SECOND = "{kind: vllm, model: data/tinymath/judge2, max_num_seqs: 256, max_model_len: 1024}"


def made(folder: Path = FOLDER) -> Path:
    """The run's folder, finished."""
    problems = [*split_rows(Split.HARD), *drawn({"panel": FRESH})["panel"]]
    path = written(problems, folder / "problems.jsonl")
    config = RunConfig.load(
        RECIPE,
        [
            f"problems.path={path}",
            "problems.limit=null",
            "name=panel",
            f"runs_dir={folder}",
            "annotators.rollouts.search.rollouts=8",
            f"engines.judge2={SECOND}",
            "annotators.second={kind: judge, role: judge2, votes: 3, prompt: tinymath, "
            "sampling: {max_tokens: 640, temperature: 0.4}}",
            "consensus.witnesses=[rollouts, judge, second]",
            "budget_tokens=5000000",
        ],
    )
    asyncio.run(run_batch(config, make_annotators(config)))
    return config.folder
