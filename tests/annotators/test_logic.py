"""Steps of formal logic against the premises, asked of a real Z3."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from annotators import logic
from annotators.entailment import Entailment, Theory
from annotators.first_order import Node
from annotators.logic import LogicAnnotator, LogicOptions
from annotators.registry import make_annotators
from annotators.sorts import Sorts
from annotators.statements import read_statements
from pipeline.batch import run_batch
from pipeline.config import RunConfig
from pipeline.records import Label, Solution, Status, Verdict
from pipeline.run_folder import RunFolder
from tests.annotators.test_first_order import formulas

pytest.importorskip("z3", reason="Z3 is not installed: pip install 'steplabel[logic]'")

SOCRATES = "P1: forall x. (Human(x) -> Mortal(x))\nP2: Human(socrates)\nProve: Mortal(socrates)"
TRAVEL = "`Rain -> Wet`\n`Wet -> Late`\n`Rain`"


def judged(question: str, *steps: str, entailed: bool = True, effort: int = 5_000_000) -> Verdict:
    annotator = LogicAnnotator("logic", LogicOptions(entailed=entailed, effort=effort))
    return annotator.verdict(Solution("s", "p", question, "", steps, "model"))


@pytest.mark.parametrize(
    ("question", "steps", "first_error"),
    [
        (SOCRATES, ["Human(socrates) -> Mortal(socrates) [P1]", "Mortal(socrates) [P1, P2]"], -1),
        (SOCRATES, ["Mortal(socrates)", "~Human(socrates)"], 1),
        (SOCRATES, ["forall x. Mortal(x)"], 0),
        (TRAVEL, ["So `Wet`.", "Therefore `Late`."], -1),
        (TRAVEL, ["So `Wet`.", "Hence `~Late`."], 1),
        (TRAVEL, ["`Late -> Rain`", "`Wet & Late`"], -1),
        ("x + y = 10\nx - y = 2", ["2*x = 12", "x = 6", "y = 4"], -1),
        ("x + y = 10\nx - y = 2", ["2*x = 12", "x = 7"], 1),
        ("x + y = 10", ["x = 5"], 0),
        ("int n\nn > 2\nn < 4", ["n = 3"], -1),
        ("n > 2\nn < 4", ["n = 3"], 0),
        ("x*x = 4\nx > 0", ["x = 2"], -1),
        ("a < b\nb < c", ["a < c", "exists x. (a < x & x < c)"], -1),
    ],
)
def test_the_first_step_that_the_premises_do_not_entail(
    question: str, steps: list[str], first_error: int
) -> None:
    assert judged(question, *steps).first_error == first_error


def test_a_step_that_does_not_follow_comes_with_a_countermodel() -> None:
    (check,) = judged("x + y = 10", "x = 5").checks
    assert check.claim == "x = 5"
    assert check.expected is not None
    assert check.expected.startswith("not entailed: ")
    assert "x = " in check.expected
    assert "y = " in check.expected


def test_without_entailment_only_a_refuted_step_is_wrong() -> None:
    assert judged("x + y = 10", "x = 5", entailed=False).first_error is None
    assert judged("x + y = 10\nx = 4", "y = 7", entailed=False).first_error == 0


@pytest.mark.parametrize(
    ("question", "steps", "reason"),
    [
        ("What is 2 + 3?", ["x = 5"], "no premises"),
        ("Apples\nBears", ["Apples & Bears"], "no premises"),
        ("What is $x$ if $x + y = 10$?", ["x = 5"], "not clear"),
        ("A & ~A", ["B"], "contradict one another"),
        ("P(a)\nP(a, b)", ["P(a)"], "not clear"),
        (SOCRATES, ["He is human, and so he dies."], "unchecked"),
        (SOCRATES, ["Let us see.", "Mortal(socrates)"], "unchecked"),
        (SOCRATES, ["Greek(socrates)"], "unchecked"),
        (SOCRATES, ["Human(socrates, athens)"], "unchecked"),
        (SOCRATES, ["Greek(socrates)", "forall x. Mortal(x)"], "unchecked"),
    ],
)
def test_what_is_not_known_is_undecided(question: str, steps: list[str], reason: str) -> None:
    verdict = judged(question, *steps)
    assert verdict.first_error is None
    assert reason in (verdict.reason or "")


def test_what_lies_beyond_the_most_checks_is_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logic, "MAX_CHECKS", 2)
    verdict = judged(SOCRATES, "Human(socrates)", "Mortal(socrates)", "~Human(socrates)")
    assert (verdict.first_error, verdict.reason) == (None, "step 2 is unchecked")


def test_what_z3_leaves_open_is_unchecked() -> None:
    hard = "int a, b, c\na > 2\nb > 2\nc > 2"
    verdict = judged(hard, "a^3 + b^3 != c^3", effort=20_000)
    assert verdict.first_error is None
    assert [check.status for check in verdict.checks] == [Status.UNCHECKED]


def test_a_proof_by_contradiction_is_no_error() -> None:
    question = "A -> B\n~B & (A | ~A)"
    verdict = judged(question, "Suppose A & A", "B & ~B", "Therefore ~A & ~A")
    statuses = [check.status for check in verdict.checks]
    assert statuses == [Status.UNCHECKED, Status.EXACT, Status.EXACT]
    assert verdict.first_error in (None, -1)


@pytest.mark.parametrize("mark", ["Case 1: ", "case (i): ", "**Case A:** ", "### Case 2. "])
def test_a_case_is_a_supposition(mark: str) -> None:
    verdict = judged("Given $x^2 = 9$, find x.", f"{mark}$x = 3$\n", "Case 2: $x = -3$\n")
    assert [check.expected for check in verdict.checks] == ["supposed", "supposed"]
    assert verdict.first_error is None


def test_a_goal_is_no_premise() -> None:
    assert judged("A & B\nProve: C & A", "C & A").checks[0].status is Status.UNCHECKED


def truth(node: Node, world: dict[str, bool]) -> bool:
    values = [truth(argument, world) for argument in node.arguments]
    match node.operator:
        case "call":
            return world[node.name]
        case "~":
            return not values[0]
        case "->":
            return not values[0] or values[1]
        case "<->":
            return values[0] == values[1]
        case "&":
            return all(values)
    return any(values)


@settings(deadline=None, max_examples=40)
@given(formulas, formulas)
def test_entailment_is_that_of_the_truth_table(premise: Node, claim: Node) -> None:
    worlds = [dict(zip("ABC", values, strict=True)) for values in product([False, True], repeat=3)]
    holds = [world for world in worlds if truth(premise, world)]
    sorts = Sorts()
    sorts.add(premise)
    sorts.add(claim)
    theory = Theory([premise], sorts, frozenset(), 5_000_000, 20.0)
    assert theory.consistent() is bool(holds)
    found = theory.ask(claim).entailment
    if all(truth(claim, world) for world in holds):
        assert found is Entailment.ENTAILED
    elif not any(truth(claim, world) for world in holds):
        assert found is Entailment.REFUTED
    else:
        assert found is Entailment.OPEN


def test_what_a_question_asks_for_is_no_premise() -> None:
    (check,) = judged("If $x > 0$, prove that $x > 3$.", "x > 2").checks
    assert check.status is Status.UNCHECKED
    assert judged(SOCRATES, "Conclusion: Mortal(socrates)").first_error == -1


def test_claims_are_found_where_they_stand() -> None:
    text = "Thus, by P1, `A -> B`.\n- so A & B [1, 2]\nWe are done."
    found = read_statements(text, frozenset({"A"})).statements
    assert [text[s.start : s.end] for s in found] == ["A -> B", "A & B"]


def test_a_run_with_the_recipe_labels_formal_steps(tmp_path: Path) -> None:
    problem = {"id": "p", "question": SOCRATES, "answer": "7"}
    texts = ["Human(socrates)\nMortal(socrates)", "Human(socrates)\nforall x. Mortal(x)"]
    rows = [
        {"id": f"s{i}", "problem_id": "p", "text": f"{text}\n\\boxed{{{answer}}}"}
        for i, (text, answer) in enumerate(zip(texts, "78", strict=True))
    ]
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    (tmp_path / "solutions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "name": "logic",
        "recipe": "fover",
        "runs_dir": str(tmp_path / "runs"),
        "problems": {"path": str(tmp_path / "problems.jsonl")},
        "solutions": {
            "path": str(tmp_path / "solutions.jsonl"),
            "columns": {"problem_id": "problem_id", "text": "text"},
        },
        "steps": {"split": "newline"},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    run = RunConfig.load(str(tmp_path / "run.yaml"))
    asyncio.run(run_batch(run, make_annotators(run)))
    labels = list(RunFolder(run.folder).labels.read(Label))
    assert len(labels) == 2
    assert {label.first_error for label in labels} == {-1, 1}
