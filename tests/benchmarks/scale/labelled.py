"""One batch of simulated solutions through the whole pipeline, in a process of its own.

    python -m tests.benchmarks.scale.labelled FOLDER 100000 --searcher bayesian --prefect

Killed and started again it goes on. Its last line is a JSON object: seconds (wall, over all attempts),
processor seconds of each attempt, and the peak resident memory of each process, MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotators.registry import make_annotators
from pipeline.batch import Watch, run_batch
from pipeline.config import RunConfig
from pipeline.engine.simulated import simulated_problem
from pipeline.files import read_json, write_json
from pipeline.progress import StageProgress

SAMPLES = 4
SEARCHERS: dict[str, dict[str, Any]] = {
    "bisection": {"strategy": "bisection", "search": {"rollouts": 4}},
    "bayesian": {"strategy": "bayesian", "search": {"rollouts": 2, "pilot": 200}},
}


def configuration(folder: Path, solutions: int, searcher: str, prefect: bool) -> RunConfig:
    """Solutions of 3 to 8 steps and an answer, four to a problem, a fifth of them wrong."""
    problems = solutions // SAMPLES
    path = folder / f"problems-{problems}.jsonl"
    if not path.exists():
        rows = (simulated_problem(number) for number in range(problems))
        text = (
            json.dumps({"id": p.id, "question": p.question, "answer": p.answer}) + "\n"
            for p in rows
        )
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(text))
    sampling = {"max_tokens": 256}
    return RunConfig.check(
        {
            "name": f"{searcher}-{solutions}" + "-prefect" * prefect,
            "runs_dir": str(folder),
            "problems": {"path": str(path)},
            "engines": {"policy": {"kind": "simulated", "model": "scale"}},
            "generate": {"samples": SAMPLES, "prompt": "plain", "sampling": sampling},
            "steps": {"split": "newline"},
            "annotators": {
                "rollouts": SEARCHERS[searcher] | {"sampling": sampling},
                "arithmetic": {},
            },
            "consensus": {"witnesses": ["rollouts"], "vetoes": ["arithmetic"]},
        },
        "bench-scale",
    )


def _run(config: RunConfig, prefect: bool, peaks: dict[str, float]) -> None:
    if not prefect:

        def seen(stages: Mapping[str, StageProgress]) -> None:
            peaks[list(stages)[-1]] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        watch = Watch(on_progress=seen)
        asyncio.run(run_batch(config, make_annotators(config), watch=watch))
        return
    from rich.console import Console

    from flows.commands.run import run_with_progress

    run_with_progress(config, Console(file=open(os.devnull, "w")), prefect=True)  # noqa: SIM115


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("solutions", type=int)
    parser.add_argument("--searcher", choices=SEARCHERS, default="bisection")
    parser.add_argument("--prefect", action="store_true")
    asked = parser.parse_args()
    home = asked.folder / "prefect-home"
    os.environ["PREFECT_HOME"] = str(home)
    config = configuration(asked.folder, asked.solutions, asked.searcher, asked.prefect)
    mark = config.folder.with_name(config.name + ".measured.json")
    attempts: list[dict[str, Any]] = (read_json(mark) or {}).get("attempts", [])
    whole = bool((read_json(mark) or {}).get("whole"))
    if not whole:
        peaks: dict[str, float] = {}
        began, used = time.monotonic(), time.process_time()
        try:
            _run(config, asked.prefect, peaks)
            whole = True
        finally:
            mine = resource.getrusage(resource.RUSAGE_SELF)
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            attempts.append(
                {
                    "seconds": time.monotonic() - began,
                    "processor_seconds": time.process_time() - used,
                    "others_processor_seconds": children.ru_utime + children.ru_stime,
                    "rss_mb_so_far": peaks,
                    "rss_mb": mine.ru_maxrss / 1024,
                    "others_rss_mb": children.ru_maxrss / 1024,
                }
            )
            write_json(mark, {"whole": whole, "attempts": attempts})
    database = sum(path.stat().st_size for path in home.glob("prefect.db*"))
    print(json.dumps({"attempts": attempts, "database_mb": database / 2**20}))


if __name__ == "__main__":
    main()
