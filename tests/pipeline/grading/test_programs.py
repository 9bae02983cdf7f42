"""Programs against the tests of their problem: passed, failed, or not known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.config import GradingConfig
from pipeline.grading import CUT, Grader
from pipeline.grading.grader import NO_PROGRAM
from pipeline.grading.programs import fenced, passed, with_tests
from pipeline.records import Outcome, Solution
from pipeline.sandbox import Limits, Sandbox
from tests.open_sandbox import open_sandbox

TESTS = "assert double(2) == 4\nassert double(-1) == -2"
RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 3 * x\n"
PROMPT = 'def double(x):\n    """Twice x."""\n'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox() as opened:
        yield opened


def attempt(question: str = "Write double.") -> Solution:
    return Solution("s", "p", question, "passes its tests", ("",), "g", tests=TESTS)


async def outcome(sandbox: Sandbox, text: str, question: str = "Write double.") -> Outcome:
    async with Grader(GradingConfig(), sandbox) as grader:
        return (await grader.attempt(text, attempt(question))).outcome


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RIGHT, Outcome.CORRECT),
        (f"Here it is:\n```python\n{RIGHT}```\nDone.", Outcome.CORRECT),
        ("```python\ndef double(x):\n    return x\n```", Outcome.INCORRECT),
        ("```python\ndef double(x): return 2 *\n```", Outcome.INCORRECT),
        ("import sys\nsys.exit(0)", Outcome.INCORRECT),
        ("import os\nos._exit(0)", Outcome.UNDECIDED),
        ("import a_package_that_nobody_has", Outcome.UNDECIDED),
        ("def double(x): return [0] * 10**11", Outcome.UNDECIDED),
        ("I can't write that.", Outcome.UNDECIDED),
    ],
)
async def test_a_program_is_right_where_it_passes_and_undecided_where_that_is_not_known(
    sandbox: Sandbox, text: str, expected: Outcome
) -> None:
    assert await outcome(sandbox, text) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    return 2 * x\n", Outcome.CORRECT),
        ("    return 3 * x\n", Outcome.INCORRECT),
        ("    return 2 *\n", Outcome.INCORRECT),
    ],
)
async def test_a_function_that_the_question_begins_is_completed(
    sandbox: Sandbox, body: str, expected: Outcome
) -> None:
    assert await outcome(sandbox, body, PROMPT) is expected


@pytest.mark.parametrize(
    "text",
    [
        "Here:\r\n\r\n```python\r\ndef double(x):\r\n    return 2 * x\r\n```\r\n",
        f"```\n{RIGHT}```",
        f'```python title="double.py"\n{RIGHT}```',
        f"~~~python\n{RIGHT}~~~",
        "1. So:\n   ```python\n   def double(x):\n       return 2 * x\n   ```\n",
        "The body:\n```python\n    return 2 * x\n```",
        f"<think>\n```python\n1 / 0\n```\n</think>\n```python\n{RIGHT}```",
        f"```python\n{RIGHT}```\nThis raises:\n```python\ndouble()\n```",
        f"```python\ndef double(x)\n```\nMended:\n```python\n{RIGHT}```",
        "```python\ndef twice(x): return 2 * x\n```\n```python\ndef double(x): return twice(x)\n```",
        f"```python\n{RIGHT}```\nIt prints\n```\n4\n```",
        'def double(x):\n    """\n    ```\n    double(2) == 4\n    ```\n    """\n    return 2 * x\n',
    ],
)
async def test_a_right_program_passes_however_it_is_written_down(
    sandbox: Sandbox, text: str
) -> None:
    assert await outcome(sandbox, text, PROMPT) is Outcome.CORRECT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"```python\n{RIGHT}```\nNot so:\n```python\n{WRONG}```", Outcome.UNDECIDED),
        (f"```python\n{WRONG}```\nRather:\n```python\n{WRONG}```", Outcome.INCORRECT),
        ("```python\n    return 3 * x\n```", Outcome.INCORRECT),
        ("In the end:\n```python\nreturn 2 * x\n```", Outcome.UNDECIDED),
        ("```python\nimport sys\nn = int(sys.argv[1])\n" + RIGHT + "```", Outcome.UNDECIDED),
        ("```python\nprint(str(2**20000))\n" + RIGHT + "```", Outcome.UNDECIDED),
    ],
)
async def test_what_may_be_a_fragment_or_another_version_is_not_wrong(
    sandbox: Sandbox, text: str, expected: Outcome
) -> None:
    assert await outcome(sandbox, text, PROMPT) is expected


async def test_a_text_without_a_program_says_so(sandbox: Sandbox) -> None:
    async with Grader(GradingConfig(), sandbox) as grader:
        assert (await grader.attempt("The answer is 4, of course.", attempt())).reason == NO_PROGRAM
        assert (await grader.attempt(RIGHT, attempt(), "length")).reason == CUT


async def test_too_slow_a_program_is_wrong_only_where_the_limit_is_the_problem_s_own(
    sandbox: Sandbox,
) -> None:
    endless = "def double(x):\n    while True: pass"
    config = GradingConfig.model_validate({"programs": {"cpu_s": 2, "slow": "incorrect"}})
    async with Grader(config, sandbox) as grader:
        grade = await grader.attempt(endless, attempt())
    # where ticks are stolen the kernel's own kill can't be told from one for want of memory
    stated = "processor time" in (grade.reason or "")
    assert grade.outcome is (Outcome.INCORRECT if stated else Outcome.UNDECIDED)
    config = GradingConfig.model_validate({"programs": {"cpu_s": 1}})
    async with Grader(config, sandbox) as grader:
        assert (await grader.attempt(endless, attempt())).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("program", "result"),
    [
        ("def f(x): return x + 1", True),
        ("def f(x): return x + 2", False),
        ("def f(x): return x +", False),
        ("import sys; sys.exit(0)", False),
        ("import os; os._exit(0)", None),
        ("def f(x):\n    while True: pass", None),
    ],
)
async def test_a_program_passes_its_tests_fails_them_or_is_not_known_to(
    sandbox: Sandbox, program: str, result: bool | None
) -> None:
    tested = with_tests(program, "assert f(1) == 2\nassert f(2) == 3")
    assert passed(tested, await sandbox.run(tested.code, limits=Limits(wall_s=1))) is result


def test_only_blocks_that_say_they_are_python_are_code() -> None:
    text = "a\n```python\nx\n```\n```output\ny\n```\n```\nz\n```\n````py\n!pip install q\n```\nw\n"
    found = fenced(text)
    assert [block.code for block in found] == ["x\n", "\n```\nw\n"]
    assert [text[block.start : block.end] for block in found] == ["x\n", "!pip install q\n```\nw\n"]


def test_a_block_loses_the_indentation_of_its_fence_alone() -> None:
    text = "- a\n  ```python\n  if x:\n      y\n z\n  !ls\n  ```\n"
    (block,) = fenced(text)
    assert block.code == "if x:\n    y\nz\n\n"
    assert text[block.start : block.end] == "  if x:\n      y\n z\n  !ls\n"


def test_a_fence_is_closed_by_its_own_mark_alone() -> None:
    text = "~~~~python\nx\n~~~\n```\n~~~~ \n```python-repl\ny\n```\n"
    assert [block.code for block in fenced(text)] == ["x\n~~~\n```\n"]


def test_blocks_of_thoughts_are_drafts_unless_nothing_follows_them() -> None:
    thoughts = "<think>\n```python\nx\n</think>\n"
    (block,) = fenced(f"{thoughts}```python\ny\n```")
    assert block.code == "y\n"
    assert fenced(thoughts)
