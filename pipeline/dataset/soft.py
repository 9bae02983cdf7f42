"""`soft`: Monte-Carlo values of the steps beside their labels, for trainers of values (soft labels of
OpenRLHF, ER-PRM arXiv 2412.11006, PQM arXiv 2410.11287).

A value is measured, never filled in: where a search made no rollouts after a step it is null.
"""

from __future__ import annotations

from datasets import Features, List, Value

from pipeline.columns import Reads
from pipeline.dataset.view import LABELLED_STEPS, Rows, View, labelled_steps, without_label
from pipeline.join import Annotated

NO_ROLLOUTS = "no rollouts were made after its steps"


def rows(item: Annotated) -> Rows:
    shown = labelled_steps(item)
    if shown is None or item.label is None:
        return
    measured = item.label.values[: len(shown.steps)]
    values = [*measured, *(None for _ in range(len(shown.steps) - len(measured)))]
    if any(value is not None for value in values):
        yield {
            "prompt": item.solution.question,
            "completions": shown.steps,
            "labels": shown.right,
            "values": values,
            "confidence": _confidence(item, len(shown.steps)),
        }


def _confidence(item: Annotated, steps: int) -> list[float]:
    """n / (n + 2) of n decided rollouts: what they weigh against a flat Beta(1, 1) prior."""
    decided = [0] * (steps + 1)
    for verdict in item.verdicts.values():
        for probe in verdict.probes:
            if probe.prefix <= steps:
                decided[probe.prefix] += probe.decided
    return [n / (n + 2) for n in decided[1:]]


def _why_none(item: Annotated) -> str:
    return NO_ROLLOUTS if labelled_steps(item) is not None else without_label(item)


VIEW = View(
    name="soft",
    about="For trainers of values and of soft labels: the columns of `stepwise`, and for each step the "
    "share of rollouts from after it that reached the known answer. Only labelled solutions with "
    "rollouts. A step after which no rollout was made has the value null: mask it.",
    features=Features(
        {
            "prompt": Value("string"),
            "completions": List(Value("string")),
            "labels": List(Value("bool")),
            "values": List(Value("float64")),
            "confidence": List(Value("float64")),
        }
    ),
    columns={
        "prompt": "the problem",
        "completions": "the steps, up to and with the first wrong one",
        "labels": "for each of these steps: true when it is right; only the last can be false",
        "values": "for each of these steps: share of rollouts from after it that reached the known "
        "answer, null where none was made",
        "confidence": "of each value, as a weight: n / (n + 2) of n decided rollouts, 0 where none was made",
    },
    reads=LABELLED_STEPS | Reads(label=frozenset({"values"}), verdict=frozenset({"probes"})),
    rows=rows,
    why_none=_why_none,
    use="""def with_step_tokens(row, token="ки"):  # OpenRLHF: --input_key input --label_key values
    known = [value is not None for value in row["values"]]
    steps = [step + (f" {token}" if has else "") for step, has in zip(row["completions"], known)]
    values = [float(value) for value in row["values"] if value is not None]
    return {"input": row["prompt"] + "\\n" + "\\n".join(steps), "values": values}

openrlhf = rows.map(with_step_tokens, remove_columns=rows.column_names)""",
)
