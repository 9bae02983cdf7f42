"""Speed: the annotation's sampled tokens a second against the same engine given all the same
requests at once, model loading left out of both."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.engine import make_engine
from pipeline.engine.calls import sample_request
from pipeline.engine.journal import CallJournal
from pipeline.run_folder import RunFolder
from tests.benchmarks.quality import hard_run
from tests.benchmarks.report import Row

REPEATS = 2
STAGES = (("generate", "generator"), ("rollouts", "policy"), ("judge", "judge"))


async def all_at_once(config: RunConfig) -> tuple[int, float]:
    """(sampled tokens, seconds) of every recorded request of a run, sent at once to its engine."""
    tokens, seconds = 0, 0.0
    run = RunFolder(config.folder)
    for stages in (("generate", "rollouts"), ("judge",)):
        role = dict(STAGES)[stages[0]]
        requests = [
            sample_request(record)
            for stage in stages
            for record in CallJournal(run.calls(stage), read_only=True).records()
        ]
        engine = make_engine(config.engine_for(role), config.seed, 99)
        await engine.open()
        try:
            began = time.monotonic()
            results = await asyncio.gather(*(engine.sample(request) for request in requests))
            seconds += time.monotonic() - began
        finally:
            await engine.close()
        tokens += sum(result.cost.completion_tokens for result in results)
    return tokens, seconds


def measure(folder: Path) -> list[Row]:
    ratios, paces, cached = [], [], []
    for repeat in range(REPEATS):
        config = hard_run(folder, f"speed-{repeat}").model_copy(update={"seed": 100 + repeat})
        summary = asyncio.run(run_batch(config, make_annotators(config)))
        seconds = summary.seconds - sum(stage.load_seconds for stage in summary.stages.values())
        pace = summary.cost.completion_tokens / seconds
        tokens, limit_seconds = asyncio.run(all_at_once(config))
        ratios.append(pace / (tokens / limit_seconds))
        paces.append(pace)
        cached.append(summary.cost.cached_tokens / summary.cost.prompt_tokens)

    def spread(values: list[float]) -> str:
        return f"[{min(values):.3f}, {max(values):.3f}] over {REPEATS} runs"

    def middle(values: list[float]) -> float:
        return round(median(values), 4)

    return [
        Row("speed", "sampled tokens/s of the annotation", middle(paces), spread(paces)),
        Row(
            "speed",
            "of the engine given all requests at once",
            middle(ratios),
            spread(ratios),
            wanted=">= .70",
        ),
        Row("speed", "prefix tokens served from cache", middle(cached), spread(cached)),
    ]
