"""`steplabel evaluate`: runs, datasets and files against oracles and gold rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from pipeline.config import DatasetConfig
from pipeline.dataset import CardFacts, write_dataset
from pipeline.engine.simulated import simulated_truth
from pipeline.join import Annotated, annotated
from pipeline.records import Label, Outcome, Solution, Verdict, step_labels_for
from pipeline.run_folder import RunFolder
from tests.flows.run_on_disk import write_run
from tests.killing import run_in_child
from tests.pipeline.dataset.items import HOSTILE, batch, in_memory
from tests.test_resume import small_batch

TINYMATH = Path("data/tinymath/dev.jsonl")


class Said:
    """What the command said, and how it ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys
        monkeypatch.setenv("COLUMNS", "160")

    def __call__(self, *words: object, code: int = 0) -> str:
        command = ["steplabel", "evaluate", *map(str, words)]
        self._patch.setattr(sys, "argv", [*command, "--draws", "100"])
        ended = 0
        try:
            main()
        except SystemExit as stop:
            ended = int(stop.code or 0)
        shown = self._capsys.readouterr()
        assert ended == code, shown.out + shown.err
        assert "Traceback" not in shown.err
        return shown.out + " ".join(shown.err.split())


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(monkeypatch, capsys)


def figures(path: Path) -> dict[str, dict[str, Any]]:
    return {one["who"]: one["exactness"] for one in json.loads(path.read_text())["scored"]}


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = small_batch(tmp_path_factory.mktemp("simulated"), problems=12)
    run_in_child(config, None)
    return RunFolder(config.folder)


def truth_of(solution: Solution) -> int:
    """An answer that is cut with the last step counts as that step."""
    return min(simulated_truth(solution.text, solution.gold), len(solution.steps) - 1)


def gold_of(run: RunFolder, path: Path) -> Path:
    """Gold rows with ids of their own, so that they are matched by their text."""
    rows = []
    for solution in run.solutions.read(Solution):
        truth = truth_of(solution)
        steps = [step.strip() for step in solution.steps]
        rows.append(
            {"problem": solution.question, "steps": steps, "label": truth, "id": f"g{len(rows)}"}
        )
    return written(path, rows)


def test_a_run_is_scored_against_gold_rows_by_text(
    simulated: RunFolder, evaluate: Said, tmp_path: Path
) -> None:
    gold, out = gold_of(simulated, tmp_path / "gold.jsonl"), tmp_path / "figures.json"
    page = tmp_path / "page.html"
    text = evaluate(simulated.folder, "--gold", gold, "--json", out, "--html", page)
    assert "48 solutions of 12 problems" in text
    found = figures(out)
    assert list(found) == ["arithmetic", "judge", "rollouts", "label", "always “no error”"]
    items = list(annotated(simulated))
    truth = [truth_of(item.solution) for item in items]
    kept = [
        (item.label.first_error, true)
        for item, true in zip(items, truth, strict=True)
        if item.label is not None and item.label.first_error is not None
    ]
    assert found["label"]["kept"]["value"] == pytest.approx(len(kept) / 48)
    assert found["label"]["exact"]["value"] == pytest.approx(
        sum(named == true for named, true in kept) / len(kept)
    )
    assert page.read_text().startswith("<!DOCTYPE html>")
    spent = {one["who"]: one for one in json.loads(out.read_text())["spent"]}
    judged = sum(item.verdicts["judge"].cost.completion_tokens for item in items)
    assert spent["judge"]["per_solution"]["value"] == pytest.approx(judged / 48)


def test_a_dataset_is_scored_as_its_run_is(
    simulated: RunFolder, evaluate: Said, tmp_path: Path
) -> None:
    gold = gold_of(simulated, tmp_path / "gold.jsonl")
    of_run, of_dataset = tmp_path / "run.json", tmp_path / "dataset.json"
    evaluate(simulated.folder, "--gold", gold, "--json", of_run)
    evaluate(simulated.dataset, "--gold", gold, "--json", of_dataset)
    assert figures(of_run) == figures(of_dataset)


def test_the_view_of_the_kept_alone_leaves_gold_rows_over(
    simulated: RunFolder, evaluate: Said, tmp_path: Path
) -> None:
    gold, out = gold_of(simulated, tmp_path / "gold.jsonl"), tmp_path / "figures.json"
    view = simulated.dataset / "first_error"
    assert "gold rows in no figure" in evaluate(view, "--gold", gold)
    evaluate(view, "--gold", gold, "--count-missing", "--json", out)
    whole = tmp_path / "run.json"
    evaluate(simulated.folder, "--gold", gold, "--json", whole)
    assert figures(out)["label"]["f1"]["value"] == figures(whole)["label"]["f1"]["value"]


