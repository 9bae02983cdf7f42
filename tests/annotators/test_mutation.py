"""Lines of programs, labelled by changing one and running the tests in the real sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from annotators.mutation import MutationAnnotator, MutationOptions, program_lines
from annotators.registry import make_annotators
from pipeline.annotator import Tools
from pipeline.batch import run_batch
from pipeline.config import GradingConfig, RunConfig
from pipeline.grading import Grader
from pipeline.grading.programs import fenced
from pipeline.prompts import PromptTemplate
from pipeline.records import Label, Outcome, Solution, Status, Verdict
from pipeline.run_folder import RunFolder
from pipeline.sandbox import Sandbox
from tests.open_sandbox import open_sandbox

TESTS = "assert clip(5, 3) == 3\nassert clip(2, 3) == 2\nassert clip(-1, 3) == 0"
RIGHT = "def clip(x, top):\n    if x > top:\n        return top\n    if x < 0:\n        x = 0\n    return x\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox() as opened:
        yield opened


async def verdict(
    sandbox: Sandbox,
    text: str,
    reference: str | None = None,
    outcome: Outcome = Outcome.INCORRECT,
    tests: str | None = TESTS,
) -> Verdict:
    steps = tuple(text.splitlines(keepends=True))
    solution = Solution(
        "s", "p", "Clip x.", "", steps, "g", outcome=outcome, reference=reference, tests=tests
    )
    async with Grader(GradingConfig.model_validate({"programs": {"cpu_s": 1}}), sandbox) as grader:
        tools = Tools(None, grader, PromptTemplate("none", "raw", ""), sandbox=sandbox)
        return await MutationAnnotator("mutation", MutationOptions()).annotate(solution, tools)


async def test_the_line_that_departs_from_a_passing_reference_is_named(sandbox: Sandbox) -> None:
    found = await verdict(sandbox, RIGHT.replace("x = 0", "x = -x"), RIGHT)
    assert found.first_error == 4
    (check,) = found.checks
    assert (check.claim, check.expected) == ("        x = -x", "x = 0")
    assert check.status is Status.CONTRADICTED


async def test_a_reference_that_fails_its_tests_names_nothing(sandbox: Sandbox) -> None:
    wrong = RIGHT.replace("return top", "return -top")
    found = await verdict(sandbox, wrong.replace("x = 0", "x = x * 3"), wrong)
    assert found.first_error is None


async def test_without_a_reference_the_line_that_can_be_mended_is_named(sandbox: Sandbox) -> None:
    text = f"Here:\n```python\n{RIGHT.replace('x = 0', 'x = 1')}```\nDone.\n"
    found = await verdict(sandbox, text)
    assert found.first_error == 6
    assert found.checks[0].expected == "1 to 0"
    assert text.splitlines()[6][found.checks[0].start : found.checks[0].end] == "        x = 1"


async def test_lines_of_drafts_and_demonstrations_are_not_named(sandbox: Sandbox) -> None:
    draft = "<think>\n```python\n1 / 0\n```\n</think>\n"
    wrong = RIGHT.replace("x = 0", "x = 1")
    text = f"{draft}```python\n{wrong}```\nIt fails:\n```python\nclip()\n```\n"
    named = await verdict(sandbox, text)
    assert (named.first_error, named.reason) == (None, "no change of a single line mends it")
    either = f"```python\n{RIGHT}```\nNot so:\n```python\n{wrong}```\n"
    assert (await verdict(sandbox, either)).reason == "it isn't known that it fails"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def clip(x, top):\n    return 17\n", "no change of a single line mends it"),
        ("I can't.", "no program"),
    ],
)
async def test_what_no_change_mends_is_left_open(
    sandbox: Sandbox, program: str, reason: str
) -> None:
    found = await verdict(sandbox, program)
    assert (found.first_error, found.reason) == (None, reason)


async def test_two_lines_that_could_be_mended_are_left_open(sandbox: Sandbox) -> None:
    found = await verdict(
        sandbox, "def f():\n    x = 1\n    return x + 1\n", tests="assert f() == 3"
    )
    assert (found.first_error, found.reason) == (None, "more than one line can be mended")


async def test_a_program_that_passes_has_no_wrong_line(sandbox: Sandbox) -> None:
    assert (await verdict(sandbox, RIGHT, outcome=Outcome.CORRECT)).first_error == -1
    assert (await verdict(sandbox, RIGHT, tests=None)).first_error is None


def test_lines_of_a_program_are_found_again_in_its_text() -> None:
    text = "a\n```python\nx = 1\n!ls\ny = 2\n```\nb\n```python\nz = 3\n```\n"
    program = "\n".join(block.code for block in fenced(text))
    lines = program_lines(text, fenced(text))
    assert len(lines) == program.count("\n") + 1
    for mine, theirs in zip(lines, program.split("\n"), strict=True):
        assert mine.text.strip() in (theirs.strip(), "!ls")
        assert text[mine.start :].startswith(mine.text)


@pytest.mark.usefixtures("sandbox")  # skips where there is none
async def test_the_recipe_labels_mutants_by_tests_without_a_model(tmp_path: Path) -> None:
    problem = {"id": "p", "question": "Clip x.", "tests": TESTS, "reference": RIGHT}
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem))
    path = tmp_path / "run.yaml"
    config = {
        "name": "code",
        "recipe": "prlcoder",
        "runs_dir": str(tmp_path / "runs"),
        "problems": {
            "path": str(tmp_path / "problems.jsonl"),
            "columns": {"tests": "tests", "reference": "reference"},
        },
        "grading": {"programs": {"cpu_s": 2}},
        "sandbox": {"workers": 1},
    }
    path.write_text(yaml.safe_dump(config))
    settings = RunConfig.load(path)
    await run_batch(settings, make_annotators(settings))
    run = RunFolder(settings.folder)
    solutions = {s.id: s for s in run.solutions.read(Solution)}
    labels = list(run.labels.read(Label))
    right = [s for s in solutions.values() if s.outcome is Outcome.CORRECT]
    assert len(labels) == len(solutions) >= 8
    assert RIGHT in {s.text for s in right}
    assert 0 < len(right) < len(solutions)
    theirs = RIGHT.splitlines(keepends=True)
    for label in labels:
        steps = solutions[label.solution_id].steps
        differ = [i for i, pair in enumerate(zip(steps, theirs, strict=True)) if len({*pair}) > 1]
        wrong = solutions[label.solution_id].outcome is Outcome.INCORRECT
        assert label.first_error == (differ[0] if wrong else -1)
