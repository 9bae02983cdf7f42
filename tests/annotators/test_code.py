"""Steps that are code: the first whose program so far raises is named, and nothing else is evidence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from annotators.code import CodeAnnotator, CodeOptions
from pipeline.annotator import Tools
from pipeline.config import GradingConfig
from pipeline.grading import Grader
from pipeline.prompts import PromptTemplate
from pipeline.records import Solution, Status, Verdict
from pipeline.sandbox import Sandbox
from tests.open_sandbox import open_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox() as opened:
        yield opened


async def verdict(
    sandbox: Sandbox, *steps: str, finish_reason: str = "stop", **options: object
) -> Verdict:
    annotator = CodeAnnotator("code", CodeOptions(**options))  # type: ignore[arg-type]
    solution = Solution("s", "p", "q", "1", steps, "g", finish_reason=finish_reason)
    async with Grader(GradingConfig()) as grader:
        tools = Tools(None, grader, PromptTemplate("none", "raw", ""), sandbox=sandbox)
        return await annotator.annotate(solution, tools)


def python(code: str) -> str:
    return f"So we compute:\n```python\n{code}\n```\nwhich gives it.\n"


async def test_the_first_step_whose_program_raises_is_named(sandbox: Sandbox) -> None:
    found = await verdict(
        sandbox, "First think.\n", python("x = 3"), python("y = x / 0"), python("print(y)")
    )
    assert found.first_error == 2
    assert [(check.step, check.status) for check in found.checks] == [
        (1, Status.EXACT),
        (2, Status.CONTRADICTED),
    ]
    assert found.checks[1].expected == "ZeroDivisionError: division by zero"
    assert found.checks[1].claim == "y = x / 0\n"


async def test_a_step_sees_what_the_steps_before_it_defined(sandbox: Sandbox) -> None:
    found = await verdict(
        sandbox, "x = 2\n", "def f(): return x\n", "assert f() == 2\n", form="python"
    )
    assert (found.first_error, found.reason) == (None, "every step runs")


async def test_a_step_that_the_next_completes_is_no_error(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, "for x in [1]:\n", "    y = x\n", "print(z)\n", form="python")
    assert found.first_error == 2
    assert [check.status for check in found.checks] == [
        Status.UNCHECKED,
        Status.EXACT,
        Status.CONTRADICTED,
    ]


async def test_what_is_no_python_to_the_end_is_an_error_unless_the_text_was_cut(
    sandbox: Sandbox,
) -> None:
    steps = ("x = 1\n", "y = (x +\n")
    assert (await verdict(sandbox, *steps, form="python")).first_error == 1
    cut = await verdict(sandbox, *steps, form="python", finish_reason="length")
    assert cut.first_error is None
    assert "cut" in (cut.reason or "")


async def test_code_that_the_end_of_the_text_cut_is_no_error(sandbox: Sandbox) -> None:
    steps = (python("total = 3"), "So:\n```python\nans = total / 0")
    assert (await verdict(sandbox, *steps)).first_error == 1
    cut = await verdict(sandbox, *steps, finish_reason="length")
    assert (cut.first_error, cut.reason) == (None, "the text was cut here")
    before = await verdict(sandbox, python("1 / 0"), *steps, finish_reason="length")
    assert before.first_error == 0


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        (("for i in range(3):\n", "    x = = 1\n"), 1),
        (("x = = 1\n", "y = 2\n"), 0),
        (("x = 1\n", 's = """open\n', "y = 2\n", "z = 3\n"), 1),
        (("x = [1,\n", "2\n", "3]\n"), 2),
    ],
)
async def test_of_steps_that_are_no_python_the_one_that_stays_the_reason_is_named(
    sandbox: Sandbox, steps: tuple[str, ...], named: int
) -> None:
    assert (await verdict(sandbox, *steps, form="python")).first_error == named


async def test_steps_that_end_without_a_line_end_are_lines_of_their_own(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, "x = 1 ", "y = 2", "assert x + y == 3", form="python")
    assert (found.first_error, found.reason) == (None, "every step runs")


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "x = [0] * 10**11",
        "import a_package_that_nobody_has",
        "open('data.csv')",
        "input()",
        "import urllib.request; urllib.request.urlopen('http://localhost')",
        "import zoneinfo; zoneinfo.ZoneInfo('Nowhere/Here')",
        "open('x', 'w').read()",
        "open('x', 'w'); open('x', 'x')",
        "import os; os._exit(0)",
        "import _thread, time\nwhile True: _thread.start_new_thread(time.sleep, (9,))",
        "import os; os.kill(os.getpid(), 6)\nimport ctypes; ctypes.string_at(0)",
    ],
)
async def test_what_may_be_the_sandbox_s_doing_is_no_evidence(sandbox: Sandbox, code: str) -> None:
    found = await verdict(sandbox, python("x = 1"), python(code), python("1 / 0"), timeout_s=1)
    assert found.first_error is None
    assert found.reason
    assert [check.status for check in found.checks] == [Status.EXACT, Status.UNCHECKED]


