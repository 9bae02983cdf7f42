"""`stepwise`: what TRL's PRMTrainer reads (trl <= 1.13, as trl-lib/math_shepherd).

That trainer learns from `int(label)` of every step and has no value for "unknown", so a row stops
at the first error, and only solutions whose label is known are here.
"""

from __future__ import annotations

from datasets import Features, List, Value

from pipeline.dataset.view import LABELLED_STEPS, Rows, View, labelled_steps
from pipeline.join import Annotated


def rows(item: Annotated) -> Rows:
    if (shown := labelled_steps(item)) is not None:
        yield {
            "prompt": item.solution.question,
            "completions": shown.steps,
            "labels": shown.right,
        }


VIEW = View(
    name="stepwise",
    about="For trainers of process reward models: TRL's `PRMTrainer` (trl 1.13 and older) and "
    "whatever reads `trl-lib/math_shepherd`. Only solutions with a known label; a row ends at the "
    "first wrong step, because nothing is known of the steps after it.",
    features=Features(
        {
            "prompt": Value("string"),
            "completions": List(Value("string")),
            "labels": List(Value("bool")),
        }
    ),
    columns={
        "prompt": "the problem",
        "completions": "the steps, up to and with the first wrong one",
        "labels": "for each of these steps: true when it is right; only the last can be false",
    },
    reads=LABELLED_STEPS,
    rows=rows,
    use="""from transformers import AutoModelForTokenClassification, AutoTokenizer
from trl.experimental.prm import PRMConfig, PRMTrainer  # trl <= 1.13

model = AutoModelForTokenClassification.from_pretrained("your/model", num_labels=2)
tokenizer = AutoTokenizer.from_pretrained("your/model")
arguments = PRMConfig(output_dir="prm", max_length=2048, max_completion_length=None)
PRMTrainer(model, arguments, train_dataset=rows, processing_class=tokenizer).train()""",
)
