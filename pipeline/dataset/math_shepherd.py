"""`math_shepherd`: the rows of peiyi9979/Math-Shepherd (arXiv 2312.08935), which OpenRLHF's PRM trainer,
distilabel's FormatPRM and TRL's converter read and write."""

from __future__ import annotations

from datasets import Features, Value

from pipeline.columns import Reads
from pipeline.dataset.view import LABELLED_STEPS, Rows, View, labelled_steps, without_label
from pipeline.forms.math_shepherd import RIGHT, TAG, WRONG, tagged
from pipeline.forms.numbered import FIRST
from pipeline.join import Annotated

TASK = "steplabel"
HOLDS_TAG = f"a text of its own holds {TAG!r}, the step tag, which trainers would read as one"
HOLDS_FIRST = f"its problem holds {FIRST!r}, where its first step is looked for"


def rows(item: Annotated) -> Rows:
    shown = labelled_steps(item)
    if shown is None or _clash(item, shown.steps) is not None:
        return
    question, signs = item.solution.question, [RIGHT if right else WRONG for right in shown.right]
    yield {
        "input": tagged(question, shown.steps, [TAG] * len(signs)),
        "label": tagged(question, shown.steps, signs),
        "task": item.solution.level or TASK,
    }


def _clash(item: Annotated, steps: list[str]) -> str | None:
    if TAG in item.solution.question or any(TAG in step for step in steps):
        return HOLDS_TAG
    return HOLDS_FIRST if FIRST in item.solution.question else None


def _why_none(item: Annotated) -> str:
    shown = labelled_steps(item)
    return (shown and _clash(item, shown.steps)) or without_label(item)


VIEW = View(
    name="math_shepherd",
    about="The form of `peiyi9979/Math-Shepherd`: for OpenRLHF's `train_prm`, distilabel's `FormatPRM` and "
    "TRL's converter of that data set. Only solutions with a known label; a row ends at the first wrong "
    "step.",
    features=Features(
        {"input": Value("string"), "label": Value("string"), "task": Value("string")}
    ),
    columns={
        "input": f"the problem and its numbered steps, each ending in the step tag `{TAG}`",
        "label": "the same text with `+` (right) or `-` (wrong) in place of each tag; only the last can be "
        "`-`",
        "task": f"the problem's level where the problems say it, else `{TASK}`",
    },
    reads=LABELLED_STEPS | Reads(solution=frozenset({"level"})),
    rows=rows,
    why_none=_why_none,
    use=f'''def signs(row):  # OpenRLHF: --input_key input --label_key signs --placeholder_token {TAG}
    pieces = row["input"].split("{TAG}")
    at, found = 0, []
    for piece in pieces[:-1]:
        at += len(piece)
        found.append(row["label"][at])
        at += 1
    return {{"signs": found}}

openrlhf = rows.map(signs)  # --reward_tokens + -''',
)
