"""`preference`: after the same prefix a right step and a wrong one, for step-DPO (arXiv 2406.18629) and for
rStar-Math's preference model (arXiv 2501.04519).

The rejected step is the first error of one solution; the chosen one stands at the same place in another
solution to the same problem that begins with the same steps and is labelled right there. Trees
(`generate.tree`) have many such pairs; independent samples share little more than the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from datasets import Features, List, Value

from pipeline.columns import Reads
from pipeline.dataset.view import LABELLED_STEPS, Rows, View, step_texts
from pipeline.join import Annotated
from pipeline.records import NO_ERROR, content_hash


class _Step(NamedTuple):
    text: str
    value: float | None


def _worth(step: _Step) -> tuple[float, str]:
    """The best measured first, the unmeasured last; among equals the order is by content."""
    return (1.0 if step.value is None else -step.value, content_hash(step.text))


def of_problem(items: Sequence[Annotated]) -> Rows:
    right: dict[tuple[str, ...], dict[str, _Step]] = {}
    wrong: dict[tuple[tuple[str, ...], str], _Step] = {}
    for item in items:
        label, steps = item.label, tuple(step_texts(item.solution))
        if label is None or label.first_error is None:
            continue
        first_error = label.first_error
        values = [*label.values, *(None for _ in steps[len(label.values) :])]
        for place in range(len(steps) if first_error == NO_ERROR else first_error):
            step = _Step(steps[place], values[place])
            same = right.setdefault(steps[:place], {})
            same[step.text] = min(same.get(step.text, step), step, key=_worth)
        if first_error != NO_ERROR:
            step = _Step(steps[first_error], values[first_error])
            pair = steps[:first_error], step.text
            wrong[pair] = min(wrong.get(pair, step), step, key=_worth)
    question = min((item.solution.question for item in items), default="")
    for (prefix, text), rejected in sorted(wrong.items(), key=lambda one: content_hash(one[0])):
        better = right.get(prefix, {})
        if better and text not in better:
            chosen = min(better.values(), key=_worth)
            yield {
                "prompt": question,
                "prefix": list(prefix),
                "chosen": chosen.text,
                "rejected": text,
                "chosen_value": chosen.value,
                "rejected_value": rejected.value,
            }


VIEW = View(
    name="preference",
    version=2,
    about="For step-wise preference learning (step-DPO, preference models of processes): after the same "
    "prefix one step that is right and one that is the first wrong one. Pairs come of all solutions to a "
    "problem; a tree of rollouts has many, independent samples few but at the first step. A step that other "
    "solutions call right is never a rejected one.",
    features=Features(
        {
            "prompt": Value("string"),
            "prefix": List(Value("string")),
            "chosen": Value("string"),
            "rejected": Value("string"),
            "chosen_value": Value("float64"),
            "rejected_value": Value("float64"),
        }
    ),
    columns={
        "prompt": "the problem",
        "prefix": "the right steps that both follow, maybe none",
        "chosen": "a right next step",
        "rejected": "the first wrong step of another solution",
        "chosen_value": "share of rollouts from after the chosen step that reached the known answer, null "
        "where none was made",
        "rejected_value": "the same of the rejected step",
    },
    reads=LABELLED_STEPS | Reads(label=frozenset({"values"})),
    of_problem=of_problem,
    use="""def joined(row):  # TRL's DPOTrainer
    prompt = "\\n".join([row["prompt"], *row["prefix"], ""])
    return {"prompt": prompt, "chosen": row["chosen"], "rejected": row["rejected"]}

pairs = rows.map(joined, remove_columns=rows.column_names)""",
)
