"""Each view, written and loaded, does its work in what reads it: 20 steps of training on a tiny model, or the
documented form where no package has the reader."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import DatasetConfig
from pipeline.dataset import VIEWS, CardFacts, load_view, write_dataset
from pipeline.forms.math_shepherd import TAG
from pipeline.join import Annotated
from pipeline.records import Vote, step_labels_for
from tests.conftest import ROOT
from tests.pipeline.dataset.items import in_memory, item

POLICY = ROOT / "data" / "tinymath" / "policy"
STEPS = 20
CHAT = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}"
    "{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}{{ '\n' }}{% endfor %}"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Of so small a model more threads wait for each other."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The train split of a view, of TinyMath's own solutions: each as it is, and with a wrong step."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("views") / "d"
    items = list(tinymath(24))
    write_dataset(in_memory(items), folder, DatasetConfig(views=tuple(VIEWS)), CardFacts("tiny"))
    cache = str(folder.parent / "cache")
    return lambda view: datasets.load_dataset(str(folder), view, split="train", cache_dir=cache)


def tinymath(problems: int) -> Iterator[Annotated]:
    lines = (ROOT / "data/tinymath/dev.jsonl").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(map(json.loads, lines[:problems])):
        steps = row["reference"].splitlines(keepends=True)
        wrong = number % len(steps)
        for attempt, first_error in enumerate((-1, wrong)):
            shown = list(steps)
            if first_error >= 0:
                shown[wrong] = (
                    shown[wrong].replace("=", "= 7", 1) if "=" in shown[wrong] else "yes\n"
                )
            made = item(number, attempt, first_error, tuple(shown))
            label = replace(
                made.label,
                step_labels=step_labels_for(first_error, len(steps)),
                values=tuple(float(step != first_error) for step in range(len(steps))),
            )
            judge = replace(made.verdicts["judge"], votes=(Vote(first_error, row["reference"]),))
            yield replace(
                made,
                solution=replace(made.solution, question=row["question"]),
                label=label,
                verdicts=made.verdicts | {"judge": judge},
            )


def tokenizer() -> Any:
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(POLICY)
    made.chat_template = CHAT
    return made


def classifier(outputs: int = 2) -> Any:
    from transformers import AutoModelForTokenClassification

    return AutoModelForTokenClassification.from_pretrained(POLICY, num_labels=outputs)


def arguments(folder: Path) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": STEPS,
        "per_device_train_batch_size": 2,
        "gradient_checkpointing": False,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
    }


def check_trained(trainer: Any) -> None:
    """All steps were made, with finite losses of something that can be learned."""
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert trainer.state.global_step == STEPS
    assert all(0 < loss < 100 for loss in losses)
    assert sum(losses[-5:]) < sum(losses[:5])


@pytest.mark.parametrize("view", ["stepwise", "soft"])
def test_trl_trains_a_prm(view: str, data: Any, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed (steplabel[dev])")
    from trl.experimental.prm import PRMConfig, PRMTrainer

    config = PRMConfig(**arguments(tmp_path), max_length=512, max_completion_length=None)
    check_trained(
        PRMTrainer(classifier(), config, train_dataset=data(view), processing_class=tokenizer())
    )


def test_transformers_trains_a_token_classifier_on_soft_values(data: Any, tmp_path: Path) -> None:
    """Steps without a value are masked: they are no target."""
    pytest.importorskip("accelerate", reason="accelerate is not installed (steplabel[dev])")
    import torch
    from transformers import Trainer, TrainingArguments

    tokens = tokenizer()

    def encoded(row: dict[str, Any]) -> dict[str, Any]:
        ids = tokens(row["prompt"] + "\n")["input_ids"]
        targets = [-1.0] * len(ids)
        for step, value in zip(row["completions"], row["values"], strict=True):
            more = tokens(step + "\n")["input_ids"]
            ids += more
            targets += [-1.0] * (len(more) - 1) + [-1.0 if value is None else value]
        return {"input_ids": ids, "targets": targets}

    def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
        most = max(len(row["input_ids"]) for row in rows)
        pad = {"input_ids": tokens.pad_token_id, "targets": -1.0}
        return {
            k: torch.tensor([r[k] + [v] * (most - len(r[k])) for r in rows]) for k, v in pad.items()
        }

    class Values(Trainer):
        def compute_loss(self, model: Any, inputs: Any, **_: Any) -> Any:
            logits = model(input_ids=inputs["input_ids"]).logits[..., 0]
            known = inputs["targets"] >= 0
            return torch.nn.functional.binary_cross_entropy_with_logits(
                logits[known], inputs["targets"][known]
            )

    rows = data("soft").map(encoded, remove_columns=data("soft").column_names)
    config = TrainingArguments(**arguments(tmp_path), remove_unused_columns=False)
    check_trained(Values(classifier(1), config, together, train_dataset=rows))


@pytest.mark.parametrize(
    ("view", "column"), [("critique", "messages"), ("rlhflow", "conversations")]
)
def test_trl_fine_tunes_on_chats(view: str, column: str, data: Any, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed (steplabel[dev])")
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    rows = data(view).rename_column(column, "messages") if column != "messages" else data(view)
    config = SFTConfig(**arguments(tmp_path), max_length=512, assistant_only_loss=True)
    model = AutoModelForCausalLM.from_pretrained(POLICY)
    check_trained(SFTTrainer(model, config, train_dataset=rows, processing_class=tokenizer()))


def test_trl_s_dpo_prefers_the_right_step(data: Any, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed (steplabel[dev])")
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    pairs = run_use("preference", data("preference"))["pairs"]
    model = AutoModelForCausalLM.from_pretrained(POLICY)
    config = DPOConfig(**arguments(tmp_path), max_length=512)
    check_trained(DPOTrainer(model, args=config, train_dataset=pairs, processing_class=tokenizer()))


def run_use(view: str, rows: Any) -> dict[str, Any]:
    """The card's own snippet, run; it imports nothing that isn't here."""
    names = {"rows": rows}
    exec(load_view(view).use, names)
    return names


def test_openrlhf_finds_a_sign_for_each_step_tag(data: Any) -> None:
    """As its ProcessRewardDataset asks: a list of signs, as many as placeholders in the input."""
    rows = run_use("math_shepherd", data("math_shepherd"))["openrlhf"]
    assert len(rows) > 0
    for row in rows:
        assert isinstance(row["signs"], list)
        assert row["input"].count(TAG) == len(row["signs"])
        assert set(row["signs"]) <= {"+", "-"}
        assert "-" not in row["signs"][:-1]


def test_openrlhf_finds_a_value_for_each_step_tag(data: Any) -> None:
    rows = run_use("soft", data("soft"))["openrlhf"]
    for row in rows:
        assert row["input"].count(TAG) == len(row["values"]) > 0
        assert all(isinstance(value, float) for value in row["values"])


def test_distilabel_s_format_prm_would_write_the_same_row(data: Any) -> None:
    """It joins the instruction and the tagged steps: `instruction + " " + "\\n".join(steps)`."""
    for row in data("math_shepherd"):
        instruction, _, _ = row["label"].partition(" Step 1:")
        steps = row["label"].removeprefix(instruction + " ").split("\n")
        solutions, step = [], ""
        for line in steps:  # a step of several lines ends with its sign
            step = f"{step}\n{line}" if step else line
            if line.endswith((" +", " -")):
                solutions.append(step)
                step = ""
        assert step == ""
        assert row["label"] == instruction + " " + "\n".join(solutions)
        replaced = [solution[:-1] + TAG for solution in solutions]
        assert row["input"] == instruction + " " + "\n".join(replaced)


def test_prm800k_s_json_lines_have_its_keys(data: Any, tmp_path: Path) -> None:
    """As openai/prm800k documents them; what TRL's converter and OpenR index."""
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        run_use("prm800k", data("prm800k"))
    finally:
        os.chdir(here)
    lines = (tmp_path / "prm800k.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(data("prm800k"))
    for row in map(json.loads, lines):
        assert isinstance(row["question"]["problem"], str)
        steps = row["label"]["steps"]
        ratings = [one["rating"] for step in steps for one in step["completions"]]
        assert row["label"]["finish_reason"] == ("found_error" if -1 in ratings else "solution")
        assert -1 not in ratings[:-1]
        for step, rating in zip(steps, ratings, strict=True):
            assert (step["chosen_completion"] == 0) == (rating == 1)
            assert step["human_completion"] is None


def test_processbench_s_f1_is_computed_by_the_card_s_own_lines(
    data: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run_use("first_error", data("first_error"))
    assert capsys.readouterr().out == "F1 0.0\n"


def test_evidence_tells_why_solutions_are_undecided(data: Any) -> None:
    assert len(run_use("evidence", data("evidence"))["undecided"]) == 0