def tinymath_item(number: int, right: bool) -> Annotated:
    row = json.loads(TINYMATH.read_text().splitlines()[number])
    steps = row["reference"].splitlines(keepends=True)
    if not right:
        steps[-1] = "Answer : 999999\n"
    solution = Solution(
        f"s{number}",
        row["id"],
        row["question"],
        row["answer"],
        tuple(steps),
        "a-model",
        outcome=Outcome.CORRECT if right else Outcome.INCORRECT,
    )
    first_error = -1 if right else len(steps) - 1
    verdicts = {"judge": Verdict(solution.id, "judge", first_error, confidence=0.9)}
    label = Label(
        solution.id, first_error, step_labels_for(first_error, len(steps)), confidence=0.9
    )
    return Annotated(solution, verdicts, label)


def test_a_tinymath_run_is_scored_by_the_oracle(evaluate: Said, tmp_path: Path) -> None:
    run = write_run(tmp_path, "tiny", [tinymath_item(n, n % 2 == 0) for n in range(8)])
    assert "no oracle is named" in evaluate(run.folder, code=2)
    out = tmp_path / "figures.json"
    text = evaluate("tiny", "--runs-dir", tmp_path, "--oracle", "tinymath", "--json", out)
    assert "against the oracle tinymath: 8 solutions of 8 problems, 4 with an error" in text
    assert "stated confidence" in text
    assert figures(out)["label"]["f1"]["value"] == 1.0
    (run.folder / "config.yaml").write_text("oracle: tinymath\n")
    assert "the oracle tinymath" in evaluate(run.folder)


def processbench(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "processbench" / "gsm8k.json").read_text())


def test_processbench_against_itself_has_an_f1_of_one(
    shared_data: Path, evaluate: Said, tmp_path: Path
) -> None:
    gold, out = shared_data / "processbench" / "gsm8k.json", tmp_path / "figures.json"
    text = evaluate(gold, "--gold", gold, "--json", out)
    assert "400 solutions of 375 problems, 207 with an error" in text
    found = figures(out)
    assert found["label"]["f1"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 400}
    assert found["always “no error”"]["f1"]["value"] == 0.0
    assert found["always “no error”"]["exact"]["value"] == 193 / 400


def test_a_stated_rule_on_processbench_has_the_f1_computed_here(
    shared_data: Path, evaluate: Said, tmp_path: Path
) -> None:
    """The rule: wrong answers err in step 1, right ones nowhere."""
    gold = processbench(shared_data)
    said = [
        {"problem": row["problem"], "steps": row["steps"], "confidence": 0.5}
        | {"label": -1 if row["final_answer_correct"] else min(1, len(row["steps"]) - 1)}
        for row in gold
    ]
    path, out = written(tmp_path / "said.jsonl", said), tmp_path / "figures.json"
    evaluate(path, "--gold", shared_data / "processbench" / "gsm8k.json", "--json", out)
    errors = [(s["label"], g["label"]) for s, g in zip(said, gold, strict=True) if g["label"] >= 0]
    clean = [(s["label"], g["label"]) for s, g in zip(said, gold, strict=True) if g["label"] < 0]
    a, b = (sum(x == y for x, y in rows) / len(rows) for rows in (errors, clean))
    found = figures(out)["label"]
    assert found["on_errors"]["value"] == a
    assert found["on_clean"]["value"] == b
    assert found["f1"]["value"] == 2 * a * b / (a + b)


def test_prm800k_against_itself_in_each_convention(
    shared_data: Path, evaluate: Said, tmp_path: Path
) -> None:
    gold, out = shared_data / "prm800k" / "val.jsonl", tmp_path / "figures.json"
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    numbered = [
        {"id": row["id"], "label": row["label"] + 1 if row["label"] >= 0 else -1} for row in rows
    ]
    said = written(tmp_path / "said.jsonl", numbered)
    words = ["--gold", gold, "--convention", "prm800k", "--said-convention", "one_based"]
    evaluate(said, *words, "--json", out)
    assert figures(out)["label"]["f1"]["value"] == 1.0
    assert figures(out)["label"]["f1"]["n"] == 1818


