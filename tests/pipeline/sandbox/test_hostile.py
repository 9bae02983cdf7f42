"""Every hostile program is contained, ends with the right status, and leaves the pool clean."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.sandbox.conftest import PATIENT, TIGHT, Pool
from tests.pipeline.sandbox.hostile import PROGRAMS, Hostile

NEXT = """
import fcntl, math, os, random, sympy, sys, threading
def is_open(fd):
    try: fcntl.fcntl(fd, fcntl.F_GETFD); return True
    except OSError: return False
print(sympy.simplify("(x**2 - 1)/(x - 1)"), math.sqrt(16), sum([1, 2]), sorted([2, 1]))
print(os.getpid(), os.getuid(), os.listdir("/tmp"), os.listdir("/proc"), threading.active_count())
print([fd for fd in range(4096) if is_open(fd)], repr(sys.stdin.read()), random.random())
"""
CLEAN = """\
x + 1 4.0 3 [1, 2]
1 1000 [] [] 1
[0, 1, 2, 3] '' 0.8444218515250481
"""
"""Descriptor 3 is the snippet's own report of how it ended."""


@pytest.fixture(scope="module", autouse=True)
def listener() -> Iterator[None]:
    """What a program would reach if it shared the host's network."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0steplabel-host")
        server.listen()
        yield


def test_there_are_sixty_and_no_two_are_the_same() -> None:
    assert len(PROGRAMS) >= 60
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
    assert len({program.code for program in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_it_is_contained_and_the_next_snippet_finds_a_clean_pool(
    program: Hostile, pool: Pool, secret: Path
) -> None:
    before, replaced = pool.standing(), pool.sandbox.replaced
    code = program.code.replace("SECRET_PATH", str(secret)).replace("SECRET_NAME", secret.name)
    done = pool.run(code, limits=TIGHT if "timeout" in program.statuses else PATIENT)
    assert "BREACH" not in done.stdout + done.stderr.partition("Traceback")[0], done
    assert done.status in program.statuses, done
    assert (
        pool.standing() == before
    )  # the same zygote, and nobody else but the next snippet's process
    after = pool.run(NEXT, limits=PATIENT)
    assert (after.status, after.stdout, after.stderr) == ("ok", CLEAN, ""), after
    assert pool.sandbox.replaced == replaced
    assert secret.read_text() == "secret"
