"""Gold rows: read in every form, matched by id or by text, and never lost in silence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigError, InputError
from pipeline.evaluate.cases import Case, Columns
from pipeline.evaluate.conventions import convention
from pipeline.evaluate.gold import UNCLEAR, UNSAID, GoldRows, Known, NotFound, read_gold

STEPS = ("Two and two.", "That is 5.", "The answer is 5.")


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: str, name: str = "processbench", *columns: str, strict: bool = False) -> GoldRows:
    counted = convention(name)
    return read_gold(path, counted, Columns.of(columns, counted, "--gold-column"), strict)


def row(label: Any = 1, **other: Any) -> dict[str, Any]:
    return {"id": "a", "problem": "What is 2 + 2?", "steps": list(STEPS), "label": label} | other


def found(gold: GoldRows, case: Case, named: int | None = None) -> int | str:
    known = gold.find(case, named)
    return known.first_error if isinstance(known, Known) else known.why


@pytest.mark.parametrize("name", ["gold.json", "gold.jsonl", "gold.parquet"])
def test_each_kind_of_file_reads_alike(tmp_path: Path, name: str) -> None:
    gold = read(written(tmp_path / name, [row(), row(-1, id="b", steps=["4."])]))
    assert [(r.case.id, r.first_error) for r in gold.rows] == [("a", 1), ("b", -1)]
    assert gold.rejected == []


def test_other_columns_and_a_list_of_wrong_steps(tmp_path: Path) -> None:
    """PRMBench's form."""
    path = written(
        tmp_path / "gold.jsonl",
        [{"idx": 7, "modified_process": list(STEPS), "error_steps": [3, 2], "problem": "p"}],
    )
    columns = ("id=idx", "steps=modified_process", "label=error_steps")
    assert read(path, "one_based", *columns).rows[0].first_error == 1


def test_bad_rows_are_told_with_row_and_field_and_the_others_stay(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        row(),
        row(3, id="b"),
        row(None, id="c"),
        row(id="d", steps="one"),
        row(id="e", steps=["x", 3]),
        row(),
        {"label": 1},
        row(id="f", final_answer_correct="yes"),
    ]
    path = written(tmp_path / "gold.jsonl", rows)
    gold = read(path)
    assert [r.case.id for r in gold.rows] == ["a"]
    assert [(r.row, r.field) for r in gold.rejected] == [
        (2, "label"),
        (3, "label"),
        (4, "steps"),
        (5, "steps[1]"),
        (6, "id"),
        (7, "id"),
        (8, "final_answer_correct"),
    ]
    assert "names step 3 counted from 0, but the row has 3 steps" in str(gold.rejected[0])
    with pytest.raises(InputError, match="row 2, label"):
        read(path, strict=True)


def test_no_good_row_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    path = written(tmp_path / "gold.jsonl", [{"id": "a", "ratings": [1, -1]}])
    with pytest.raises(InputError, match=r"no good row.*label: missing"):
        read(path)
    assert read(path, "prm800k").rows[0].first_error == 1


def test_a_column_option_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="--gold-column lable=x: should be FIELD=COLUMN"):
        Columns.of(["lable=x"], convention("processbench"), "--gold-column")


def test_ids_match_first_and_text_where_they_differ(tmp_path: Path) -> None:
    gold = read(written(tmp_path / "g.jsonl", [row(), row(-1, id="b", steps=["4."])]))
    spaced = tuple(f" {step}\n" for step in STEPS)
    assert found(gold, Case("b", None, None)) == -1
    assert found(gold, Case("other", "What is  2 + 2?", spaced)) == 1
    assert gold.unused() == []
    assert found(gold, Case("c", "What is 2 + 2?", ("4!",))) == (
        "no gold row has this id, or this problem and steps"
    )


def test_the_same_id_of_another_solution_is_no_match(tmp_path: Path) -> None:
    gold = read(written(tmp_path / "g.jsonl", [row()]))
    assert "another problem" in str(found(gold, Case("a", "What is 3 + 3?", STEPS)))
    assert "3 steps, not 1" in str(found(gold, Case("a", "What is 2 + 2?", ("5",))))
    assert "3 steps, and step 9" in str(found(gold, Case("a", None, None), named=9))
    assert "other steps" in str(found(gold, Case("a", None, ("Two.", "3", "So 3."))))
    assert [why for _, why in gold.unused()] == [UNSAID]
    far = read(written(tmp_path / "f.jsonl", [{"id": "a", "label": 3}]))
    assert "step 3, from 0, of 3" in str(found(far, Case("a", None, STEPS)))