async def test_a_solution_without_code_is_left_undecided(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, "2 + 2 = 5\n", "```\nnot (python\n```\n")
    assert (found.first_error, found.reason, found.checks) == (None, "no step holds code", ())


async def test_a_step_that_goes_on_with_the_statement_before_it_runs_with_it(
    sandbox: Sandbox,
) -> None:
    found = await verdict(
        sandbox,
        "x = 0\n",
        "if x:\n    y = 1\n",
        "else:\n    y = 2\n",
        "assert y == 2\n",
        form="python",
    )
    assert (found.first_error, found.reason) == (None, "every step runs")


async def test_steps_that_run_are_run_once_in_one_process(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = sandbox.run, []

    async def counted(code: str, **given: object) -> object:
        calls.append(code)
        return await run(code, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "run", counted)
    found = await verdict(sandbox, "x = 1\n", "y = x\n", "assert y == 1\n", form="python")
    assert found.reason == "every step runs"
    assert len(calls) == 1


CUT = ("A class.\n\n```python\nclass A:\n\n", "    def f(self):\n        return 1\n\n")


async def test_a_block_that_the_steps_cut_is_run_as_a_whole(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, *CUT, "print(A().f())\n```\n", "So 1.")
    assert (found.first_error, found.reason) == (None, "every step runs")
    assert [(check.step, check.start, check.end) for check in found.checks] == [(2, 0, 15)]


async def test_a_block_over_several_steps_is_wrong_in_the_step_that_was_under_way(
    sandbox: Sandbox,
) -> None:
    found = await verdict(
        sandbox, python("one = 1"), *CUT, "x = A().f() / 0\n\n", "print(x)\n```\n"
    )
    assert found.first_error == 3


async def test_blocks_that_are_indented_or_have_windows_line_ends_are_code(
    sandbox: Sandbox,
) -> None:
    indented = "1. We say:\n   ```python\n   x = 1\n   print(x)\n   ```\n"
    found = await verdict(sandbox, indented, "So\r\n```python\r\ny = x / 0\r\n```\r\n")
    assert [check.status for check in found.checks] == [Status.EXACT, Status.CONTRADICTED]


@pytest.mark.parametrize(
    "code",
    [
        "for x in xs:\n    print(x)",
        "return x + 1",
        "def g(x):\n    # TODO",
        "x = <the value>",
        "print 'Python 2'",
        "import sys\nn = int(sys.argv[1])",
        "import sys\nn = int(sys.stdin.readline())",
        "import sys\nsys.exit(3)",
        "async def f(): return 1\nprint(await f())",
        "print(len(str(2**20000)))",
        "def f(x):\n    return f(x + 1)\nf(0)",
        "def f(x):\n    raise ValueError('negative')\nf(-1)",
        "def f(x):\n    raise NotImplementedError\nf(1)",
        "1 / 0  # raises",
    ],
)
async def test_a_fragment_or_what_is_meant_to_fail_is_no_error(sandbox: Sandbox, code: str) -> None:
    found = await verdict(sandbox, python("y = 1"), python(code), python("y / 0"))
    assert found.first_error is None
    assert [check.status for check in found.checks] == [Status.EXACT, Status.UNCHECKED]


@pytest.mark.parametrize("code", ["assert 1 == 2", "[1][1]", "1 + '1'", "1 / 0"])
async def test_what_the_text_says_will_fail_is_no_error(sandbox: Sandbox, code: str) -> None:
    block = f"```python\n{code}\n```\n"
    assert (await verdict(sandbox, f"We check:\n{block}")).first_error == 0
    assert (await verdict(sandbox, f"To show the bug:\n{block}")).first_error is None
    assert (await verdict(sandbox, block, "That doesn't work.")).first_error is None


async def test_blocks_of_thoughts_are_drafts(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, f"<think>{python('1 / 0')}</think>\n", python("x = 1"))
    assert (found.first_error, found.reason) == (None, "every step runs")
