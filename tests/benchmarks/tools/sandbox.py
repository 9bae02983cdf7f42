"""How fast snippets run in isolation, and what a dead zygote costs."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

from pipeline.sandbox import Sandbox, run_in_turn
from tests.benchmarks.report import Row

WARM, ALONE, TOGETHER, KILLS = 50, 300, 1000, 10
STEPS = 6
"""Checks of one solution, a block each."""
CHECK = """
from sympy import *
x, y = symbols("x y")
left = sympify("(x + {a})**2 - ({b}*x - y)")
right = sympify("x**2 + {c}*x + {d} + y")
print({how}(left - right) == 0)
"""

_FORKS = """
import gc, json, os, sys, time
import numpy, sympy
codes, took = json.load(sys.stdin), []
exec(codes[0], {})
gc.freeze()
sys.stdout.flush()
for code in codes:
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        exec(code, {})
        os._exit(0)
    os.waitpid(pid, 0)
    took.append(1000 * (time.perf_counter() - began))
print(json.dumps(took))
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
            _forked("expand"),
            await _alone(sandbox, "an empty snippet, median ms"),
            await _in_turn(sandbox),
        ]
        rates = [await _rate(_all(sandbox, _numbers(repeat))) for repeat in range(3)]
        in_turn = [await _rate(_all_in_turn(sandbox, _numbers(repeat))) for repeat in range(3)]
        lost, replaced, replace_s = await _killed(sandbox)
    rows += [
        Row("sandbox", f"start of a pool of {cores}, s", start_s, n=1),
        _pace(f"SymPy checks by expand a second on {cores} cores, a process each", rates, ">= 300"),
        _pace(f"the same, {STEPS} of a solution in turn", in_turn),
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


def _forked(how: str) -> Row:
    """The same check in a plain fork of a process that has SymPy loaded, from the fork to its end: what it
    takes where nothing is shut in, and nothing made ahead."""
    codes = [check(number, how)[0] for number in range(ALONE)]
    done = subprocess.run(
        [sys.executable, "-c", _FORKS],
        input=json.dumps(codes),
        capture_output=True,
        check=True,
        text=True,
    )
    took = json.loads(done.stdout.splitlines()[-1])
    return _median(f"the check by {how} in a plain fork, nothing shut in, median ms", took)


def _median(figure: str, took: list[float], wanted: str = "") -> Row:
    parts = statistics.quantiles(took, n=20)
    spread = f"5% to 95%: {parts[0]:.2f} to {parts[-1]:.2f}"
    return Row("sandbox", figure, statistics.median(took), spread, len(took), wanted)


async def _in_turn(sandbox: Sandbox) -> Row:
    """A solution's checks in one process, as the annotators run them: each one's share of the time, which
    is not what one takes that is alone."""
    took = []
    for number in range(0, ALONE * STEPS, STEPS):
        checks = [check(step) for step in range(number, number + STEPS)]
        began = time.perf_counter()
        done = await run_in_turn(sandbox, [code for code, _ in checks], sandbox.limits)
        took.append(1000 * (time.perf_counter() - began) / STEPS)
        assert [one.stdout for one in done] == [expected for _, expected in checks], done
    return _median(
        f"the check by expand, {STEPS} of a solution in turn, its share, median ms", took
    )


def _numbers(repeat: int) -> range:
    return range(repeat * TOGETHER, (repeat + 1) * TOGETHER)


async def _rate(work: Awaitable[int]) -> float:
    """Checks a second; `work` tells how many were not answered rightly."""
    began = time.perf_counter()
    lost = await work
    assert not lost
    return TOGETHER / (time.perf_counter() - began)


def _pace(figure: str, rates: list[float], wanted: str = "") -> Row:
    spread = f"{min(rates):.0f} to {max(rates):.0f}"
    return Row("sandbox", figure, statistics.median(rates), spread, 3 * TOGETHER, wanted)


async def _all_in_turn(sandbox: Sandbox, numbers: range) -> int:
    async def some(few: range) -> int:
        checks = [check(number) for number in few]
        done = await run_in_turn(sandbox, [code for code, _ in checks], sandbox.limits)
        return sum(one.stdout != said for one, (_, said) in zip(done, checks, strict=True))

    each = (numbers[at : at + STEPS] for at in range(0, len(numbers), STEPS))
    return sum(await asyncio.gather(*(some(few) for few in each)))


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
