"""HumanEval's sampled programs against their tests, in the sandbox (Chen et al. 2021, arXiv 2107.03374).

The samples are CodeGen-16B's, 100 a problem (CodeT, arXiv 2207.10397). As in HumanEval a program counts
as passing only if its tests ran to their end in time; what was too slow or too large is told apart.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pipeline.evaluate.pass_at_k import mean_pass_at
from pipeline.grading.programs import passed, with_tests
from pipeline.sandbox import Execution, Limits, Sandbox
from tests.benchmarks.report import Row

PER_PROBLEM = 100
LIMITS = Limits(wall_s=20.0, cpu_s=3, memory_mb=512)
"""HumanEval gives 3 s; here 3 s of processor time, which a busy machine doesn't change."""
MAX_LISTED = 20


class Program(NamedTuple):
    problem: int
    code: str
    tests: str


class Result(NamedTuple):
    passed: bool | None
    status: str


def measure() -> list[Row]:
    folder = os.environ.get("STEPLABEL_TEST_DATA")
    if not folder:
        print("humaneval: left out; name the folder of public data in STEPLABEL_TEST_DATA")
        return []
    programs = read(Path(folder) / "code")
    began = time.perf_counter()
    first = asyncio.run(run_all(programs))
    seconds = time.perf_counter() - began
    second = asyncio.run(run_all(programs))
    return rows(programs, first, second, seconds)


def read(folder: Path) -> list[Program]:
    """Every sample with its problem's tests. Both files name a problem by the function that is asked for:
    the last that the prompt begins."""
    samples = {
        re.findall(r"^def (\w+)", str(of["prompt"]), re.MULTILINE)[-1]: of
        for of in _lines(folder / "HumanEval_codegen16B_100samples.jsonl.gz")
    }
    problems = _lines(folder / "HumanEval.jsonl.gz")
    return [
        Program(
            number,
            str(of["prompt"]) + str(text),
            f"{problem['test']}\ncheck({problem['entry_point']})",
        )
        for number, problem in enumerate(problems)
        for of in [samples[str(problem["entry_point"])]]
        for text in list(of["samples"])[:PER_PROBLEM]
    ]


def _lines(path: Path) -> list[dict[str, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


async def run_all(programs: list[Program]) -> list[Result]:
    async with Sandbox() as sandbox:

        async def one(program: Program) -> Result:
            tested = with_tests(program.code, program.tests)
            done: Execution = await sandbox.run(tested.code, limits=LIMITS)
            return Result(passed(tested, done), str(done.status))

        return list(await asyncio.gather(*map(one, programs)))


def rows(
    programs: list[Program], first: list[Result], second: list[Result], seconds: float
) -> list[Row]:
    right = Counter(p.problem for p, r in zip(programs, first, strict=True) if r.passed)
    samples = Counter(p.problem for p in programs)
    statuses = Counter(result.status for result in first)
    rated = mean_pass_at(samples, right)
    differ = [
        (number, a, b) for number, (a, b) in enumerate(zip(first, second, strict=True)) if a != b
    ]
    timeouts = [one for one in differ if "timeout" in (one[1].status, one[2].status)]
    for number, a, b in differ[:MAX_LISTED]:
        print(f"sample {number} of problem {programs[number].problem}: {a.status}, then {b.status}")
    n = len(programs)
    return [
        *(Row("humaneval", f"pass@{k}", value, n=n) for k, value in rated.items()),
        *(Row("humaneval", f"ended {name}", statuses[name], n=n) for name in sorted(statuses)),
        Row("humaneval", "results that differ in a second run, timeouts", len(timeouts), n=n),
        Row(
            "humaneval",
            "results that differ in a second run, others",
            len(differ) - len(timeouts),
            n=n,
            wanted="0",
        ),
        Row("humaneval", "programs a second", n / seconds, n=n),
    ]
