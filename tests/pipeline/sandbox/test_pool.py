"""What the pool promises beside containment: statuses, limits, no lost check."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, PrerequisiteError
from pipeline.sandbox import MAX_CODE_BYTES, ExecutionStatus, Limits, Sandbox
from pipeline.sandbox.pool import TRIES
from tests.pipeline.sandbox.conftest import PATIENT, TIGHT, Pool


def test_a_snippet_is_answered_with_what_it_printed(pool: Pool) -> None:
    done = pool.run(
        "import sys\nprint('out', input())\nprint('err', file=sys.stderr)", stdin="in\n"
    )
    assert (done.status, done.stdout, done.stderr) == ("ok", "out in\n", "err\n")
    assert done.cpu_s > 0


def test_an_exception_is_told_with_its_line_in_the_snippet(pool: Pool) -> None:
    done = pool.run("def f(x):\n    return 1 / x\n\nf(1)\nf(0)\n")
    assert (done.status, done.reason, done.line) == (
        "error",
        "ZeroDivisionError: division by zero",
        2,
    )
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "<snippet>"')


def test_a_syntax_error_is_told_with_its_line(pool: Pool) -> None:
    done = pool.run("x = 1\ny = = 2\n")
    assert (done.status, done.line) == ("error", 2)


@pytest.mark.parametrize(("argument", "status"), [("", "ok"), ("0", "ok"), ("3", "error")])
def test_an_exit_code_decides(pool: Pool, argument: str, status: str) -> None:
    assert pool.run(f"import sys\nsys.exit({argument})").status == status


def test_numbers_drawn_are_the_same_in_every_snippet(pool: Pool) -> None:
    code = "import random, numpy\nprint(random.random(), hash('x'), numpy.random.rand())"
    assert pool.run(code).stdout == pool.run(code).stdout


def test_nothing_of_one_snippet_is_known_to_the_next(pool: Pool) -> None:
    pool.run("import sympy\nsympy.left_behind = 1\nopen('/tmp/left', 'w').write('x')\nx = 1")
    done = pool.run(
        "import os, sympy\nprint(hasattr(sympy, 'left_behind'), os.listdir(), 'x' in globals())"
    )
    assert done.stdout == "False [] False\n"


def test_code_that_is_too_long_is_refused_and_not_sent(pool: Pool) -> None:
    done = pool.run("#" * (MAX_CODE_BYTES + 1))
    assert done.status is ExecutionStatus.REFUSED
    assert not done.tells


def test_any_text_is_answered(pool: Pool) -> None:
    assert pool.run("print('\ud800')").status == "error"
    assert pool.run("\0").status == "error"
    assert pool.run("").status == "ok"
    assert pool.run("print('äöü €')").stdout == "äöü €\n"


def test_memory_below_the_limit_can_be_had(pool: Pool) -> None:
    assert pool.run("print(len(bytearray(100 << 20)))").status == "ok"
    assert (
        pool.run("print(len(bytearray(100 << 20)))", limits=Limits(memory_mb=64, wall_s=60)).status
        == "oom"
    )


def test_limits_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"limits\.wall_s"):
        Limits(wall_s=0)


async def test_a_zygote_killed_at_any_moment_loses_no_check(can_isolate: None) -> None:
    """SIGKILL to bubblewrap, its process 1 or the zygote, a few times, while 100 checks are under way."""
    others = Pool.processes()
    async with Sandbox(workers=2, limits=PATIENT, packages=()) as sandbox:

        async def kill() -> None:
            for _ in range(TRIES - 1):  # so many that no check can meet its end each time
                await asyncio.sleep(0.4)
                victims = [pid for pid in Pool.processes(depth=3) if pid not in others]
                os.kill(random.choice(victims), signal.SIGKILL)

        killing = asyncio.create_task(kill())
        checks = (sandbox.run(f"import time; time.sleep(.05); print({n})") for n in range(100))
        done = await asyncio.gather(*checks)
        await killing
    assert sandbox.replaced
    assert [one.status for one in done] == ["ok"] * 100
    assert [one.stdout for one in done] == [f"{n}\n" for n in range(100)]


async def test_a_check_given_up_is_not_answered_to_the_next(can_isolate: None) -> None:
    async with Sandbox(workers=1, limits=TIGHT, packages=()) as sandbox:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sandbox.run("import time; time.sleep(.5); print('late')"), 0.2)
        assert (await sandbox.run("print('next')")).stdout == "next\n"


async def test_nothing_runs_when_the_pool_is_closed(can_isolate: None) -> None:
    before = Pool.processes()
    async with Sandbox(workers=2, packages=()) as sandbox:
        await sandbox.run("print(1)")
    assert Pool.processes() == before


async def test_without_bubblewrap_it_refuses_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match=r"apt-get install bubblewrap.*--unsafe-local"):
        await Sandbox(workers=1).__aenter__()


async def test_where_namespaces_are_forbidden_it_refuses_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(PrerequisiteError, match=r"new namespace.*sysctl.*--unsafe-local"):
        await Sandbox(workers=1).__aenter__()


async def test_a_package_that_is_not_installed_is_named(can_isolate: None) -> None:
    with pytest.raises(PrerequisiteError, match="pip install no_such_package"):
        await Sandbox(workers=1, packages=("no_such_package",)).__aenter__()


class TestUnsafeLocal:
    """No isolation, but statuses and limits."""

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("print(1)", "ok"),
            ("1 / 0", "error"),
            ("import time; time.sleep(60)", "timeout"),
            ("x = [0] * 10**10", "oom"),
            ("while True: print('x' * 1000)", "killed"),
            ("import os; os.kill(os.getpid(), 9)", "killed"),
            ("import os, time\nif os.fork() == 0: time.sleep(600)", "ok"),
            ("import os, time\nif os.fork() == 0: os.setsid(); os.fork(); time.sleep(600)", "ok"),
        ],
    )
    async def test_a_snippet_ends_with_its_status_and_leaves_no_process(
        self, code: str, status: str
    ) -> None:
        async with Sandbox(workers=1, limits=TIGHT, packages=(), unsafe_local=True) as sandbox:
            before = Pool.processes()
            assert (await sandbox.run(code)).status == status
            assert Pool.processes() == before
