"""Pairs like those of third-party graders that were written after the rules: default settings decide them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.grading.equivalence import compare_answers
from pipeline.grading.extract import find_answer, gold_answer
from pipeline.grading.pool import WorkerPool

EQUAL = [
    ("So the total is $\\boxed{\\frac{7}{12}}$.", "7/12"),
    ("Answer: 45", "$45$"),
    ("Answer $$\n 27 \n$$", "$27$"),
    ("Answer \\[ 14 \\]", "14"),
    ("$\\cfrac{2}{9}$", "$2/9$"),
    ("$\\tfrac25$", "0.4"),
    ("$\\frac{5}{8} \\text{ liters}$", "$5/8$"),
    ("$m = \\frac{3}{7}$", "$3/7$"),
    ("3,141,592", "3141592"),
    ("The solution is $7 \\geq y$", "$y \\leq 7$"),
    ("$-2x > -6$", "$x < 3$"),
    ("Thus $t <= 4$ is our answer.", "$t \\leq 4$"),
    ("$\\boxed{(1,4) \\cup (4,9]}$", "$(1,4)\\cup(4,9]$"),
    ("$\\begin{bmatrix}1 & 2\\\\3 & 4\\end{bmatrix}$", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"),
    ("$\\boxed{5}$ and $\\boxed{-3}$", "$-3,5$"),
    ("\\boxed{(2, 9)} \\quad \\text{and} \\quad \\boxed{(9, 2)}", "$(9,2),(2,9)$"),
    ("$4 \\pm \\sqrt{3}$", "$4+\\sqrt3, 4-\\sqrt3$"),
    ("$\\boxed{35 percent}$", "$35\\%$"),
    ("0.35", "35%"),
    ("$y = 3x^2 - 6x + 3$", "$y=3(x-1)^2$"),
    ("$\\frac{\\sqrt{5}}{5}$", "\\frac{1}{\\sqrt{5}}"),
    ("$2.449489742783178$", "$\\sqrt{6}$"),
    ("$0.1428571428$", "$\\frac17$"),
    ("(0.75, 1.3333)", "$(\\frac34,\\frac43)$"),
    ("$(a,b)=(8,5)$", "(8,5)"),
    ("$V_1:V_2 = 3:5$", "$3:5$"),
    ("$\\text{(D)}$", "D"),
    ("La réponse est 64.", "64"),
    ("Donc il lui reste 48 euros.", "48"),
    ("答案：36", "36"),
]
OTHERS = [
    ("So the total is $\\boxed{\\frac{7}{13}}$.", "7/12"),
    ("$[0,5)$", "$[0,4)$"),
    ("The solution is $y \\geq 7$", "$y \\leq 7$"),
    ("$x < 3$", "$x > 3$"),
    ("$(9,2)$", "$(2,9)$"),
    ("$x^3+1$", "$x^2+1$"),
    ("$x^2 - y^2 = 4$", "$x^2 + y^2 = 4$"),
    ("$\\boxed{5}$", "$-3,5$"),
    ("$\\frac{1-\\sqrt5}{2}$", "$2$"),
    ("2.4494", "$\\sqrt{7}$"),
    ("$0.14$", "$\\frac18$"),
    ("$2,3,5$", "$2,3,7$"),
    ("$\\begin{pmatrix}1&2\\\\3&5\\end{pmatrix}$", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"),
    ("$3:7$", "$3:5$"),
    ("$\\text{(B)}$", "D"),
    ("0.002, 7.1 \\cdot 10^{35}", "7 \\times 10^{35}, 0.001"),
]
"""None is the same as its gold answer."""


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1, 60.0)
    yield made
    made.close()


async def said(pred: str, gold: str, pool: WorkerPool) -> bool | None:
    found = find_answer(pred)
    return (await compare_answers(found.text if found else pred, gold_answer(gold), pool)).same


@pytest.mark.parametrize(("pred", "gold"), EQUAL)
async def test_equal_answers_are_the_same(pool: WorkerPool, pred: str, gold: str) -> None:
    assert await said(pred, gold, pool) is True


@pytest.mark.parametrize(("pred", "gold"), OTHERS)
async def test_other_answers_are_not(pool: WorkerPool, pred: str, gold: str) -> None:
    assert await said(pred, gold, pool) is False


@pytest.mark.parametrize(
    ("pred", "gold"), [("0.33", "1/3"), ("$(0.67, 0.2)$", "$(\\frac23,\\frac15)$")]
)
async def test_few_decimals_are_left_undecided(pool: WorkerPool, pred: str, gold: str) -> None:
    """People grade them both ways; `grading.decimals: 2` takes them."""
    assert await said(pred, gold, pool) is None
    assert (await compare_answers(pred, gold, pool, 2)).same is True
