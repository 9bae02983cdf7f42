"""Decisions on disk: the last one stands, an undo takes it back, and what a kill cut short isn't there."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError, RunError
from pipeline.review.decisions import (
    Decision,
    Decisions,
    Kind,
    decisions_of,
    last_of,
    reviewers,
    standing,
)

AT = "2026-01-01T00:00:00.000+00:00"


def decision(solution: str, first_error: int | None = None, undo: bool = False) -> Decision:
    kind = Kind.UNDO if undo else Kind.UNSURE if first_error is None else Kind.NAMED
    return Decision(solution, kind, first_error, 1.5, False, 2.0, AT)


ids = st.sampled_from(["a", "b", "c d\n", "é\u2028"])
made = st.builds(decision, ids, st.none() | st.integers(-1, 5))
undone = st.builds(lambda one: decision(one, undo=True), ids)
rows = st.lists(made | undone, max_size=12)


@settings(max_examples=15)  # each row is synced to the disk
@given(rows)
def test_what_was_appended_is_read_back(some: list[Decision]) -> None:
    with TemporaryDirectory() as folder:
        file = Decisions(Path(folder) / "reviews" / "ann.jsonl")
        for row in some:
            file.append(row)
        assert file.rows() == some


def test_what_is_decided_while_another_copy_is_taken_is_not_lost(tmp_path: Path) -> None:
    file, copy = (Decisions(tmp_path / name / "ann.jsonl") for name in ("here", "there"))
    for number in range(40):
        copy.append(decision(f"theirs {number}"))

    def decide() -> None:
        for number in range(40):
            file.append(decision(f"mine {number}"))

    with ThreadPoolExecutor() as threads:
        deciding = threads.submit(decide)
        while not deciding.done():
            (tmp_path / "now").write_bytes((tmp_path / "there" / "ann.jsonl").read_bytes())
            file.take(tmp_path / "now")
        deciding.result()
    found = [row.solution_id for row in file.rows()]
    assert len(found) == len(set(found)) == 80


@given(rows, made)
def test_the_last_decision_on_a_solution_stands(some: list[Decision], last: Decision) -> None:
    assert standing([*some, last])[last.solution_id] == last


@given(rows, made)
def test_an_undo_brings_back_what_stood_before(some: list[Decision], one: Decision) -> None:
    assert standing([*some, one, decision(one.solution_id, undo=True)]) == standing(some)


@given(rows)
def test_undoing_the_newest_again_and_again_ends_with_nothing(some: list[Decision]) -> None:
    left = list(some)
    for _ in range(len(some) + 1):
        if (last := last_of(left)) is not None:
            assert last.solution_id in standing(left)
            left.append(decision(last.solution_id, undo=True))
    assert standing(left) == {}


@settings(max_examples=25)
@given(st.lists(made, min_size=1, max_size=4), st.data())
def test_a_line_that_a_kill_cut_short_is_not_there_and_harms_no_other(
    some: list[Decision], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ann.jsonl"
        file = Decisions(path)
        for row in some:
            file.append(row)
        text = path.read_bytes()
        start = text[:-1].rfind(b"\n") + 1
        path.write_bytes(text[: data.draw(st.integers(start, len(text) - 1))])
        assert file.rows() == some[:-1]
        file.append(some[0])
        assert file.rows() == [*some[:-1], some[0]]


def test_rows_of_many_at_once_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "ann.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Decisions(path).append(decision(f"s{n}", n % 3)), range(40)))
    assert {row.solution_id for row in Decisions(path).rows()} == {f"s{n}" for n in range(40)}


@pytest.mark.parametrize(
    "damage", ["{", '{"kind": "named"}', json.dumps({"solution_id": "a", "kind": "named"}), "[1]"]
)
def test_a_damaged_row_is_told_with_its_place(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ann.jsonl"
    Decisions(path).append(decision("a", 1))
    path.write_text(path.read_text() + damage + "\n")
    with pytest.raises(RunError, match=r"ann\.jsonl: line 2 is damaged"):
        reviewers(tmp_path)


@pytest.mark.parametrize("name", ["", "../ann", "a/b", ".hidden", "a b", "x" * 41, "ann\n"])
def test_a_name_that_is_no_file_s_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="--reviewer"):
        decisions_of(tmp_path, name)


def test_each_reviewer_has_a_file(tmp_path: Path) -> None:
    decisions_of(tmp_path, "ann").append(decision("a", 1))
    decisions_of(tmp_path, "ben").append(decision("a", 2))
    found = reviewers(tmp_path)
    assert {name: of["a"].first_error for name, of in found.items()} == {"ann": 1, "ben": 2}
