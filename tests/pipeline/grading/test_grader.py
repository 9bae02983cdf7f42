"""Three-valued grades: undecided is never wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pipeline.config import GradingConfig
from pipeline.grading import CUT, NO_ANSWER, Grade, Grader
from pipeline.records import Outcome


@pytest.fixture
async def grader() -> AsyncIterator[Grader]:
    async with Grader(GradingConfig()) as made:
        yield made


async def test_right_wrong_and_undecided(grader: Grader) -> None:
    gold = "16 - 3 = 13\n#### 18"
    assert (await grader.grade("Answer: 18", gold)).outcome is Outcome.CORRECT
    assert (await grader.grade("Answer: 17", gold)).outcome is Outcome.INCORRECT
    assert (await grader.grade("Answer: some", gold)).outcome is Outcome.UNDECIDED
    assert (await grader.grade("Answer: 18 is wrong", gold)).outcome is Outcome.UNDECIDED


async def test_no_answer_is_undecided(grader: Grader) -> None:
    assert await grader.grade("hm", "1") == Grade(Outcome.UNDECIDED, reason=NO_ANSWER)


@pytest.mark.parametrize("cut", ["undecided", "incorrect"])
async def test_a_cut_text_counts_as_configured(cut: str) -> None:
    async with Grader(GradingConfig.model_validate({"cut": cut})) as grader:
        grade = await grader.grade("Answer: 1", "1", "length")
    assert grade == Grade(Outcome(cut), reason=CUT)


async def test_many_coroutines_share_a_grader(grader: Grader) -> None:
    grades = await asyncio.gather(*(grader.grade(f"\\boxed{{x+{i}}}", f"{i}+x") for i in range(40)))
    assert {grade.outcome for grade in grades} == {Outcome.CORRECT}


def test_a_grader_serves_one_event_loop_after_another() -> None:
    grader = Grader(GradingConfig())
    for _ in range(2):
        assert asyncio.run(grader.compare("x+1", "1+x")).same
        grader._cache.clear()
    asyncio.run(grader.close())
