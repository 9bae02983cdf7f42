"""RLHFlow's rows (`RLHFlow/Mistral-PRM-Data`, `RLHFlow/Deepseek-PRM-Data`): a conversation in which the user
says the next step, the first behind the problem, and the assistant + or -."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.forms.fields import turns, with_fields
from pipeline.forms.math_shepherd import RIGHT, WRONG
from pipeline.forms.numbered import bare, numbered, split_first
from pipeline.inputs.rows import FieldFault, Row, has


def conversation(problem: str, steps: Sequence[str], signs: Sequence[str]) -> list[dict[str, str]]:
    said = numbered(steps)
    said[0] = f"{problem} {said[0]}"
    return [
        message
        for step, sign in zip(said, signs, strict=True)
        for message in (
            {"role": "user", "content": step},
            {"role": "assistant", "content": sign},
        )
    ]


def read_rlhflow(row: Row) -> Row:
    """`labels` are the signs, one for each step."""
    column = "messages" if has(row.data, "messages") else "conversations"
    found = turns(row, column, ("user", "assistant"))
    if len(found) % 2 or any(
        role != ("user", "assistant")[place % 2] for place, (role, _) in enumerate(found)
    ):
        raise FieldFault(column, "should be a user's step and the assistant's sign, in turn")
    signs = [content.strip() for _, content in found[1::2]]
    for place, sign in enumerate(signs):
        if sign not in (RIGHT, WRONG):
            raise FieldFault(f"{column}[{2 * place + 1}].content", "should be + or -", sign)
    problem, first = split_first(found[0][1], f"{column}[0].content")
    steps = [bare(step) for step in (first, *(content for _, content in found[2::2]))]
    return with_fields(row, problem=problem, steps=steps, labels=signs)
