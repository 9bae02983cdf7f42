"""Speed: the annotation's sampled tokens a second against the same engine given all the same
requests at once, model loading left out of both; and prefix-cache hits against the most there could
be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from annotators.registry import make_annotators
from pipeline.batch import run_batch
from pipeline.config import EngineConfig, RunConfig
from pipeline.engine import make_engine
from pipeline.engine.calls import sample_request
from pipeline.engine.journal import CallJournal
from pipeline.engine.journal_files import CallRecord
from pipeline.run_folder import RunFolder
from tests.benchmarks.prefix import hits
from tests.benchmarks.quality import hard_run
from tests.benchmarks.report import Row

REPEATS = 2


class Calls(NamedTuple):
    """All recorded calls of a run to one engine."""

    engine: EngineConfig
    records: list[CallRecord]


class Speed(NamedTuple):
    """Sampled tokens a second: of a whole run, and of its engines given all its requests at once;
    prefix-cache hits of the most there could be (None where the engine counts none)."""

    annotation: float
    at_once: float
    cached: float | None


def calls(config: RunConfig) -> list[Calls]:
    """Of a finished run, engine by engine. Stages whose roles have the same one share it."""
    roles = {"generate": "generator"}
    roles |= {a.name: a.role for a in make_annotators(config) if a.role is not None}
    engines: dict[str, Calls] = {}
    for stage, role in roles.items():
        folder = RunFolder(config.folder).calls(stage)
        if folder.is_dir():
            engine = config.engine_for(role)
            of = engines.setdefault(engine.fingerprint, Calls(engine, []))
            of.records.extend(CallJournal(folder, read_only=True).records())
    return list(engines.values())


async def all_at_once(config: RunConfig) -> tuple[int, float]:
    """(sampled tokens, seconds) of every recorded request of a run, sent at once to its engine."""
    tokens, seconds = 0, 0.0
    for engine_config, records in calls(config):
        engine = make_engine(engine_config, config.seed, 99)
        await engine.open()
        try:
            began = time.monotonic()
            results = await asyncio.gather(*(engine.sample(sample_request(r)) for r in records))
            seconds += time.monotonic() - began
        finally:
            await engine.close()
        tokens += sum(result.cost.completion_tokens for result in results)
    return tokens, seconds


def speed_of(config: RunConfig) -> Speed:
    """Run it, and then all its requests at once."""
    began = time.monotonic()
    summary = asyncio.run(run_batch(config, make_annotators(config)))
    seconds = time.monotonic() - began
    seconds -= sum(stage.load_seconds for stage in summary.stages.values())
    tokens, limit_seconds = asyncio.run(all_at_once(config))
    cached, ideal = (sum(of) for of in zip(*(hits(c.records) for c in calls(config)), strict=True))
    return Speed(
        summary.cost.completion_tokens / seconds,
        tokens / limit_seconds,
        cached / ideal if ideal else None,
    )


def rows(
    section: str, config: Callable[[int], RunConfig], least: str, where: str = ""
) -> list[Row]:
    """Of `REPEATS` runs of `config(repeat)`; `least` is wanted of the engine's own speed; `where` begins each
    figure's name."""
    found = [speed_of(config(repeat)) for repeat in range(REPEATS)]
    cached = [speed.cached for speed in found if speed.cached is not None]
    return [
        _row(section, f"{where}sampled tokens/s of the annotation", [s.annotation for s in found]),
        _row(
            section,
            f"{where}of the engine given all requests at once",
            [s.annotation / s.at_once for s in found],
            wanted=least,
        ),
        *(
            [_row(section, f"{where}prefix-cache hits of the ideal count", cached, ">= .90")]
            if cached
            else []
        ),
    ]


def _row(section: str, figure: str, values: Sequence[float], wanted: str = "") -> Row:
    spread = f"[{min(values):.3f}, {max(values):.3f}] over {len(values)} runs"
    return Row(section, figure, round(median(values), 4), spread, wanted=wanted)


def measure(folder: Path) -> list[Row]:
    def config(repeat: int) -> RunConfig:
        return hard_run(folder, f"speed-{repeat}").model_copy(update={"seed": 100 + repeat})

    return rows("speed", config, least=">= .70")
