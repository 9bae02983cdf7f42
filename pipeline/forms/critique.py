"""Critiques for generative PRMs (GenPRM, arXiv 2504.00891; ThinkPRM, arXiv 2504.16828): the user shows
problem and steps, the assistant reasons about them and ends with a judgement of each and the first wrong
one.

Steps are numbered from 1 here, as a reader counts; the labels that are read are 0-based.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.forms.fields import MAX_STEPS, turns, with_fields
from pipeline.inputs.rows import FieldFault, Row
from pipeline.records import NO_ERROR

SYSTEM = (
    "You check a step-by-step solution of a problem. Reason about its steps, then judge each one up to "
    "the first wrong step with \\boxed{correct} or \\boxed{incorrect}, and end with a line that says "
    "`First wrong step:` and the step's number, or `none`."
)
_OPEN, _CLOSE = "<problem>\n", "\n</problem>"
_END = re.compile(r"\nFirst wrong step: (none|[1-9][0-9]{0,4})\s*\Z")
MARKS = ("<problem>", "</problem>", "<step_", "</step_")
"""What neither problem nor step may hold, or they could not be told apart again."""


def question_of(problem: str, steps: Sequence[str]) -> str:
    shown = (f"<step_{number}>\n{step}\n</step_{number}>" for number, step in enumerate(steps, 1))
    return "\n\n".join((f"{_OPEN}{problem}{_CLOSE}", *shown))


def answer_of(rationale: str, first_error: int, steps: int) -> str:
    judged = range(steps if first_error == NO_ERROR else first_error + 1)
    words = ("incorrect" if step == first_error else "correct" for step in judged)
    lines = [f"Step {number}: \\boxed{{{word}}}" for number, word in enumerate(words, 1)]
    named = "none" if first_error == NO_ERROR else str(first_error + 1)
    return "\n".join((rationale, "", *lines, f"First wrong step: {named}"))


def read_critique(row: Row) -> Row:
    """`label` is the first error that the assistant ends with."""
    found = turns(row, "messages", ("system", "user", "assistant"))
    asked = [content for role, content in found if role == "user"]
    said = [content for role, content in found if role == "assistant"]
    if len(asked) != 1 or len(said) != 1:
        raise FieldFault("messages", "should have one message of the user, one of the assistant")
    problem, steps = _parts(asked[0])
    end = _END.search("\n" + said[0][-100:])
    if end is None:
        raise FieldFault(
            "messages", "the assistant should end with `First wrong step:` and a number or `none`"
        )
    label = NO_ERROR if end[1] == "none" else int(end[1]) - 1
    return with_fields(row, problem=problem, steps=steps, label=label)


def _parts(text: str) -> tuple[str, list[str]]:
    """Problem and steps; each character is looked at once, whatever is written."""
    end = text.find(_CLOSE)
    if not text.startswith(_OPEN) or end < 0:
        raise FieldFault("messages", "the user should show <problem> and <step_1>, …", text)
    problem, at = text[len(_OPEN) : end], end + len(_CLOSE)
    steps: list[str] = []
    while at < len(text):
        number = len(steps) + 1
        head, tail = f"\n\n<step_{number}>\n", f"\n</step_{number}>"
        begin = at + len(head)
        end = text.find(tail, begin)
        if not text.startswith(head, at) or end < 0 or number > MAX_STEPS:
            raise FieldFault("messages", f"<step_{number}> should follow, and end", text[at:])
        steps.append(text[begin:end])
        at = end + len(tail)
    return problem, steps