def test_a_step_s_own_number_may_be_there_or_not(tmp_path: Path) -> None:
    gold = read(written(tmp_path / "g.jsonl", [row(id=None)]))
    numbered = tuple(f"Step {number}: {step}" for number, step in enumerate(STEPS, 1))
    assert found(gold, Case(None, "What is 2 + 2?", numbered)) == 1


def test_the_same_text_with_other_labels_is_unclear(tmp_path: Path) -> None:
    gold = read(written(tmp_path / "g.jsonl", [row(), row(2, id="b")]))
    assert "name different steps" in str(found(gold, Case("c", "What is 2 + 2?", STEPS)))
    assert [why for _, why in gold.unused()] == [UNCLEAR, UNCLEAR]
    assert found(gold, Case("b", "What is 2 + 2?", STEPS)) == 2


def test_a_row_that_ends_at_its_error_matches_solutions_that_go_on(tmp_path: Path) -> None:
    ended = {"problem": "What is 2 + 2?", "steps": list(STEPS[:2]), "ratings": [1, -1]}
    gold = read(written(tmp_path / "g.jsonl", [ended, ended | {"id": "a"}]), "prm800k")
    assert found(gold, Case("x", "What is 2 + 2?", STEPS)) == 1
    assert found(gold, Case("a", "What is 2 + 2?", STEPS)) == 1
    assert isinstance(gold.find(Case("x", "What is 2 + 2?", STEPS[:1]), None), NotFound)


def test_a_row_that_ends_without_error_matches_none_that_goes_on(tmp_path: Path) -> None:
    ended = {"problem": "What is 2 + 2?", "steps": list(STEPS[:2]), "ratings": [1, 0]}
    gold = read(written(tmp_path / "g.jsonl", [ended]), "prm800k")
    assert isinstance(gold.find(Case("x", "What is 2 + 2?", STEPS), None), NotFound)


def completion(text: str, rating: int | None) -> dict[str, Any]:
    return {"text": text, "rating": rating, "flagged": False}


def published(finish: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"question": {"problem": "p"}, "label": {"steps": list(steps), "finish_reason": finish}}


def test_the_published_form_of_prm800k_follows_what_the_labeller_went_on_with(
    tmp_path: Path,
) -> None:
    both = [completion("bad", -1), completion("good", 1)]
    rows = [
        published(
            "found_error",
            {"completions": both, "chosen_completion": 1, "human_completion": None},
            {"completions": [], "chosen_completion": None, "human_completion": {"text": "mine"}},
            {"completions": [completion("wrong", -1)], "chosen_completion": None},
        ),
        published("solution", {"completions": [completion("x", 0)], "chosen_completion": 0}),
        published("give_up", {"completions": both, "chosen_completion": 1}),
        published("solution", {"completions": [completion("x", None)], "chosen_completion": 0}),
        published("solution", {"completions": both, "chosen_completion": 5}),
    ]
    gold = read(written(tmp_path / "g.jsonl", rows), "prm800k")
    assert [(r.case.steps, r.first_error) for r in gold.rows] == [
        (("good", "mine", "wrong"), 2),
        (("x",), -1),
    ]
    assert [r.field for r in gold.rejected] == [
        "label.finish_reason",
        "label.steps[0].rating",
        "label.steps[0]",
    ]


def test_real_prm800k_rows_read_as_their_own_label_says(shared_data: Path) -> None:
    path = shared_data / "prm800k" / "val.jsonl"
    gold = read(str(path), "prm800k")
    labels = [json.loads(text)["label"] for text in path.read_text().splitlines()]
    assert gold.rejected == []
    assert [r.first_error for r in gold.rows] == labels


def test_real_processbench_rows_read_whole(shared_data: Path) -> None:
    path = shared_data / "processbench" / "gsm8k.json"
    gold = read(str(path))
    labels = Counter(one["label"] for one in json.loads(path.read_text()))
    assert Counter(r.first_error for r in gold.rows) == labels
    assert all(r.case.outcome is not None for r in gold.rows)
