"""Every kind of bad input is told with its place and the cure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.errors import InputError, StepLabelError
from pipeline.inputs import read_problems, read_solutions, write_rejected
from pipeline.steps import make_splitter

_spec = importlib.util.spec_from_file_location(
    "bad_inputs", Path(__file__).with_name("bad_inputs.py")
)
assert _spec is not None
assert _spec.loader is not None
bad_inputs = importlib.util.module_from_spec(_spec)
sys.modules["bad_inputs"] = bad_inputs
_spec.loader.exec_module(bad_inputs)
CASES = bad_inputs.BAD_INPUTS


def _read(path: Path, overrides: tuple[str, ...], strict: bool = False) -> tuple[list[str], int]:
    """(messages of rejected rows, good rows of the file that has the bad one)."""
    config = RunConfig.load(path, overrides)
    update = {"strict": strict}
    problems = read_problems(config.problems.model_copy(update=update))
    rejected, good = problems.rejected, len(problems.rows)
    if config.solutions is not None:
        splitter = make_splitter(config.steps.split)
        solutions = read_solutions(
            config.solutions.model_copy(update=update),
            problems.rows,
            splitter,
            config.steps.max_steps,
        )
        rejected, good = rejected + solutions.rejected, len(solutions.rows)
    write_rejected(path.parent / "rejected", rejected)
    return [str(row) for row in rejected], good


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_message_names_place_and_cure(case: bad_inputs.BadInput, tmp_path: Path) -> None:
    path = case.write(tmp_path)
    try:
        messages, good = _read(path, case.overrides)
    except StepLabelError as error:
        messages, good = [str(error)], 0
    assert any(case.place in m and case.cure in m for m in messages), messages
    assert bool(good) == case.row_only or not case.row_only


@pytest.mark.parametrize("case", [c for c in CASES if c.row_only], ids=lambda case: case.name)
def test_strict_stops_at_the_first_bad_row(case: bad_inputs.BadInput, tmp_path: Path) -> None:
    path = case.write(tmp_path)
    with pytest.raises(InputError, match="strict mode stops") as caught:
        _read(path, case.overrides, strict=True)
    assert case.place in str(caught.value)
    assert case.cure in str(caught.value)


def test_there_are_forty_kinds() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40
