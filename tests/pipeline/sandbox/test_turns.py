"""Pieces run in turn: each is told of apart, and sees what those before it left."""

from __future__ import annotations

import pytest

from pipeline.sandbox import MAX_CODE_BYTES, Execution, Limits, run_in_turn
from tests.pipeline.sandbox.conftest import PATIENT, TIGHT, Pool


def ran(pool: Pool, *pieces: str, limits: Limits = PATIENT) -> list[Execution]:
    return pool.runner.run(run_in_turn(pool.sandbox, pieces, limits))


def test_each_piece_sees_the_names_before_it_and_has_its_own_output(pool: Pool) -> None:
    runs = ran(pool, "x = 2\nprint('a')", "import sys\nprint(x, file=sys.stderr)", "print(x + 1)")
    assert [(run.status, run.stdout, run.stderr) for run in runs] == [
        ("ok", "a\n", ""),
        ("ok", "", "2\n"),
        ("ok", "3\n", ""),
    ]
    assert runs[-1].cpu_s > 0


def test_output_without_a_newline_stays_whole(pool: Pool) -> None:
    assert [run.stdout for run in ran(pool, "print('a', end='')", "print('\\n', end='')")] == [
        "a",
        "\n",
    ]


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        ("x = 1\nx / 0", "ZeroDivisionError: division by zero"),
        ("y = 1\nz = = 2", "SyntaxError: invalid syntax (<snippet>, line 2)"),
    ],
)
def test_the_first_that_fails_is_the_last_told_of_with_its_own_line(
    pool: Pool, piece: str, reason: str
) -> None:
    runs = ran(pool, "a = 1\nb = 2\nc = 3\n", piece, "print('never')")
    assert [run.status for run in runs] == ["ok", "error"]
    assert (runs[1].reason, runs[1].line) == (reason, 2)


def test_a_piece_that_leaves_is_the_last(pool: Pool) -> None:
    runs = ran(pool, "print(1)", "import sys\nprint(2)\nsys.exit(0)", "print(3)")
    assert [(run.status, run.stdout) for run in runs] == [("ok", "1\n"), ("ok", "2\n")]


def test_limits_are_those_of_all_together(pool: Pool) -> None:
    runs = ran(pool, "x = 1", "while True: pass", "y = 1", limits=TIGHT)
    assert [run.status for run in runs] == ["ok", "timeout"]


def test_a_flood_is_stopped_where_it_begins(pool: Pool) -> None:
    runs = ran(pool, "print('x')", "while True: print('y' * 1000)", limits=TIGHT)
    assert [run.status for run in runs] == ["ok", "killed"]


def test_no_piece_has_input_nor_names_of_ours(pool: Pool) -> None:
    runs = ran(pool, "print(sorted(n for n in globals() if n[0] != '_'))", "input()")
    assert runs[0].stdout == "[]\n"
    assert runs[1].reason.startswith("EOFError")


def test_a_piece_that_closes_its_output_has_no_successor(pool: Pool) -> None:
    runs = ran(pool, "import os\nos.close(1)", "print('never')")
    assert [run.status for run in runs] == ["error"]
    assert "OSError" in runs[0].reason


def test_nothing_of_one_text_is_known_to_the_next(pool: Pool) -> None:
    ran(pool, "import sympy, builtins\nbuiltins.left = sympy.left = 1", "print(left)")
    (done,) = ran(
        pool, "import sympy, builtins\nprint(hasattr(sympy, 'left'), 'left' in dir(builtins))"
    )
    assert done.stdout == "False False\n"


def test_text_that_is_no_unicode_is_an_error_of_its_piece(pool: Pool) -> None:
    runs = ran(pool, "x = 1", "y = '\ud800'")
    assert [run.status for run in runs] == ["ok", "error"]


def test_no_piece_is_no_run_and_too_much_code_is_refused(pool: Pool) -> None:
    assert ran(pool) == []
    (done,) = ran(pool, "x = 1\n", "#" * MAX_CODE_BYTES)
    assert done.status == "refused"
