"""Kinds of bad input, each with the place and the cure that its message must name.

`BAD_INPUTS` is run against the readers here and against the command line in the tests of the flows.
A case writes its files into an empty folder and says how it is configured; `{folder}` in texts is
that folder. Cases of one bad row have a good row before it, so that "the rest goes on" can be seen.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

GOOD = {"id": "good", "question": "What is 2 + 3?", "answer": "5"}
CONFIG = "name: bad\nruns_dir: {folder}/runs\nproblems:\n  path: {folder}/problems.jsonl\n"
SOLUTIONS = (
    CONFIG + "solutions:\n  path: {folder}/solutions.jsonl\n"
    "  columns: {problem_id: problem, text: text}\n"
)


@dataclass(frozen=True)
class BadInput:
    """`place` and `cure` must stand in one message; `row_only` says that the other rows go on."""

    name: str
    place: str
    cure: str
    files: dict[str, bytes | Callable[[], bytes]] = field(default_factory=dict)
    config: str = CONFIG
    overrides: tuple[str, ...] = ()
    row_only: bool = False

    def write(self, folder: Path) -> Path:
        """Write the files; returns the configuration's path."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content() if callable(content) else content)
        config = folder / "config.yaml"
        config.write_text(self.config.replace("{folder}", str(folder)), encoding="utf-8")
        return config