def test_rows_that_stand_alone_are_counted_and_named(evaluate: Said, tmp_path: Path) -> None:
    gold = written(tmp_path / "gold.jsonl", [{"id": one, "label": 0} for one in "abc"])
    said = [
        {"id": "a", "label": 0},
        {"id": f"[red]{HOSTILE}", "label": 0},
        {"id": "b", "label": "?"},
    ]
    text = evaluate(written(tmp_path / "said.jsonl", said), "--gold", gold)
    assert "rows without gold: 1" in text
    assert "[red]" in text
    assert "\x1b" not in text
    assert "gold rows in no figure (--count-missing counts them as undecided): 2" in text
    assert "rows that could not be read: 1" in text
    assert "said.jsonl, row 3, label: should be a whole number" in text


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["said.jsonl"], 2, "--gold: missing"),
        (["said.jsonl", "--gold", "gold.jsnl"], 3, "did you mean"),
        (
            ["said.jsonl", "--gold", "gold.jsonl", "--convention", "two"],
            2,
            "known are processbench",
        ),
        (["said.jsonl", "--gold", "gold.jsonl", "--gold-column", "x"], 2, "should be FIELD=COLUMN"),
        (["said.jsonl", "--gold", "gold.jsonl", "--oracle", "tinymath"], 2, "name one of the two"),
        (["said.jsonl", "--gold", "gold.jsonl", "--witness", "judge"], 2, "no verdict of it"),
        (["said.jsonl", "--gold", "gold.jsonl", "--strict"], 3, "row 2, confidence"),
        (["said.jsonl", "--oracle", "tinymoth"], 2, "did you mean 'tinymath'"),
        (["other.jsonl", "--gold", "gold.jsonl"], 3, "none of the 1 rows has a match"),
        (["nowhere", "--gold", "gold.jsonl"], 5, "holds no run"),
        (["nowhere.jsonl", "--gold", "gold.jsonl"], 3, "no such file"),
        (["said.jsonl", "--gold", "gold.jsonl", "--json", "gold.jsonl/x"], 2, "can't be written"),
        (["bad.jsonl", "--gold", "gold.jsonl"], 3, "1 rejected: bad.jsonl, row 1, label"),
    ],
)
def test_mistakes_are_told_in_one_message(
    words: list[str],
    code: int,
    told: str,
    evaluate: Said,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "gold.jsonl", [{"id": "a", "label": 0}])
    said = [{"id": "a", "label": 0}, {"id": "b", "label": 0, "confidence": 1.5}]
    written(tmp_path / "said.jsonl", said)
    written(tmp_path / "bad.jsonl", [{"id": "a", "label": "?"}])
    written(tmp_path / "other.jsonl", [{"id": "z", "label": 0}])
    assert told in evaluate(*words, code=code)


def test_text_that_no_file_can_hold_is_written_all_the_same(evaluate: Said, tmp_path: Path) -> None:
    steps = ["\ud800 \u202e", "x"]
    gold = [{"id": "a", "problem": "p", "steps": steps, "label": 0}]
    verdicts = [{"annotator": "\udc00</script>", "first_error": 1}]
    said = [gold[0] | {"label": 1, "verdicts": verdicts}]
    out, page = tmp_path / "figures.json", tmp_path / "page.html"
    paths = written(tmp_path / "said.jsonl", said), written(tmp_path / "gold.jsonl", gold)
    evaluate(paths[0], "--gold", paths[1], "--json", out, "--html", page)
    assert "?</script>" in figures(out)
    assert "</script>" not in page.read_text()


@pytest.mark.parametrize("view", ["stepwise", "math_shepherd", "rlhflow", "prm800k"])
def test_a_trainer_s_view_is_gold_for_the_run_that_it_was_made_of(
    view: str, tmp_path: Path, evaluate: Said
) -> None:
    items = batch(6)
    run = write_run(tmp_path, "here", items)
    config = DatasetConfig(views=(view,), test_share=0)
    write_dataset(in_memory(items), tmp_path / "d", config, CardFacts("gold"))
    gold, out = tmp_path / "d" / view, tmp_path / "figures.json"
    evaluate(run.folder, "--gold", gold, "--convention", view, "--json", out)
    assert figures(out)["label"]["exact"]["value"] == 1.0


def test_an_annotator_that_the_configuration_no_longer_has_is_left_out(
    evaluate: Said, tmp_path: Path
) -> None:
    run = write_run(tmp_path, "here", items := batch(3))
    rows = [
        {"id": one.solution.id, "label": one.label.first_error}
        for one in items
        if one.label is not None and one.label.first_error is not None
    ]
    (run.folder / "config.yaml").write_text("annotators: {rollouts: {}, arithmetic: {}}\n")
    gold, out = written(tmp_path / "gold.jsonl", rows), tmp_path / "figures.json"
    evaluate(run.folder, "--gold", gold, "--json", out)
    assert {"rollouts", "arithmetic"} <= figures(out).keys()
    assert "judge" not in figures(out)
    assert "judge" in evaluate(run.folder, "--gold", gold, "--witness", "judge")


def test_brackets_of_a_witnesss_name_are_text(evaluate: Said, tmp_path: Path) -> None:
    said = [{"annotator": "[/judge]", "first_error": 0}, {"annotator": "[b]", "first_error": 0}]
    row = {"id": "one", "label": 0, "level": "[/5]", "verdicts": said}
    path = written(tmp_path / "said.jsonl", [row])
    text = evaluate(path, "--gold", path)
    assert "[/judge], [b]" in text
