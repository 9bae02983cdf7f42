"""How fast snippets run in isolation, and what a dead zygote costs."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import signal
import statistics
import time
from pathlib import Path

from pipeline.sandbox import Sandbox
from tests.benchmarks.report import Row

WARM, ALONE, TOGETHER, KILLS = 50, 300, 1000, 10
CHECK = """
from sympy import *
x, y = symbols("x y")
left = sympify("(x + {a})**2 - ({b}*x - y)")
right = sympify("x**2 + {c}*x + {d} + y")
print({how}(left - right) == 0)
"""


def check(number: int, how: str = "expand") -> tuple[str, str]:
    """A claim of algebra and what it should print; every third is wrong."""
    draw = random.Random(number)
    a, b = draw.randint(2, 99), draw.randint(2, 99)
    wrong = number % 3 == 0
    code = CHECK.format(how=how, a=a, b=b, c=2 * a - b + wrong, d=a * a)
    return code, f"{not wrong}\n"


def measure() -> list[Row]:
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    cores = len(os.sched_getaffinity(0))
    rows = []
    started = time.perf_counter()
    async with Sandbox(workers=cores) as sandbox:
        start_s = time.perf_counter() - started
        await _all(sandbox, range(WARM))
        rows += [
            await _alone(sandbox, "a SymPy check by expand, warm, median ms", "expand", "<= 5"),
            await _alone(sandbox, "a SymPy check by simplify, warm, median ms", "simplify"),
            _in_process("expand"),
            _in_process("simplify"),
            await _alone(sandbox, "an empty snippet, median ms"),
        ]
        rates = []
        for repeat in range(3):
            began = time.perf_counter()
            lost = await _all(sandbox, range(repeat * TOGETHER, (repeat + 1) * TOGETHER))
            rates.append(TOGETHER / (time.perf_counter() - began))
            assert not lost
        lost, replaced, replace_s = await _killed(sandbox)
    rows += [
        Row("sandbox", f"start of a pool of {cores}, s", start_s, n=1),
        Row(
            "sandbox",
            f"SymPy checks by expand a second on {cores} cores",
            statistics.median(rates),
            f"{min(rates):.0f} to {max(rates):.0f}",
            3 * TOGETHER,
            ">= 300",
        ),
        Row(
            "sandbox",
            f"checks lost when {replaced} zygotes are killed under them",
            lost,
            n=TOGETHER,
            wanted="0",
        ),
        Row("sandbox", "a dead zygote is replaced in, median s", replace_s, n=KILLS // 2),
    ]
    return rows


async def _alone(sandbox: Sandbox, figure: str, how: str = "", wanted: str = "") -> Row:
    """One snippet after another: the way there and back included."""
    took = []
    for number in range(ALONE):
        code, expected = check(number, how) if how else ("pass", "")
        began = time.perf_counter()
        done = await sandbox.run(code)
        took.append(1000 * (time.perf_counter() - began))
        assert done.stdout == expected, done
    return _median(figure, took, wanted)


def _in_process(how: str) -> Row:
    """The same check in this process: what SymPy itself takes."""
    took = []
    for number in range(ALONE):
        code, _ = check(number, how)
        began = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, "<check>", "exec"), {})
        took.append(1000 * (time.perf_counter() - began))
    return _median(f"the check by {how} without a sandbox, median ms", took)


def _median(figure: str, took: list[float], wanted: str = "") -> Row:
    parts = statistics.quantiles(took, n=20)
    spread = f"5% to 95%: {parts[0]:.2f} to {parts[-1]:.2f}"
    return Row("sandbox", figure, statistics.median(took), spread, len(took), wanted)


async def _all(sandbox: Sandbox, numbers: range) -> int:
    """Run these checks, as many at once as there are workers; how many were not answered rightly."""

    async def one(number: int) -> bool:
        code, expected = check(number)
        return (await sandbox.run(code)).stdout != expected

    return sum(await asyncio.gather(*(one(number) for number in numbers)))


async def _killed(sandbox: Sandbox) -> tuple[int, int, float]:
    """SIGKILL to a zygote every now and then while checks run; lost, replaced, seconds to replace."""
    before = sandbox.replaced
    work = asyncio.create_task(_all(sandbox, range(TOGETHER)))
    for _ in range(KILLS // 2):
        await asyncio.sleep(0.4)
        if work.done():
            break
        if found := _zygotes():
            os.kill(random.choice(found), signal.SIGKILL)
    lost = await work
    took = []
    for _ in range(KILLS // 2):
        for pid in _zygotes():
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await sandbox.run("pass")
        took.append(time.perf_counter() - began)
    return lost, sandbox.replaced - before, statistics.median(took)


def _zygotes() -> list[int]:
    """What this process started for the pool."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]
