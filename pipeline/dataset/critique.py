"""`critique`: chats that teach a generative PRM (ThinkPRM arXiv 2504.16828, GenPRM arXiv 2504.00891) to
reason about steps before it judges them.

The rationale is that of a judge whose own vote names the label, as ThinkPRM keeps only chains that end
in the known label. It is never made up: without one there is no row. Steps are counted from 1 in it, as in
what the user shows, and of what a judge said step by step nothing is there after the first wrong one.
"""

from __future__ import annotations

from datasets import Features, List, Value

from pipeline.columns import Reads
from pipeline.dataset.view import (
    LABELLED_STEPS,
    Rows,
    View,
    labelled_steps,
    step_texts,
    without_label,
)
from pipeline.forms.critique import MARKS, SYSTEM, answer_of, question_of
from pipeline.join import Annotated
from pipeline.judge_text import reasons_up_to
from pipeline.review.witness import REVIEW

NO_RATIONALE = (
    "no judge whose vote names the label gave a reason that ends there and counts steps clearly"
)
HOLDS_MARK = f"a text of its own holds one of {', '.join(MARKS)}"


def rows(item: Annotated) -> Rows:
    label = item.label
    if label is None or label.first_error is None or not item.solution.steps:
        return
    steps, reason = step_texts(item.solution), _rationale(item)
    if reason is None or _holds_mark(item, steps):
        return
    contents = (
        ("system", SYSTEM),
        ("user", question_of(item.solution.question, steps)),
        ("assistant", answer_of(reason, label.first_error, len(steps))),
    )
    yield {"messages": [{"role": role, "content": content} for role, content in contents]}


def _rationale(item: Annotated) -> str | None:
    """Of the judges by name, the first vote that names the label and says why."""
    assert item.label is not None
    named, steps = item.label.first_error, len(item.solution.steps)
    for annotator, verdict in sorted(item.verdicts.items()):
        for vote in verdict.votes if annotator != REVIEW else ():
            if named is None or vote.first_error != named:
                continue
            if reasons := reasons_up_to(vote.rationale, named, steps):
                return reasons
    return None


def _holds_mark(item: Annotated, steps: list[str]) -> bool:
    return any(mark in text for text in (item.solution.question, *steps) for mark in MARKS)


def _why_none(item: Annotated) -> str:
    if labelled_steps(item) is None:
        return without_label(item)
    return NO_RATIONALE if _rationale(item) is None else HOLDS_MARK


VIEW = View(
    name="critique",
    version=3,
    about="For generative process reward models, by supervised fine-tuning (TRL's `SFTTrainer` and other "
    "readers of `messages`): a judge's reasoning whose own vote names the label, then a judgement of each "
    "step up to the first wrong one. Only solutions with a known label of which a judge said why.",
    features=Features({"messages": List({"role": Value("string"), "content": Value("string")})}),
    columns={
        "messages": "`system`: the task; `user`: the problem and all steps in numbered tags, from 1; "
        "`assistant`: a judge's reasoning, then `\\boxed{correct}` or `\\boxed{incorrect}` for each step up "
        "to the first wrong one, and a last line `First wrong step:` with its number, from 1, or `none`",
    },
    reads=LABELLED_STEPS | Reads(verdict=frozenset({"votes"})),
    rows=rows,
    why_none=_why_none,
    use="""from trl import SFTConfig, SFTTrainer

SFTTrainer("your/chat-model", SFTConfig(output_dir="critic", assistant_only_loss=True),
           train_dataset=rows).train()""",
)
