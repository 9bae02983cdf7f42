"""Every format gives the same rows; columns are mapped; ids are stable."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import ColumnsConfig, ProblemsConfig, SolutionColumnsConfig, SolutionsConfig
from pipeline.errors import ConfigError
from pipeline.inputs import Rejected, read_problems, read_solutions, write_rejected
from pipeline.records import Problem
from pipeline.steps import make_splitter

ROWS = [
    {"id": "a", "question": '1 + 1,\n"two"?', "answer": "2"},
    {"id": "b", "question": "é?", "answer": "3"},
]
NEWLINE = make_splitter("newline")


def _jsonl(folder: Path) -> Path:
    path = folder / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(r).encode() for r in ROWS))
    return path


def _jsonl_gz(folder: Path) -> Path:
    path = folder / "p.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n\n".join(json.dumps(r).encode() for r in ROWS)))
    return path


def _json(folder: Path) -> Path:
    path = folder / "p.json"
    path.write_text(json.dumps(ROWS))
    return path


def _csv(folder: Path) -> Path:
    path = folder / "p.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def _ndjson(folder: Path) -> Path:
    return _jsonl(folder).rename(folder / "p.ndjson")


def _json_gz(folder: Path) -> Path:
    path = folder / "p.json.gz"
    path.write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    return path


def _tsv(folder: Path) -> Path:
    path = folder / "p.TSV"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def _parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "p.parquet")
    return folder / "p.parquet"


def _folder(folder: Path) -> Path:
    (folder / "data" / "train").mkdir(parents=True)
    for index, row in enumerate(ROWS):
        pq.write_table(pa.Table.from_pylist([row]), folder / f"data/train/{index}.parquet")
    (folder / "data" / "README.md").write_text("A card.")
    return folder / "data"


def _saved(folder: Path) -> Path:
    datasets.Dataset.from_list(ROWS).save_to_disk(folder / "saved")
    return folder / "saved"


def _saved_splits(folder: Path) -> Path:
    splits = {n: datasets.Dataset.from_list([r]) for n, r in zip(("x", "y"), ROWS, strict=True)}
    datasets.DatasetDict(splits).save_to_disk(folder / "saved")
    return folder / "saved"


def _saved_inside(folder: Path) -> Path:
    datasets.Dataset.from_list(ROWS[:1]).save_to_disk(folder / "all" / "ds")
    _write(folder / "all" / "z.jsonl", ROWS[1:])
    return folder / "all"


@pytest.mark.parametrize(
    "write",
    [
        *(_jsonl, _jsonl_gz, _ndjson, _json, _json_gz, _csv, _tsv, _parquet),
        *(_folder, _saved, _saved_splits, _saved_inside),
    ],
)
def test_every_format_gives_the_same_rows(write: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_problems(ProblemsConfig(path=str(write(tmp_path))))
    assert [{"id": p.id, "question": p.question, "answer": p.answer} for p in found.rows] == ROWS
    assert found.rejected == []


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_files_of_a_folder_that_are_not_read_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path / "p.jsonl", ROWS)
    (tmp_path / "more").mkdir()
    for name in ("b.xlsx", "more/c.jsonl.zst", "README.md", ".hidden.txt"):
        (tmp_path / name).write_text("?")
    assert len(read_problems(ProblemsConfig(path=str(tmp_path))).rows) == 2
    (line,) = caplog.messages
    assert "b.xlsx, more/c.jsonl.zst" in line
    assert "README" not in line


def test_dots_reach_into_objects_and_a_worked_answer_is_reduced(tmp_path: Path) -> None:
    rows = [{"q": {"text": "1 + 1?"}, "a": "1 + 1 = 2\n#### 2", "level.name": 3}]
    columns = ColumnsConfig(question="q.text", answer="a", level="level.name")
    path = _write(tmp_path / "p.jsonl", rows)
    (problem,) = read_problems(ProblemsConfig(path=path, columns=columns)).rows
    assert (problem.question, problem.answer, problem.level) == ("1 + 1?", "2", "3")
    assert problem.reference == rows[0]["a"]


@pytest.mark.parametrize(
    "answer",
    [
        r"\boxed{42}",
        r"$\boxed{\frac{1}{2}}$",
        "#### 42",
        "The answer is 42.",
        r"\boxed{\text{yes}}",
    ],
)
def test_an_answer_in_its_box_is_no_reference_solution(tmp_path: Path, answer: str) -> None:
    path = _write(tmp_path / "p.jsonl", [{"question": "q", "answer": answer}])
    (problem,) = read_problems(ProblemsConfig(path=path)).rows
    assert problem.reference is None


def test_ids_by_content_do_not_depend_on_the_order(tmp_path: Path) -> None:
    rows = [{"question": str(i), "answer": i} for i in range(3)]
    forwards = read_problems(ProblemsConfig(path=_write(tmp_path / "a.jsonl", rows))).rows
    backwards = read_problems(ProblemsConfig(path=_write(tmp_path / "b.jsonl", rows[::-1]))).rows
    assert [p.id for p in forwards] == [p.id for p in backwards][::-1]


def test_the_limit_counts_good_rows(tmp_path: Path) -> None:
    rows = [{"question": "", "answer": 1}, *({"question": str(i), "answer": i} for i in range(5))]
    config = ProblemsConfig(path=_write(tmp_path / "p.jsonl", rows), limit=2)
    assert len(read_problems(config).rows) == 2


PROBLEM = Problem("p", "1 + 1?", "2")


def test_several_solutions_in_a_row_name_their_generators(tmp_path: Path) -> None:
    rows = [{"question": "1 + 1?", "big": {"text": "a\nb"}, "small": {"text": "a\nb"}}]
    columns = SolutionColumnsConfig(question="question", text=("big.text", "small.text"))
    config = SolutionsConfig(path=_write(tmp_path / "s.jsonl", rows), columns=columns)
    big, small = read_solutions(config, [PROBLEM], NEWLINE, 10).rows
    assert (big.generator, small.generator) == ("big", "small")
    assert big.steps == small.steps == ("a\n", "b")
    assert big.id != small.id
    commas = columns.model_copy(update={"text": "big.text, small.text"})
    again = read_solutions(config.model_copy(update={"columns": commas}), [PROBLEM], NEWLINE, 10)
    assert [s.id for s in again.rows] == [big.id, small.id]


def test_a_question_of_problems_with_different_answers_joins_no_solution(tmp_path: Path) -> None:
    path = _write(tmp_path / "s.jsonl", [{"q": "1 + 1?", "t": "2"}, {"q": "2 + 1?", "t": "3"}])
    columns = SolutionColumnsConfig(question="q", text="t")
    problems = [PROBLEM, Problem("r", "2 + 1?", "3"), Problem("other", "1 + 1?", "10")]
    found = read_solutions(SolutionsConfig(path=path, columns=columns), problems, NEWLINE, 10)
    assert [solution.problem_id for solution in found.rows] == ["r"]
    assert "different answers have this question (p, other)" in found.rejected[0].message


def test_steps_in_a_cell_of_csv_are_a_json_list(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text('p,steps\np,"[""a"", ""b""]"\n')
    columns = SolutionColumnsConfig(problem_id="p", steps="steps")
    found = read_solutions(SolutionsConfig(path=str(path), columns=columns), [PROBLEM], NEWLINE, 10)
    assert found.rows[0].steps == ("a\n", "b")


def test_exact_copies_of_a_solution_are_told_apart(tmp_path: Path) -> None:
    rows = [{"p": "p", "text": "same"}] * 3
    columns = SolutionColumnsConfig(problem_id="p", text="text")
    config = SolutionsConfig(path=_write(tmp_path / "s.jsonl", rows), columns=columns)
    first, second, third = (s.id for s in read_solutions(config, [PROBLEM], NEWLINE, 10).rows)
    assert (second, third) == (f"{first}-2", f"{first}-3")


def test_steps_that_are_given_keep_a_line_break_between_them(tmp_path: Path) -> None:
    columns = SolutionColumnsConfig(problem_id="p", steps="steps")
    path = _write(tmp_path / "s.jsonl", [{"p": "p", "steps": ["a", "b\n\n", "c"]}])
    (solution,) = read_solutions(
        SolutionsConfig(path=path, columns=columns), [PROBLEM], NEWLINE, 10
    ).rows
    assert solution.steps == ("a\n", "b\n\n", "c")


def test_the_example_solutions_of_gsm8k_can_be_expressed(shared_data: Path) -> None:
    path = str(shared_data / "gsm8k" / "example_model_solutions.jsonl")
    models = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
    problems = read_problems(
        ProblemsConfig(path=path, columns=ColumnsConfig(answer="ground_truth"))
    )
    columns = SolutionColumnsConfig(
        question="question", text=tuple(f"{model}.solution" for model in models)
    )
    solutions = read_solutions(
        SolutionsConfig(path=path, columns=columns), problems.rows, NEWLINE, 200
    )
    assert (len(problems.rows), len(solutions.rows)) == (1319, 5276)
    assert len({s.id for s in solutions.rows}) == 5276
    assert {s.generator for s in solutions.rows} == set(models)
    assert problems.rejected == solutions.rejected == []


def test_the_rejected_part_holds_what_was_wrong(tmp_path: Path) -> None:
    rejected = [Rejected("f", 2, "answer", "is empty; fill it in", "\\xff")]
    path = write_rejected(tmp_path / "rejected", rejected)
    assert path is not None
    assert Rejected(**pq.read_table(path).to_pylist()[0]) == rejected[0]
    assert write_rejected(tmp_path / "rejected", []) is None
    assert list((tmp_path / "rejected").iterdir()) == []


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("stepwise", {"prompt": "é?", "completions": ["One.", "So 3."], "labels": [True, True]}),
        (
            "math_shepherd",
            {
                "input": "é? Step 1: One. ки\nStep 2: So 3. ки",
                "label": "é? Step 1: One. +\nStep 2: So 3. +",
            },
        ),
        (
            "rlhflow",
            {
                "conversations": [
                    {"role": "user", "content": "é? Step 1: One."},
                    {"role": "assistant", "content": "+"},
                    {"role": "user", "content": "Step 2: So 3."},
                    {"role": "assistant", "content": "+"},
                ]
            },
        ),
    ],
)
def test_published_rows_of_labelled_steps_are_solutions_to_label_anew(
    form: str, row: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "published.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    problems = [Problem("b", "é?", "3")]
    found = read_solutions(SolutionsConfig(path=str(path), form=form), problems, NEWLINE, 200)
    assert [(s.problem_id, s.steps) for s in found.rows] == [("b", ("One.\n", "So 3."))]


def test_a_row_of_another_form_is_set_aside_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "published.jsonl"
    rows = [{"prompt": "é?", "completions": ["So 3."]}, {"prompt": "é?", "completions": "So 3."}]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    config = SolutionsConfig(path=str(path), form="stepwise")
    found = read_solutions(config, [Problem("b", "é?", "3")], NEWLINE, 200)
    assert len(found.rows) == 1
    assert "completions: should be a list" in str(found.rejected[0])


def test_an_unknown_form_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown form 'stepwize'; known are processbench"):
        read_solutions(SolutionsConfig(path="x", form="stepwize"), [], NEWLINE, 200)
