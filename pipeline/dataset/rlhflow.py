"""`rlhflow`: conversations as RLHFlow's PRM data has them (RLHFlow/Mistral-PRM-Data), for its trainer and
axolotl's chat templates."""

from __future__ import annotations

from datasets import Features, List, Value

from pipeline.dataset.math_shepherd import HOLDS_FIRST
from pipeline.dataset.view import LABELLED_STEPS, Rows, View, labelled_steps, without_label
from pipeline.forms.math_shepherd import RIGHT, WRONG
from pipeline.forms.numbered import FIRST
from pipeline.forms.rlhflow import conversation
from pipeline.join import Annotated


def rows(item: Annotated) -> Rows:
    shown = labelled_steps(item)
    if shown is None or FIRST in item.solution.question:
        return
    signs = [RIGHT if right else WRONG for right in shown.right]
    yield {"conversations": conversation(item.solution.question, shown.steps, signs)}


def _why_none(item: Annotated) -> str:
    return HOLDS_FIRST if labelled_steps(item) is not None else without_label(item)


VIEW = View(
    name="rlhflow",
    about="For trainers that read chats, such as RLHFlow's and axolotl's: the user says the next step, the "
    "assistant `+` or `-`. Only solutions with a known label; a row ends at the first wrong step. Train "
    "on the assistant's turns alone.",
    features=Features(
        {"conversations": List({"role": Value("string"), "content": Value("string")})}
    ),
    columns={
        "conversations": "messages: `user` a step, the first one behind the problem; `assistant` `+` (right) "
        "or `-` (wrong); only the last can be `-`",
    },
    reads=LABELLED_STEPS,
    rows=rows,
    why_none=_why_none,
    use="""# axolotl: datasets: [{path: ..., name: rlhflow, type: chat_template,
#   field_messages: conversations, roles_to_train: [assistant]}]
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("your/chat-model")
print(tokenizer.apply_chat_template(rows[0]["conversations"], tokenize=False))""",
)