def lines(*rows: Any) -> bytes:
    """JSONL; bytes stand for themselves."""
    return b"".join(
        (row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows
    )


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def _row(name: str, bad: Any, place: str, cure: str, config: str = CONFIG) -> BadInput:
    """A bad line after a good one."""
    return BadInput(name, place, cure, {"problems.jsonl": lines(GOOD, bad)}, config, row_only=True)


def _file(
    name: str, file: str, content: Any, place: str, cure: str, rows: bool = False
) -> BadInput:
    config = CONFIG.replace("problems.jsonl", file)
    return BadInput(name, place, cure, {file: content}, config, row_only=rows)


def _solution(name: str, bad: Any, place: str, cure: str, more: str = "") -> BadInput:
    good = {"problem": "good", "text": "2 + 3 = 5\nAnswer: 5"}
    files: dict[str, bytes | Callable[[], bytes]] = {
        "problems.jsonl": lines(GOOD),
        "solutions.jsonl": lines(good, bad),
    }
    return BadInput(name, place, cure, files, SOLUTIONS + more, row_only=True)


def _config(name: str, config: str, place: str, cure: str, *overrides: str) -> BadInput:
    return BadInput(name, place, cure, {"problems.jsonl": lines(GOOD)}, config, overrides)


def _csv(*rows: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _long_line() -> bytes:
    return (
        lines(GOOD)
        + b'{"question": "'
        + b"x" * (50 << 20)
        + b'", "answer": "1"}\n'
        + lines({**GOOD, "id": "after"})
    )


def _bad_utf8_parquet() -> bytes:
    texts = pa.array([b"fine", b"\xff\xfe"], pa.binary()).view(pa.utf8())
    table = pa.table({"question": texts, "answer": pa.array(["1", "2"])})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


ROWS = [
    _row("question missing", {"id": "b", "answer": "1"}, "row 2, question", "the row has 'id'"),
    _row("question misspelt", {"qestion": "x", "answer": "1"}, "row 2, question", "'qestion'?"),
    _row("question null", {**GOOD, "id": "b", "question": None}, "row 2, question", "be a text"),
    _row("question blank", {**GOOD, "id": "b", "question": " "}, "row 2, question", "fill it in"),
    _row("question a list", {**GOOD, "question": ["x"]}, "row 2, question", "should be a text"),
    _row("question over-long", {**GOOD, "question": "x" * 20_001}, "row 2, question", "max_chars"),
    _row("question with NUL", {**GOOD, "question": "a\0b"}, "row 2, question", "remove it"),
    _row("lone surrogate", b'{"question": "\\ud800", "answer": "1"}', "row 2, question", "UTF-8"),
    _row("answer empty", {**GOOD, "answer": ""}, "row 2, answer", "fill it in"),
    _row("answer an object", {**GOOD, "answer": {"a": 1}}, "row 2, answer", "text or a number"),
    _row(
        "answer not finite", b'{"question": "x", "answer": NaN}', "row 2, answer", "finite number"
    ),
    _row("answer without end", {**GOOD, "id": "b", "answer": "so ####"}, "row 2, answer", "add it"),
    _row("id twice", {**GOOD, "question": "y"}, "row 2, id", "make ids unique"),
    _row("id a list", {**GOOD, "id": [1]}, "row 2, id", "text or a number"),
    _row("not JSON", b'{"question": "x", }', "row 2", "not valid JSON at character 19"),
    _row("not an object", ["x", "1"], "row 2", "should be an object"),
    _row(
        "invalid UTF-8", b'{"question": "\xff", "answer": "1"}', "row 2", "save the file as UTF-8"
    ),
    _row("nested too deeply", b"[" * 100_000, "row 2", "flatter"),
    _row("number too long", b'{"question": "x", "answer": ' + b"1" * 5000 + b"}", "row 2", "text"),
    BadInput(
        "line of 50 MB",
        "row 2",
        "split it",
        {"problems.jsonl": _long_line},
        row_only=True,
    ),
    _file(
        "CSV row too short",
        "p.csv",
        _csv(["question", "answer"], ["x", "1"], ["y"]).encode(),
        "p.csv, row 2",
        "the header has 2",
        rows=True,
    ),
    _file(
        "CSV quote not closed",
        "p.csv",
        b'question,answer\nx,1\n"y,2\nz,3\n',
        "p.csv, row 2",
        "close every quote",
        rows=True,
    ),
    _file(
        "CSV invalid UTF-8",
        "p.csv",
        b"question,answer\nx,1\n\xff,2\n",
        "p.csv, row 2, question",
        "save it as UTF-8",
        rows=True,
    ),
    _file(
        "Parquet invalid UTF-8",
        "p.parquet",
        _bad_utf8_parquet,
        "p.parquet, row 2, question",
        "as UTF-8",
        rows=True,
    ),
    _file(
        "JSON list of lists",
        "p.json",
        json.dumps([GOOD, ["x"]]).encode(),
        "p.json, row 2",
        "should be an object",
        rows=True,
    ),
    _file(
        "gzip cut short",
        "p.jsonl.gz",
        lambda: gzip.compress(lines(*({**GOOD, "id": i} for i in range(2000))))[:-40],
        "p.jsonl.gz",
        "copy it again",
        rows=False,
    ),
]

FILES = [
    _file("JSON damaged", "p.json", b'[{"question": "x"', "p.json", "at line 1, column 18"),
    _file("JSONL named .json", "p.json", lines(GOOD, GOOD), "p.json", "name it .jsonl"),
    _file("JSON an object", "p.json", b'{"rows": []}', "p.json", "a list of objects"),
    _file("empty file", "p.jsonl", b"", "p.jsonl", "should hold a row or more"),
    _file("only blank lines", "p.jsonl", b"\n\n", "p.jsonl", "no rows at all"),
    _file("UTF-16", "p.jsonl", '{"question": "x"}'.encode("utf-16"), "p.jsonl", "save it as UTF-8"),
    _file("CSV column twice", "p.csv", b"a,a\n1,2\n", "p.csv", "rename one"),
    _file(
        "Parquet cut short",
        "p.parquet",
        lambda: parquet([GOOD])[:-20],
        "p.parquet",
        "copy it again",
    ),
    _file("Parquet by name only", "p.parquet", b"question,answer", "p.parquet", "copy it again"),
    _file("gzip by name only", "p.jsonl.gz", lines(GOOD), "p.jsonl.gz", "unpack it yourself"),
    _file("unknown kind", "p.xlsx", b"PK", "p.xlsx", "should end in .jsonl"),
    BadInput(
        "no such file",
        "problems.jsonl'?",
        "did you mean",
        {"problems.jsonl": b"", "config": b""},
        CONFIG.replace("problems.jsonl", "problem.jsonl"),
    ),
    BadInput(
        "folder without data",
        "/data",
        "should hold .jsonl",
        {"data/notes.txt": b"x"},
        CONFIG.replace("problems.jsonl", "data"),
    ),
    BadInput(
        "saved dataset damaged",
        "state.json",
        "save_to_disk",
        {"data/state.json": b"{"},
        CONFIG.replace("problems.jsonl", "data"),
    ),
    BadInput(
        "saved dataset with a file missing",
        "data-00000.arrow",
        "copy the whole folder",
        {"data/state.json": b'{"_data_files": [{"filename": "data-00000.arrow"}]}'},
        CONFIG.replace("problems.jsonl", "data"),
    ),
    BadInput(
        "column in no row",
        "problems.columns.answer",
        "did you mean 'answer'",
        {"problems.jsonl": lines(GOOD)},
        CONFIG + "  columns: {answer: anser}\n",
    ),
    BadInput(
        "dotted column in no row",
        "problems.columns.level",
        "did you mean 'meta.level'",
        {"problems.jsonl": lines({**GOOD, "meta": {"level": 1}})},
        CONFIG + "  columns: {level: meta.lvel}\n",
    ),
]

SOLUTION_ROWS = [
    _solution(
        "solution of no problem", {"problem": "x", "text": "y"}, "row 2, problem", "add the p"
    ),
    _solution("solution empty", {"problem": "good", "text": "\n"}, "row 2, text", "fill it in"),
    _solution("solution missing", {"problem": "good"}, "row 2, text", "missing; the row has"),
    _solution(
        "too many steps",
        {"problem": "good", "text": "a\nb\nc"},
        "row 2, text",
        "raise it",
        "steps: {max_steps: 2}\n",
    ),
    BadInput(
        "steps not a list",
        "row 1, steps",
        "should be a list",
        {
            "problems.jsonl": lines(GOOD),
            "solutions.jsonl": lines({"problem": "good", "steps": "x"}),
        },
        SOLUTIONS.replace("text: text", "steps: steps"),
    ),
    BadInput(
        "step not a text",
        "steps[1]",
        "should be a text",
        {
            "problems.jsonl": lines(GOOD),
            "solutions.jsonl": lines({"problem": "good", "steps": ["x", 1]}),
        },
        SOLUTIONS.replace("text: text", "steps: steps"),
    ),
    BadInput(
        "neither text nor steps",
        "solutions.columns",
        "one of the two",
        {"problems.jsonl": lines(GOOD), "solutions.jsonl": lines({"problem": "good"})},
        SOLUTIONS.replace(", text: text", ""),
    ),
    BadInput(
        "nothing joins solutions",
        "solutions.columns",
        "`problem_id`, or",
        {"problems.jsonl": lines(GOOD), "solutions.jsonl": lines({"problem": "good"})},
        SOLUTIONS.replace("problem_id: problem, ", ""),
    ),
]

CONFIGS = [
    _config("config a list", "- a\n- b\n", "config.yaml", "is a mapping"),
    _config("config empty", "", "config.yaml", "is a mapping"),
    _config("config with tabs", "problems:\n\tpath: x\n", "line 2", "spaces, not tabs"),
    _config("config with an open quote", 'name: "x\n', "config.yaml", "not valid YAML"),
    _config("unknown key", CONFIG + "genrate: {}\n", "'genrate'", "did you mean 'generate'?"),
    _config("unknown nested key", CONFIG + "  limt: 3\n", "'problems.limt'", "mean 'limit'?"),
    _config("problems missing", "name: x\n", "'problems' is missing", "problems:"),
    _config("text for a number", CONFIG + "shard_size: many\n", "shard_size", "valid integer"),
    _config("negative number", CONFIG + "seed: -1\n", "seed", "greater than or equal to 0"),
    _config("no such choice", CONFIG + "grading: {cut: maybe}\n", "grading.cut", "'undecided' or"),
    _config("share above one", CONFIG + "dataset: {test_share: 2}\n", "test_share", "less than 1"),
    _config("name with a slash", CONFIG.replace("bad", "a/b", 1), "name", "pattern"),
    _config("--set without =", CONFIG, "--set seed", "key.subkey=value", "seed"),
    _config("--set of an unknown key", CONFIG, "'sed'", "did you mean 'seed'?", "sed=1"),
    _config("--set below a text", CONFIG, "--set name.x=1", "not below a mapping", "name.x=1"),
]

BAD_INPUTS: list[BadInput] = [*ROWS, *FILES, *SOLUTION_ROWS, *CONFIGS]
