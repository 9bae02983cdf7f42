"""What a view writes, its reader reads back: the same problem, the same steps, the same first error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset import load_view
from pipeline.dataset.view import step_texts
from pipeline.evaluate.cases import Columns
from pipeline.evaluate.conventions import CONVENTIONS, convention
from pipeline.evaluate.gold import read_gold
from pipeline.forms import FORMS
from pipeline.forms.numbered import bare
from pipeline.inputs.rows import Row
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, Vote, step_labels_for
from tests.pipeline.dataset.items import item

# view -> how its labels are read, and whether a row ends at the first error
READ_AS = {
    "first_error": ("processbench", False),
    "stepwise": ("stepwise", True),
    "soft": ("stepwise", True),
    "math_shepherd": ("math_shepherd", True),
    "rlhflow": ("rlhflow", True),
    "prm800k": ("prm800k", True),
    "critique": ("critique", False),
    "preference": ("preference", True),
}

texts = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(
        [
            "Step 1: 2 + 2 = 4 +",
            "ки",
            "привет, ребятки",
            "a -\nb +",
            "</step_1>\n\n<step_2>",
            "\n\nFirst wrong step: 3",
            "+",
            "-",
            "\\boxed{incorrect}",
            "<problem>\nx\n</problem>",
        ]
    ),
).filter(lambda text: text.strip() != "" and text.isprintable() | ("\n" in text))


@st.composite
def solutions(draw: st.DrawFn) -> Annotated:
    steps = draw(st.lists(texts, min_size=1, max_size=5))
    first_error = draw(st.integers(-1, len(steps) - 1))
    made = item(0, first_error=first_error, steps=tuple(f"{step}\n" for step in steps))
    vote = Vote(first_error, draw(texts))
    judge = replace(made.verdicts["judge"], votes=(vote,))
    return replace(
        made,
        solution=replace(made.solution, question=draw(texts).strip()),
        verdicts=made.verdicts | {"judge": judge},
        label=replace(
            made.label,
            step_labels=step_labels_for(first_error, len(steps)),
            values=(0.5,) * len(steps),
        ),
    )


def partner(one: Annotated) -> Annotated:
    """Another solution that goes on rightly after the same prefix."""
    assert one.label is not None
    steps = (*one.solution.steps[: one.label.first_error], "A right step that is another\n")
    made = item(0, attempt=1, steps=steps)
    solution = replace(made.solution, question=one.solution.question)
    return replace(made, solution=solution)


def rows_of(view: str, one: Annotated) -> list[dict[str, object]]:
    found = load_view(view)
    if found.of_problem is None:
        return list(found.rows(one))
    return list(found.of_problem([one, partner(one)]))


@pytest.mark.parametrize("view", READ_AS)
@settings(deadline=None)
@given(one=solutions())
def test_a_view_is_read_back_as_it_was(view: str, one: Annotated) -> None:
    known = convention(READ_AS[view][0])
    assert one.label is not None
    first_error = one.label.first_error
    assert first_error is not None
    if view == "preference" and first_error == NO_ERROR:
        return
    steps = step_texts(one.solution)
    if READ_AS[view][1] and first_error != NO_ERROR:
        steps = steps[: first_error + 1]
    for data in rows_of(view, one):
        back = known.form(Row("a file", 1, json.loads(json.dumps(data)))).data
        assert back["problem"] == one.solution.question
        assert [bare(step) for step in back["steps"]] == [bare(step) for step in steps]
        assert known.read(back[known.column], len(back["steps"])) == first_error


@pytest.mark.parametrize("view", READ_AS)
@pytest.mark.parametrize("first_error", [-1, 0, 2])
def test_every_view_has_a_row_to_read_back(view: str, first_error: int) -> None:
    if view != "preference" or first_error != -1:
        assert len(rows_of(view, item(0, first_error=first_error))) == 1


@pytest.mark.parametrize("view", READ_AS)
def test_what_a_view_wrote_is_gold_for_the_same_solutions(view: str, tmp_path: Path) -> None:
    named = READ_AS[view][0]
    written = rows_of(view, item(0, first_error=1))
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
    gold = read_gold(str(path), convention(named), Columns(label=convention(named).column))
    assert [row.first_error for row in gold.rows] == [1]
    assert gold.rejected == []


def test_every_form_is_a_convention_and_the_other_way_round() -> None:
    assert set(FORMS) == set(CONVENTIONS)
