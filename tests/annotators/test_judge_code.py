"""A judge that writes code votes with what the code printed before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotators.judge_code import after_blocks
from pipeline.annotator import Tools, VotingAnnotator
from pipeline.config import EngineConfig, GradingConfig
from pipeline.engine.openai_engine import OpenAIEngine
from pipeline.grading import Grader
from pipeline.grading.programs import fenced
from pipeline.prompts import load_prompt
from pipeline.records import Verdict
from pipeline.sandbox import Sandbox
from tests.annotators.judge_server import SOLUTION, JudgeServer, annotator, in_order, serving
from tests.open_sandbox import open_sandbox

CODE = """I check step 0, then step 1.
```python
half = 48 // 2
print("half", half)
```
Now the sum:
```python
print("sum", 48 + half)
```
That is all."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox() as opened:
        yield opened


def steps(*verdicts: str) -> str:
    said = [{"step": i, "check": "seen", "verdict": v} for i, v in enumerate(verdicts)]
    return json.dumps({"steps": said})


async def verdict(sandbox: Sandbox, *answers: str, votes: int) -> tuple[Verdict, JudgeServer]:
    async with serving(in_order(*answers)) as server, Grader(GradingConfig()) as grader:
        config = EngineConfig(kind="openai", model="m", url=server.url, chat_api=True)
        engine = OpenAIEngine(config)
        tools = Tools(
            engine, grader, load_prompt("plain", Path("pipeline/prompt_files")), sandbox=sandbox
        )
        found = await annotator("judge_code", votes=votes).annotate(SOLUTION, tools)
        await engine.close()
    return found, server


async def test_the_verdict_is_asked_for_with_what_each_block_printed(sandbox: Sandbox) -> None:
    found, server = await verdict(sandbox, CODE, steps("right", "wrong", "right"), votes=1)
    assert found.first_error == 1
    shown = server.prompts()[1]
    assert "Output of this code:\n```output\nhalf 24\n```" in shown
    assert "Output of this code:\n```output\nsum 72\n```" in shown
    assert shown.index("half 24") < shown.index("Now the sum") < shown.index("sum 72")


async def test_texts_and_outputs_are_kept_with_the_vote(sandbox: Sandbox) -> None:
    final = steps("right", "wrong", "right")
    found, _ = await verdict(sandbox, CODE, final, votes=1)
    assert found.votes[0].rationale.startswith("I check step 0")
    assert "sum 72" in found.votes[0].rationale
    assert found.votes[0].rationale.endswith(final)


async def test_code_that_fails_is_shown_as_such_and_left_out_of_what_follows(
    sandbox: Sandbox,
) -> None:
    code = "```python\nprint(1 / 0)\n```\n```python\nprint('next')\n```\n"
    found, server = await verdict(sandbox, code, steps("right", "right", "right"), votes=1)
    assert found.first_error == -1
    assert "(error: ZeroDivisionError: division by zero)" in server.prompts()[1]
    assert "Output of this code:\n```output\nnext\n```" in server.prompts()[1]


async def test_a_blank_verification_is_a_missing_vote(sandbox: Sandbox) -> None:
    wrong = steps("right", "wrong", "right")
    found, _ = await verdict(sandbox, CODE, " ", CODE, wrong, wrong, votes=3)
    assert found.first_error == 1
    assert [vote.first_error for vote in found.votes] == [1, None, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n```python\nx\n```\nb", "a\n```python\nx\n```\nNOTE\nb"),
        ("```python\nx\n```", "```python\nx\n```\nNOTE\n"),
        ("```python\nx\n", "```python\nx\n```\nNOTE\n"),
        ("```python\nx", "```python\nx\n```\nNOTE\n"),
    ],
)
def test_a_note_stands_below_the_fence_that_closes_its_block(text: str, expected: str) -> None:
    assert after_blocks(text, fenced(text), ["NOTE\n"]) == expected


async def test_what_follows_a_block_that_failed_or_left_sees_those_that_ended(
    sandbox: Sandbox,
) -> None:
    blocks = (
        "x = 1\nprint('one')",
        "x = 2\n1 / 0",
        "print('x is', x)",
        "exit(0)",
        "print('last', x)",
    )
    code = "".join(f"```python\n{block}\n```\n" for block in blocks)
    _, server = await verdict(sandbox, code, steps("right", "right", "right"), votes=1)
    shown = server.prompts()[1]
    assert shown.count("one\n```") == 1
    assert "(error: ZeroDivisionError: division by zero)" in shown
    assert "```output\nx is 1\n```" in shown
    assert "```output\nlast 1\n```" in shown


async def test_a_cascade_asks_for_all_its_votes_at_once() -> None:
    """Its verifications are written side by side: a first one by itself would be none of all of them."""
    judge = annotator("judge_code", votes=3)
    assert isinstance(judge, VotingAnnotator)
    assert judge.votes_apart == 1
